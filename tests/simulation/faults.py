"""What can go wrong, by the rows of the failure table; every run arms some of these and draws from them."""

from enum import StrEnum


class Fault(StrEnum):
    """A fault that a run may inject at a moment of its choosing."""

    POWER_CUT = "power cut"
    POWER_CUT_IN_APPEND = "power cut in mid-append"
    PROCESS_KILLED = "owner process killed"
    FSYNC_FAILS = "fsync fails"
    DISK_LOST = "disk lost"
    ROLLED_BACK_AT_REST = "disk image rolled back at rest"
    ROLLED_BACK_RUNNING = "running disk image rolled back"
    CLONED = "disk image cloned"
    BIT_FLIPPED = "bit flipped"
    ROWS_VANISHED = "rows vanished"
    LINK_CUT = "link cut"
    BROKER_WIPED = "broker wiped"
    HUB_KILLED_BEFORE_COMMIT = "hub killed before commit"
    HUB_KILLED_AFTER_COMMIT = "hub killed after commit"
    HUB_RESTORED = "hub restored from a backup"
    WHOLE_DISK_RESTORED = "hub's whole disk restored"
    CREDIT_ZERO = "credit 0"
    KEEP_WINDOW_SHORT = "keep window shortened"
    DEVICE_OFF = "device off for long"
    CLOCK_WRONG = "device clock wrong by years"
    CORE_DOWN = "core down"
    CORE_LATE = "core answers after the time-out"


ROWS = {
    "wire": (
        "lost on the wire",
        "doubled on the wire",
        "reordered on the wire",
        Fault.LINK_CUT,
        Fault.BROKER_WIPED,
    ),
    "hub killed": (Fault.HUB_KILLED_BEFORE_COMMIT, Fault.HUB_KILLED_AFTER_COMMIT),
    "hub restored": (Fault.HUB_RESTORED, Fault.WHOLE_DISK_RESTORED),
    "power cut": (Fault.POWER_CUT, Fault.POWER_CUT_IN_APPEND, Fault.PROCESS_KILLED),
    "disk lost": (Fault.DISK_LOST,),
    "rolled back or cloned": (Fault.ROLLED_BACK_AT_REST, Fault.ROLLED_BACK_RUNNING, Fault.CLONED),
    "damaged": (Fault.BIT_FLIPPED, Fault.ROWS_VANISHED),
    "full or failing disk": (Fault.FSYNC_FAILS, "evicted", "compacted"),
    "poison": ("quarantined",),
    "slow hub": (Fault.CREDIT_ZERO, Fault.DEVICE_OFF, Fault.KEEP_WINDOW_SHORT),
    "forged or replayed": ("forged", "replayed"),
    "clock": (Fault.CLOCK_WRONG,),
    "core": (Fault.CORE_DOWN, Fault.CORE_LATE),
}
"""The failure table's rows, and what a run counts towards each."""
