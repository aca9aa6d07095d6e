"""The small frozen things that the outbox takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.model.event import Stream
from shared.protocol import limits


@dataclass(frozen=True, slots=True)
class Slot:
    """The place that the next line of a stream will have, and the chain value before it."""

    stream: Stream
    epoch: str
    seq: int
    prev: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A line to be appended.

    Attributes:
        line: its bytes, without newline.
        event_id: its UUIDv7.
        context: id and sealed form of the context under which its data is sealed; None where nothing is
            sealed.
    """

    line: bytes
    event_id: str
    context: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where an event stands, durably."""

    stream: Stream
    epoch: str
    seq: int
    acked: bool


@dataclass(frozen=True, slots=True)
class Expiry:
    """What a round of expiry did.

    Attributes:
        shortened: streams whose lines went before their keep window had passed, with the milliseconds that
            the youngest of them was kept; to be reported in `health`.
        more: there is more than one round's work; call again soon.
    """

    shortened: Mapping[Stream, int]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLimits:
    """What a device's disk may hold.

    Attributes:
        lane_bytes: per stream, unacknowledged lines with their rows; their sum is the file's quota.
        ballast_bytes: size of the ballast file; 0 for none.
        keep_ms: the keep window.
        epochs_listed: epochs per stream.
    """

    lane_bytes: Mapping[str, int] = field(default_factory=lambda: limits.LANE_BYTES)
    ballast_bytes: int = limits.BALLAST_BYTES
    keep_ms: int = limits.KEEP_WINDOW_MS
    epochs_listed: int = limits.EPOCHS_LISTED_MAX
