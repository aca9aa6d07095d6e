"""Delivery: how nothing a citizen said or paid is lost, and nothing is done twice. Pure.

A device numbers what it takes: in each stream one *epoch* (one life of the process that owns the outbox)
counts from 1 without a hole, and each line is chained to the one before. The hub keeps one *watermark* per
epoch: up to here it holds everything. All the rest follows from four rules.

Rule 1. The watermark is the fast path, the id is the truth. Where a device's chain contradicts the hub's, the
        hub lowers its watermark to what the device still has and decides each line again by its id alone.
Rule 2. The newest acknowledgement is authoritative. If it says less than the device remembers, the device
        sends again. A restored hub, a fork and a flipped bit need no mode of their own.
Rule 3. A newer epoch waits until every older one is complete; the hub never buffers beyond a hole.
Rule 4. What cannot come any more is recorded, never forgotten: device, stream, epoch, from, to, reason.

This page is the hub's half, which decides; the device's half, which offers and obeys, is `sender`. It reads
in the order of things: `confirm` and `update` learn from a birth, `receive` walks a frame, `standing` says
what to acknowledge. What is not here: sockets, files, clocks and randomness; nonces and sessions (`session`);
what a line means (the hub's ingest, behind `Sink`).

Source: docs/PROTOCOL.md, sections Session and The hub.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from shared.model.event import Stream
from shared.protocol import chain, limits
from shared.protocol.birth import ListedEpoch
from shared.protocol.frame import Frame
from shared.protocol.lines import GapReason, read_gap

LANES: Final = (Stream.PAYMENTS, Stream.CASES, Stream.HEALTH, Stream.TELEMETRY)
"""The stored streams, highest priority first."""
PROMISED: Final = frozenset({Stream.PAYMENTS, Stream.CASES})
"""Streams of which every single event counts: only here does a broken chain mean something."""


_LISTED_MAX: Final = 2 * limits.EPOCHS_LISTED_MAX


class LossReason(StrEnum):
    """Why an event cannot come any more. The first three are a gap line's own reasons."""

    EVICTED = "evicted"
    EXPIRED = "expired"
    CORRUPT = "corrupt"
    ROLLED_BACK = "rolled_back"
    """The device's disk went back in time."""
    FORK = "fork"
    """Two lives of one disk gave a number to two events; one of them may be missing."""
    GONE = "gone"
    """The device no longer has the epoch: its disk was lost."""


@dataclass(slots=True, kw_only=True)
class HubEpoch:
    """What the hub remembers of one epoch of a device's stream.

    Attributes:
        stream: the stream.
        epoch: 8 hex digits.
        chain: the hub's chain value at the watermark; None while it takes the device's.
        watermark: up to here the hub holds everything, or has recorded its loss.
        heard: the highest number that the device has spoken of.
        last: the last number of the epoch, as far as the device has said.
        oldest: the first number that the device said it still has.
        position: place in the device's list, from 0; -1 where a birth no longer lists it.
        floor: while deciding by ids, the watermark from before; otherwise 0.
        by_id: lines are decided by their ids alone until `floor` is reached again.
        forked: an id at or below `floor` was one that the hub lacked.
        closed: no longer listed, and accounted for.
        reopened: closed once and listed again: losses recorded then may arrive after all.
    """

    stream: Stream
    epoch: str
    chain: bytes | None
    watermark: int = 0
    heard: int = 0
    last: int = 0
    oldest: int = 1
    position: int = -1
    floor: int = 0
    by_id: bool = False
    forked: bool = False
    closed: bool = False
    reopened: bool = False

    @property
    def held(self) -> int:
        """The highest number up to which nothing can be lost any more."""
        return self.watermark if self.forked else max(self.watermark, self.floor)


class Sink(Protocol):
    """What the hub does with the outcome, within one transaction."""

    @property
    def fenced(self) -> bool:
        """Whether the device takes no new money."""
        ...

    def knows(self, epoch: HubEpoch, seq: int, raw: bytes) -> bool:
        """Tell whether the hub holds an event with this line's id."""
        ...

    def take(self, epoch: HubEpoch, seq: int, raw: bytes) -> None:
        """Apply a line once by its id, or quarantine it; it must not fail for what the line says."""
        ...

    def lose(
        self, epoch: HubEpoch, first: int, last: int, reason: LossReason, *, possibly_more: bool
    ) -> None:
        """Record that numbers `first` to `last` cannot come any more."""
        ...

    def fence(self, epoch: HubEpoch, reason: LossReason) -> None:
        """Fence the device: its disk is not what it was."""
        ...


def confirm(
    known: dict[str, HubEpoch],
    listed: Sequence[ListedEpoch],
    open_epoch: Callable[[str], HubEpoch],
    sink: Sink,
) -> None:
    """Learn from the birth that opens a session what the device holds now of one stream.

    Args:
        known: every epoch of the stream that the hub remembers, by name; changed in place.
        listed: the birth's list, oldest first.
        open_epoch: makes the memory of an epoch that is new.
        sink: where losses go.
    """
    before = listed_epochs(known)
    for position, item in enumerate(listed):
        here = known.get(item.epoch)
        if here is None:
            here = known[item.epoch] = open_epoch(item.epoch)
        elif here.closed:
            here.closed, here.reopened = False, True
        here.position, here.oldest, here.last = position, item.oldest, item.last
        if here.stream in PROMISED:
            _compare(here, item, sink)
        elif item.last < here.watermark:
            here.watermark, here.chain = item.last, item.head
        here.heard = max(here.heard, item.last)
    names = {item.epoch for item in listed}
    in_doubt = 0
    for here in known.values():
        if here.epoch not in names and not here.closed:
            _unlist(here, before, sink, doubt=sink.fenced and in_doubt < _LISTED_MAX)
            in_doubt += not here.closed


def _compare(here: HubEpoch, item: ListedEpoch, sink: Sink) -> None:
    """Hold what the device lists against what the hub has of it."""
    if item.last < here.heard and here.heard > here.held:
        sink.lose(
            here, max(item.last, here.held) + 1, here.heard, LossReason.ROLLED_BACK, possibly_more=False
        )
        here.heard = max(item.last, here.watermark)
    rolled_back = item.last < here.watermark
    if rolled_back:
        sink.fence(here, LossReason.ROLLED_BACK)
    differs = item.last == here.watermark and here.chain not in (None, item.head)
    if here.by_id or rolled_back or differs:
        _decide_by_id(here, item.oldest)
        if here.watermark >= item.last:
            here.chain = item.head
            _settle(here, here.watermark)


def _unlist(here: HubEpoch, before: Sequence[HubEpoch], sink: Sink, *, doubt: bool) -> None:
    """The device no longer has an epoch: account for it, unless its disk is in doubt."""
    if here.position >= 0:
        complete = is_complete(here, before)
    else:
        complete = here.watermark >= max(here.last, 1) and not here.by_id
    here.position = -1
    if complete or not doubt:
        here.closed = True
        if not complete:
            sink.lose(here, here.held + 1, here.heard, LossReason.GONE, possibly_more=True)


def update(
    known: dict[str, HubEpoch], listed: Sequence[ListedEpoch], open_epoch: Callable[[str], HubEpoch]
) -> None:
    """Learn from a birth within its session which epochs were opened since.

    It may be late or replayed, so it only ever adds: no loss, no fence, no step back. One life opens one
    epoch of a stream: a device that goes on naming others is heard no further.
    """
    position = max((e.position for e in known.values()), default=-1)
    for item in listed:
        here = known.get(item.epoch)
        if here is None:
            if position >= _LISTED_MAX:
                continue
            position += 1
            here = known[item.epoch] = open_epoch(item.epoch)
            here.position, here.oldest = position, item.oldest
        if here.position >= 0:
            here.last, here.heard = max(here.last, item.last), max(here.heard, item.last)


def receive(epochs: Sequence[HubEpoch], frame: Frame, sink: Sink) -> None:
    """Take what is new in a frame (Rules 1, 3 and 4).

    Args:
        epochs: the device's listed epochs of the frame's stream, oldest first; changed in place.
        frame: of the device's current session.
        sink: where lines and losses go.

    Raises:
        InputError: a gap line is malformed; the frame counts as a hole from there on.
    """
    here = next((e for e in epochs if e.epoch == frame.epoch), None)
    if here is None or not all(is_complete(e, epochs) for e in epochs[: epochs.index(here)]):
        return
    here.heard = max(here.heard, frame.highest)
    if here is epochs[-1]:
        here.last = max(here.last, frame.highest)
    if frame.first == frame.oldest > here.watermark + 1:
        _record_loss(here, frame.oldest - 1, LossReason.EXPIRED, sink)
        here.watermark, here.chain = frame.oldest - 1, frame.prev
    if frame.first > here.watermark + 1:
        return  # a hole: what lies before it comes first
    if frame.first == here.watermark + 1 and not _meets(here, frame.prev):
        _decide_by_id(here, frame.oldest)
        return
    _walk(here, frame, sink)
    if here.by_id and here.watermark >= min(here.floor, frame.highest):
        _settle(here, max(here.watermark, frame.highest))


def _walk(here: HubEpoch, frame: Frame, sink: Sink) -> None:
    value, seq = frame.prev, frame.first
    for raw in frame.lines:
        gap = read_gap(raw)
        if gap is None:
            end, value = seq, chain.link(value, raw)
        elif gap.seq == seq:
            end, value = gap.gap_to, gap.head
        else:
            return
        if end <= here.watermark:
            if end == here.watermark and not _meets(here, value):
                _decide_by_id(here, frame.oldest)
                return
        elif gap is None:
            if here.by_id and seq <= here.floor and not sink.knows(here, seq, raw):
                _fork(here, sink)
            sink.take(here, seq, raw)
            here.watermark, here.chain = seq, value
        else:
            if gap.reason is not GapReason.COMPACTED:
                _record_loss(here, end, LossReason(gap.reason), sink)
            here.watermark, here.chain = end, value
        seq = end + 1


def _meets(here: HubEpoch, value: bytes) -> bool:
    """Compare chain values at the watermark; adopt the device's where the hub has none to defend."""
    if here.chain is None or here.by_id or here.stream not in PROMISED:
        here.chain = value
    return here.chain == value


def _decide_by_id(here: HubEpoch, oldest: int) -> None:
    """The chains contradict one another: begin again at what the device still has (Rule 1)."""
    here.floor = max(here.floor, here.watermark)
    here.by_id = True
    here.watermark, here.chain = oldest - 1, None


def _settle(here: HubEpoch, heard: int) -> None:
    here.by_id, here.floor, here.heard = False, 0, heard


def _fork(here: HubEpoch, sink: Sink) -> None:
    """A number below the old watermark names an event that the hub lacks: the disk has had two lives."""
    if not here.forked:
        sink.lose(here, here.oldest, here.heard, LossReason.FORK, possibly_more=True)
        here.forked = True
    sink.fence(here, LossReason.FORK)


def _record_loss(here: HubEpoch, last: int, reason: LossReason, sink: Sink) -> None:
    """Record numbers above what is held, up to `last`."""
    if last > here.held:
        sink.lose(here, here.held + 1, last, reason, possibly_more=False)


def is_complete(epoch: HubEpoch, epochs: Sequence[HubEpoch]) -> bool:
    """Tell whether nothing more can come of an epoch: a newer one is listed and its last line is here."""
    return epoch is not epochs[-1] and epoch.watermark >= epoch.last and not epoch.by_id


def standing(epochs: Sequence[HubEpoch]) -> HubEpoch | None:
    """Return the epoch that an acknowledgement names: the oldest that is not complete, else the open one."""
    return next((e for e in epochs if not is_complete(e, epochs)), None)


def listed_epochs(known: Mapping[str, HubEpoch]) -> list[HubEpoch]:
    """Return the epochs that the device lists, oldest first."""
    return sorted((e for e in known.values() if e.position >= 0), key=lambda e: e.position)
