"""One lane in memory: its epochs, its watermark, and when lines were acknowledged.

Pure arithmetic on what the file holds; the file is written first and this afterwards, so that a failed write
leaves both as they were. A lane has **one** watermark, a place: every epoch before it is complete and every
one after it is not begun, which is just what an acknowledgement says.

The keep window of a line runs from its last acknowledgement. Writing that time into every row would cost a
write per line; instead the lane keeps *points*: "up to this place, acknowledged at this time".
Acknowledgements within one hour move the newest point on, so there are at most 24 a day, and a line is kept
up to an hour longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from shared.adapters.outbox.schema import LaneSql, epoch_number_of, place_of, seq_of
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol.birth import LaneState, ListedEpoch
from shared.protocol.sender import EpochView

POINT_SPAN_MS: Final = 3_600_000
KEYS_MAX: Final = 1024


@dataclass(slots=True, kw_only=True)
class Epoch:
    """One epoch of a lane.

    Attributes:
        number: its row in the table `epoch`.
        name: 8 hex digits.
        base: the last number that has expired.
        base_chain: chain value after it.
        last: the last durable number.
        head: chain value after it.
        appended: the last number given; above `last` where a group commit is under way.
        tail: chain value after it.
        stored: it has a row; an epoch gets one with its first line.
        newer_listed: a confirmed birth has listed this epoch and a newer one.
    """

    number: int
    name: str
    base: int
    base_chain: bytes
    last: int
    head: bytes
    appended: int
    tail: bytes
    stored: bool
    newer_listed: bool = False

    @classmethod
    def new(cls, number: int, name: str, start: bytes) -> Self:
        """Return an epoch without lines; it gets its row with the first one."""
        return cls.found(number, name, (0, start), (0, start), stored=False)

    @classmethod
    def found(
        cls, number: int, name: str, base: tuple[int, bytes], end: tuple[int, bytes], *, stored: bool = True
    ) -> Self:
        """Return an epoch of which everything is durable.

        Args:
            number: its row.
            name: its name.
            base: the last number that has expired, and the chain value after it.
            end: the same for the last number that was given.
            stored: it has a row.
        """
        return cls(
            number=number,
            name=name,
            base=base[0],
            base_chain=base[1],
            last=end[0],
            head=end[1],
            appended=end[0],
            tail=end[1],
            stored=stored,
        )

    @property
    def first_place(self) -> int:
        """The place before its first line."""
        return place_of(self.number, 0)

    @property
    def last_place(self) -> int:
        """The place of the last number given."""
        return place_of(self.number, self.appended)


@dataclass(frozen=True, slots=True)
class Point:
    """Up to `place`, lines were acknowledged at `at_ms` or earlier."""

    number: int
    place: int
    since_ms: int
    at_ms: int


@dataclass(slots=True, kw_only=True)
class Lane:
    """One stream.

    Attributes:
        stream: its name.
        sql: its statements.
        capacity: bytes of unacknowledged lines that it may hold.
        grouped: durable within a second, not at once.
        evicts: when full, its oldest lines give way.
        epochs: oldest first.
        open: the epoch of this life of the process, once something was appended or a slot given.
        points: oldest first; the newest is the watermark.
        points_saved: the file holds the points as they are; a full disk may have kept them out of it.
        unacknowledged: bytes.
        contexts: by id, those that the open epoch has stored: at which number, and the sealed form.
        keys: where the newest line of each key stands.
        relaxed_since_ms: when the oldest line was appended that a power cut may still take; None if there
            is none.
    """

    stream: Stream
    sql: LaneSql
    capacity: int
    grouped: bool
    evicts: bool
    epochs: list[Epoch] = field(default_factory=list[Epoch])
    open: Epoch | None = None
    points: list[Point] = field(default_factory=list[Point])
    points_saved: bool = True
    unacknowledged: int = 0
    contexts: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    keys: dict[str, int] = field(default_factory=dict[str, int])
    relaxed_since_ms: int | None = None
    _views: tuple[EpochView, ...] | None = None

    @property
    def watermark(self) -> int:
        """The place up to which the hub holds everything."""
        return self.points[-1].place if self.points else 0

    def acked(self, epoch: Epoch) -> int:
        """Return the device's own watermark within an epoch."""
        number = epoch_number_of(self.watermark)
        if number == epoch.number:
            return seq_of(self.watermark)
        return epoch.last if epoch.number < number else 0

    @property
    def end(self) -> int:
        """The place of the last number given."""
        return self.epochs[-1].last_place if self.epochs else 0

    def find(self, name: str) -> Epoch:
        """Return the epoch of that name.

        Raises:
            InputError: the lane does not list it.
        """
        for epoch in reversed(self.epochs):
            if epoch.name == name:
                return epoch
        raise InputError("The outbox lists no such epoch; send a birth.")

    def views(self) -> Sequence[EpochView]:
        """Return what delivery may know: durable lines only."""
        if self._views is None:
            self._views = tuple(
                EpochView(epoch=e.name, oldest=e.base + 1, last=e.last, head=e.head, acked=self.acked(e))
                for e in self.epochs
                if e.last > 0
            )
        return self._views

    def state(self, waiting_ms: int) -> LaneState:
        """Return what a birth says of the lane."""
        views = self.views()
        return LaneState(
            epochs=[ListedEpoch(epoch=v.epoch, oldest=v.oldest, last=v.last, head=v.head) for v in views],
            acked={v.epoch: v.acked for v in views},
            waiting_ms=waiting_ms,
            bytes=self.unacknowledged,
            capacity=self.capacity,
        )

    def changed(self) -> None:
        """Forget the views."""
        self._views = None

    def made_durable(self) -> None:
        """Everything appended is on the disk."""
        if self.open is not None:
            self.open.last, self.open.head = self.open.appended, self.open.tail
        self.relaxed_since_ms = None
        self._views = None

    def moved_points(self, place: int, now_ms: int, next_number: int) -> list[Point]:
        """Return the points after an acknowledgement.

        Args:
            place: the new watermark, above or below the old one.
            now_ms: when.
            next_number: a number for a point, should one be needed.
        """
        if place < self.watermark:
            kept = [p for p in self.points if p.place < place]
            cut = self.points[len(kept)]
            return [*kept, Point(cut.number, place, cut.since_ms, cut.at_ms)]
        newest = self.points[-1] if self.points else None
        if newest is not None and newest.since_ms <= now_ms < newest.since_ms + POINT_SPAN_MS:
            moved = Point(newest.number, place, newest.since_ms, max(newest.at_ms, now_ms))
            return [*self.points[:-1], moved]
        return [*self.points, Point(next_number, place, now_ms, now_ms)]

    def remember_key(self, key: str, place: int) -> None:
        """Note the newest line of a key; forget keys whose line is acknowledged when there are many."""
        self.keys[key] = place
        if len(self.keys) > KEYS_MAX:
            self.keys = {k: p for k, p in self.keys.items() if p > self.watermark}
