"""Every limit of the delivery protocol, with its reason.

A limit is enforced where the thing is made: a line at append, a frame as it is filled, a wait where it
begins. Nothing here reads a setting; what a city may change is said in docs/OPERATIONS.md. The hub checks
the same limits again, because a device may be broken or hostile.

Source: docs/PROTOCOL.md, sections Streams, Lines and frames, Session, The device.
"""

from typing import Final

# Lines and frames (Linux devices; a microcontroller's own limits are below).
LINE_BYTES_MAX: Final = 16 * 1024
"""A line with a sealed report of 4,000 characters and its envelope stays under 8 KiB; twice that is room."""
FRAME_LINES_MAX: Final = 200
"""Beyond 200 lines a frame gains no speed, and what must be sent again after a loss grows."""
FRAME_BYTES_MAX: Final = 64 * 1024
"""Header, contexts and lines together; far below every broker's default payload limit."""
NESTING_MAX: Final = 32
"""Objects and lists inside one another in a message: what was read can be written again on any stack."""
MICRO_LINE_BYTES_MAX: Final = 1024
MICRO_FRAME_LINES_MAX: Final = 20
MICRO_FRAME_BYTES_MAX: Final = 4 * 1024

# What names things.
DEVICE_ID_LENGTH_MAX: Final = 32
EVENT_TYPE_LENGTH_MAX: Final = 64
SUBJECT_LENGTH_MAX: Final = 128
CONTEXT_ID_LENGTH_MAX: Final = 16

# The hub's side of a session.
OFFER_LIFE_MS: Final = 60_000
"""A welcome that is not answered within a minute is forgotten: a recorded one is worth nothing later."""
WELCOME_INTERVAL_MS: Final = 1_000
"""A frame of no known session is answered by a welcome at most once a second per device."""
ACK_COALESCE_MS: Final = 50
"""Acknowledgements of one device are held together this long: one message for many frames."""
CREDIT_LINES: Final = 800
"""Lines that a device may have in flight per stream: four full frames."""
HOLD_S_MAX: Final = 60
"""Upper end of the random pause that a returning hub asks of its devices."""
EPOCHS_LISTED_MAX: Final = 256
"""Epochs on a device's disk per stream. A device that starts more often within its keep window lets complete
epochs expire early and says so; where none is complete the lane takes nothing more and asks for service."""
BIRTH_BYTES_MAX: Final = 128 * 1024
"""A birth that lists every epoch of every stream fits."""
INBOX_MESSAGES_MAX: Final = 20_000
"""Messages that may wait for the hub's writer; beyond it the newest are dropped and sent again."""
INBOX_DEVICE_MESSAGES_MAX: Final = 256
"""Of one device, four times what it may leave unconfirmed: one that floods drowns no other."""
INBOX_BYTES_MAX: Final = 64 * 1024 * 1024
"""The same in bytes: the hub's memory stays bounded whatever a thousand devices send at once."""
GROUP_MESSAGES_MAX: Final = 500
"""Messages taken into one database transaction: the delay of an acknowledgement stays small."""
GROUP_BYTES_MAX: Final = 1024 * 1024
"""The same in bytes, some 3,000 events: five hundred full frames in one transaction would take the hub's
memory twice over, and longer than devices wait before they send again."""

# The device's side of a session.
FRAMES_IN_FLIGHT: Final = 4
MICRO_FRAMES_IN_FLIGHT: Final = 1
LOWEST_LANE_EVERY: Final = 10
"""Every tenth batch goes to the lowest waiting lane, so that strict priority starves none."""
BIRTH_TIMEOUT_MS: Final = 10_000
BIRTHS_UNANSWERED_MAX: Final = 3
"""Births without an answer before the device shows that it is not recognised."""
RESEND_FIRST_MS: Final = 5_000
RESEND_MAX_MS: Final = 60_000
RESENDS_BEFORE_BIRTH: Final = 3
KEEPALIVE_MS: Final = 60_000
KEEPALIVE_JITTER: Final = 0.2
BACKOFF_FIRST_MS: Final = 1_000
BACKOFF_MAX_MS: Final = 60_000
BACKOFF_UNRECOGNISED_MS: Final = 15 * 60_000
PUBACK_TIMEOUT_MS: Final = 20_000
"""A broker that swallows acknowledgements is left and dialled anew."""
PUBLISHES_OUTSTANDING_MAX: Final = 64
"""Publishes without PUBACK on one connection of a device; the owner waits beyond it."""

# Time.
CLOCK_AGREE_MS: Final = 5_000
"""Two welcomes of one boot agree when their clocks differ by no more than this."""
CLOCK_TRUST_S: Final = 86_400
"""A device's own instant is legal time up to a day after its clock last agreed with the hub's."""

# Keeping.
KEEP_WINDOW_MS: Final = 35 * 86_400_000
"""What was acknowledged stays on the device this long: longer than any backup that a city restores from."""

# The device's disk: one quota per lane and a ballast that is given up when the disk is full.
LANE_BYTES: Final = {
    "payments": 256 * 1024 * 1024,
    "cases": 512 * 1024 * 1024,
    "health": 4 * 1024 * 1024,
    "telemetry": 64 * 1024 * 1024,
    "log": 4 * 1024 * 1024,
}
LANE_ALARM: Final = 0.80
LANE_REFUSE: Final = 0.95
BALLAST_BYTES: Final = 1024 * 1024
TELEMETRY_COMMIT_MS: Final = 1_000
"""Telemetry is durable within a second: a power cut may take that much of it, and no more."""

# Enrolment.
ENROLMENT_TOKEN_LIFE_MS: Final = 15 * 60_000
CERTIFICATE_RENEW_MS: Final = 365 * 86_400_000
"""A device renews its certificate when it has less than this: half of its two years."""
CERTIFICATE_LOOK_MS: Final = 3_600_000
"""How often it looks; a renewal that failed is tried again with the next look."""
CERTIFICATE_LOOK_SOON_MS: Final = 60_000
"""How often while new link keys wait to be taken up, or the hub was not heard in this boot."""
CERTIFICATE_BLIND_MS: Final = 86_400_000
"""How often a device that does not hear the hub may ask by its own clock, which may be wrong."""

# Attachments.
ATTACHMENT_STEP_BYTES: Final = 256 * 1024
"""A request of an upload carries at most so much: it is held in memory until its MAC was checked."""
ATTACHMENTS_LISTED_MAX: Final = 32
"""Missing bodies that an acknowledgement names; the device asks for the others by itself."""
ATTACHMENT_STORE_BYTES: Final = 1024 * 1024 * 1024
"""The device's share of the disk for bodies; what the hub has goes first, what it lacks stays."""
ATTACHMENT_RESERVE_BYTES: Final = 64 * 1024 * 1024
"""Bodies leave so much of a disk free, at the device and at the hub: lines go before photographs."""
ATTACHMENT_DEVICE_BYTES: Final = 1024 * 1024 * 1024
"""Bodies that the hub takes of one device within a day: two hundred photographs; a flood ends here."""
ATTACHMENT_RETRY_MAX_MS: Final = 10 * 60_000
"""The longest pause of a device's uploader while the hub does not take bodies."""

# What the hub wants of a device: settings, commands, bundles.
SETTINGS_BYTES_MAX: Final = 16 * 1024
"""A desired twin's document: some hundred settings, far below the broker's payload."""
CONFIRM_S_MAX: Final = 3_600
"""The longest that new settings may be on trial before the device goes back by itself."""
TRIAL_S_MAX: Final = 3_600
"""Trials are repeated at growing length while nothing reaches the hub; no longer than this each."""
TRIAL_STARTS_MAX: Final = 3
"""Starts of the device within one trial: settings that make it start again and again are given up."""
VERSIONS_REVERTED_MAX: Final = 16
"""Versions that a device remembers as given up; an older one is refused by its number anyway."""
COMMANDS_REMEMBERED: Final = 32
"""Commands that a device remembers; it takes no further one until the oldest of them has expired."""
COMMAND_LIFE_S_MAX: Final = 3_600
"""A command that is older does nothing: nobody is surprised by a restart that was ordered yesterday."""
COMMAND_BYTES_MAX: Final = 4 * 1024
RESULT_BYTES_MAX: Final = 16 * 1024
"""A command's result with the newest lines of the log."""
BUNDLE_INLINE_BYTES_MAX: Final = 8 * 1024
"""A body up to this travels in its notice; a longer one is fetched over HTTPS."""
BUNDLE_BYTES_MAX: Final = 512 * 1024
"""Of any name but `deny-list` and those for phones."""
DENY_LIST_BYTES_MAX: Final = 704 * 1024
"""Packed, 100,000 cards; as base64 it still fits into one call of the hub's API."""
PHONE_BUNDLE_BYTES_MAX: Final = 2 * 1024 * 1024
"""What a phone fetches of its district: 1,000 beacons are 400 KB, 1,000 notices in three languages 2 MB."""
BUNDLES_HELD_MAX: Final = 16
"""Names of bundles that a device holds: whoever invents names fills no disk."""
BUNDLES_RETIRED_MAX: Final = 32
"""Names that were retired and that a device remembers, so that nothing recorded brings one back."""
OFFLINE_LIMIT_MINOR: Final = 1_000
"""What one card may spend on one device while the deny list has expired, unless the town sets another: some
rides, and no more than the town can lose on each card that was stolen meanwhile."""
PUSH_FIRST_MS: Final = 5_000
PUSH_MAX_MS: Final = 600_000
"""What a device was sent and has not reported is sent again, at doubling intervals."""

# Firmware of beacons, over the air.
FIRMWARE_BYTES_MAX: Final = 256 * 1024
"""All files of a firmware: two of them and the ring fit on the smallest board's flash."""
FIRMWARE_FILES_MAX: Final = 64
FIRMWARE_LINE_BYTES_MAX: Final = 256
"""A line of a manifest."""
FIRMWARE_MANIFEST_BYTES_MAX: Final = 12 * 1024
FIRMWARE_ASK_FIRST_MS: Final = 30_000
"""A node asks within so long after the first session of a start, at a time that it draws."""
FIRMWARE_ASK_EVERY_MS: Final = 24 * 3_600_000
FIRMWARE_ASK_AGAIN_MS: Final = 15_000
"""After a fetch that was cut; doubling up to an hour."""
