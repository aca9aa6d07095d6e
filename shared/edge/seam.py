"""The seam between who takes a citizen's words (`teller`) and who keeps them (`runtime`).

What passes is a line that is sealed already: the owner cannot read it, and could live in another process. A
place is optimistic: it is not reserved, and if another line came first the owner answers `StaleSlotError`;
the teller then composes for the next one. An owner answers in the order in which it was asked.
"""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from shared.model.event import Stream


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next line of a stream will stand, and what the owner knows of the time.

    Attributes:
        stream: the lane.
        epoch: 8 hex digits.
        seq: the number.
        boot: the boot counter.
        agreed_uptime_ms: when the device's clock last agreed with the hub's; None if not in this boot.
        offset_ms: the hub's time minus the device's uptime; None before the first welcome of this boot.
    """

    stream: Stream
    epoch: str
    seq: int
    boot: int
    agreed_uptime_ms: int | None
    offset_ms: int | None


@dataclass(frozen=True, slots=True)
class SealedLine:
    """A line composed for a place.

    Attributes:
        place: where it belongs.
        event_id: its UUIDv7.
        line: its bytes, without newline and unsigned.
        context: id and sealed form of the context that its data is sealed under; None where none is.
        key: what it says the newest of (`health`); None elsewhere.
    """

    place: Place
    event_id: str
    line: bytes
    context: tuple[str, str] | None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The owner's word that an event is on the disk.

    Attributes:
        event_id: its UUIDv7.
        stream: its lane.
        epoch: where it stands.
        seq: its number there.
        next: the place after it; None where it was looked up after a restart.
    """

    event_id: str
    stream: Stream
    epoch: str
    seq: int
    next: Place | None = None


class Owner(Protocol):
    """Who keeps lines; `shared.edge.runtime.EdgeRuntime` is the one in this process."""

    def can_take(self, stream: Stream) -> str | None:
        """Return why nothing is taken on a stream now, for the person in front of it; None if it is."""
        ...

    def place(self, stream: Stream) -> Future[Place]:
        """Ask for the place of a stream's next line."""
        ...

    def append(self, line: SealedLine) -> Future[Taken]:
        """Hand in a line; the future is resolved when it is on the disk."""
        ...
