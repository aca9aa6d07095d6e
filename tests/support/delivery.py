"""Delivery without sockets or databases: a device's past, and the hub's memory of it.

`Past` is one epoch as a device holds it; `Memory` is the hub's half around a sink that records. Event lines
are as short as delivery lets them be: it looks at their number and at nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.model.event import Stream
from shared.protocol import chain
from shared.protocol.birth import ListedEpoch
from shared.protocol.delivery import (
    HubEpoch,
    LossReason,
    confirm,
    listed_epochs,
    receive,
    standing,
    update,
)
from shared.protocol.frame import Frame
from shared.protocol.lines import Gap, GapReason
from shared.protocol.parsing import parse_object

DEVICE = "kiosk-7"
SESSION = "s" * 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One epoch of a device: what each number said, whether it is still there or not."""

    epoch: str = "0000000a"
    stream: Stream = Stream.PAYMENTS
    ids: tuple[str, ...] = ()

    def then(self, word: str, count: int) -> "Past":
        """The same past, gone on with `count` more events: their ids are the word and their number."""
        last = len(self.ids)
        more = tuple(f"{word}{seq}" for seq in range(last + 1, last + count + 1))
        return Past(epoch=self.epoch, stream=self.stream, ids=self.ids + more)

    def until(self, last: int) -> "Past":
        """The same past, ended after a number: what an older image of the disk holds."""
        return Past(epoch=self.epoch, stream=self.stream, ids=self.ids[:last])

    @property
    def last(self) -> int:
        return len(self.ids)

    def line(self, seq: int) -> bytes:
        return b'{"seq":%d,"id":"%s"}' % (seq, self.ids[seq - 1].encode())

    def head(self, seq: int | None = None) -> bytes:
        """The chain value after a number; after the last where none is given."""
        value = chain.genesis(DEVICE, self.stream, self.epoch)
        for each in range(1, (self.last if seq is None else seq) + 1):
            value = chain.link(value, self.line(each))
        return value

    def gap(self, first: int, last: int, reason: GapReason = GapReason.EVICTED) -> bytes:
        return Gap(first, last, reason, self.head(last)).encode()

    def listed(self, *, oldest: int = 1, head: bytes | None = None) -> ListedEpoch:
        return ListedEpoch(
            epoch=self.epoch, oldest=oldest, last=self.last, head=self.head() if head is None else head
        )

    def frame(
        self,
        first: int = 1,
        last: int | None = None,
        *,
        oldest: int = 1,
        highest: int | None = None,
        prev: bytes | None = None,
        lines: Sequence[bytes] | None = None,
    ) -> Frame:
        """A frame of numbers `first` to `last`, or of other lines where they are given."""
        upto = self.last if last is None else last
        return Frame(
            session=SESSION,
            epoch=self.epoch,
            first=first,
            prev=self.head(first - 1) if prev is None else prev,
            oldest=oldest,
            highest=self.last if highest is None else highest,
            boot=1,
            uptime_ms=1,
            contexts={},
            lines=tuple(lines if lines is not None else map(self.line, range(first, upto + 1))),
        )

    def empty(self, *, oldest: int = 1) -> Frame:
        """A frame without lines that says where the epoch stands."""
        return self.frame(self.last + 1, self.last, oldest=oldest)


@dataclass(slots=True)
class Recorder:
    """A sink that remembers what it was told.

    Attributes:
        fenced: whether the device is.
        events: the ids that were taken, in their order, each once.
        losses: first, last, reason and "possibly more" of each loss.
        fences: why the device was fenced, each time.
    """

    fenced: bool = False
    events: list[str] = field(default_factory=list[str])
    losses: list[tuple[int, int, LossReason, bool]] = field(
        default_factory=list[tuple[int, int, LossReason, bool]]
    )
    fences: list[LossReason] = field(default_factory=list[LossReason])

    def knows(self, epoch: HubEpoch, seq: int, raw: bytes) -> bool:
        return _id(raw) in self.events

    def take(self, epoch: HubEpoch, seq: int, raw: bytes) -> None:
        if not self.knows(epoch, seq, raw):
            self.events.append(_id(raw))

    def lose(
        self, epoch: HubEpoch, first: int, last: int, reason: LossReason, *, possibly_more: bool
    ) -> None:
        self.losses.append((first, last, reason, possibly_more))

    def fence(self, epoch: HubEpoch, reason: LossReason) -> None:
        self.fenced = True
        self.fences.append(reason)


@dataclass(slots=True)
class Memory:
    """What the hub remembers of one stream of a device."""

    stream: Stream = Stream.PAYMENTS
    known: dict[str, HubEpoch] = field(default_factory=dict[str, HubEpoch])
    sink: Recorder = field(default_factory=Recorder)

    def confirm(self, *listed: Past | ListedEpoch) -> None:
        """The device opens a session and lists these."""
        confirm(self.known, _listing(listed), self._open, self.sink)

    def update(self, *listed: Past | ListedEpoch) -> None:
        """The device births again within its session."""
        update(self.known, _listing(listed), self._open)

    def take(self, *frames: Frame) -> None:
        for frame in frames:
            receive(listed_epochs(self.known), frame, self.sink)

    def acked(self) -> tuple[str, int, bytes | None]:
        """What an acknowledgement would name: epoch, watermark, head."""
        here = standing(listed_epochs(self.known))
        assert here is not None
        return here.epoch, here.watermark, None if here.by_id else here.chain

    def of(self, past: Past) -> HubEpoch:
        return self.known[past.epoch]

    def _open(self, epoch: str) -> HubEpoch:
        value = chain.genesis(DEVICE, self.stream, epoch)
        return HubEpoch(stream=self.stream, epoch=epoch, chain=value)


def _listing(listed: Sequence[Past | ListedEpoch]) -> list[ListedEpoch]:
    return [each.listed() if isinstance(each, Past) else each for each in listed]


def _id(raw: bytes) -> str:
    return str(parse_object(raw)["id"])
