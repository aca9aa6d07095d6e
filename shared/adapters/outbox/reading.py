"""Reading an outbox back: runs of lines, each held against its chain, and gap lines for what is not there.

A row proves itself: the hash of `prev` and the line must be `chain`, and the line must begin with the
number of its place. What does not fit, or has vanished, becomes one gap line `corrupt`, and the lines
behind it go on: the next row's `prev` says where the chain stands. Nothing here writes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from shared.adapters.outbox.disk import Disk
from shared.adapters.outbox.lane import Epoch, Lane
from shared.adapters.outbox.schema import place_of, seq_of
from shared.protocol.chain import LENGTH, link
from shared.protocol.lines import Gap, GapReason
from shared.protocol.sender import Run

_UNKNOWN: Final = bytes(LENGTH)


@dataclass(frozen=True, slots=True)
class StoredGap:
    """Numbers that gave way, as the table keeps them."""

    seq: int
    last: int
    reason: GapReason
    prev: bytes
    head: bytes


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A row, read and not yet trusted."""

    seq: int
    prev: bytes
    chain: bytes
    line: bytes
    back: int | None

    @property
    def fits(self) -> bool:
        """Whether the row proves itself."""
        return link(self.prev, self.line) == self.chain and self.line.startswith(b'{"seq":%d,' % self.seq)


def gaps_of(disk: Disk, epoch: Epoch, first: int, last: int) -> list[StoredGap]:
    """Return the gaps of an epoch that touch numbers `first` to `last`, in order."""
    rows = disk.rows(_GAPS, (epoch.first_place, place_of(epoch.number, last), first))
    return [
        StoredGap(seq_of(place), end, GapReason(reason), prev, head)
        for place, end, reason, prev, head in rows
        if reason in _REASONS and len(prev) == len(head) == LENGTH
    ]


def chain_at(disk: Disk, lane: Lane, epoch: Epoch, seq: int) -> bytes | None:
    """Return the chain value after number `seq`, or None where nothing sound tells it."""
    if seq == epoch.appended:
        return epoch.tail
    if not epoch.base <= seq < epoch.appended:
        return None
    for row in _neighbours(disk, lane, epoch, seq):
        if row.fits:
            return row.chain if row.seq == seq else row.prev
    for gap in gaps_of(disk, epoch, seq, seq + 1):
        if gap.last == seq:
            return gap.head
        if gap.seq == seq + 1:
            return gap.prev
    return epoch.base_chain if seq == epoch.base else None


def best_chain_at(disk: Disk, lane: Lane, epoch: Epoch, seq: int) -> bytes:
    """Return the chain value after `seq`, from a row that does not fit if there is nothing better.

    A wrong one costs a resend that the hub decides by ids; it loses nothing.
    """
    known = chain_at(disk, lane, epoch, seq)
    if known is not None:
        return known
    for row in _neighbours(disk, lane, epoch, seq):
        return chain_value(row.chain if row.seq == seq else row.prev)
    return _UNKNOWN


def chain_value(stored: bytes) -> bytes:
    """Return a stored value in the length that a frame takes."""
    return stored if len(stored) == LENGTH else _UNKNOWN


def read_run(disk: Disk, lane: Lane, epoch: Epoch, first: int, lines_max: int, bytes_max: int) -> Run:
    """Return lines from `first` on, as `Log.read` promises."""
    first = max(first, epoch.base + 1)
    if first > epoch.last:
        return Run(first=first, prev=epoch.head, lines=(), contexts={}, next=first)
    gaps = gaps_of(disk, epoch, first, epoch.last)
    if gaps and gaps[0].seq < first:
        first = gaps[0].seq
    prev = gaps[0].prev if gaps and gaps[0].seq == first else best_chain_at(disk, lane, epoch, first - 1)
    run = _RunBuilder(disk, epoch, first, lines_max, bytes_max)
    for item in _in_order(disk, lane, epoch, first, gaps):
        if not run.take(item):
            break
    else:
        run.finish(epoch)
    return Run(first=first, prev=prev, lines=tuple(run.lines), contexts=run.contexts, next=run.next)


def _in_order(
    disk: Disk, lane: Lane, epoch: Epoch, first: int, gaps: list[StoredGap]
) -> Iterator[StoredLine | StoredGap]:
    places = (place_of(epoch.number, first), place_of(epoch.number, epoch.last))
    waiting = iter(gaps)
    gap = next(waiting, None)
    for place, prev, chain, line, back in disk.rows(lane.sql.rows, places):
        seq = seq_of(place)
        while gap is not None and gap.seq <= seq:
            yield gap
            gap = next(waiting, None)
        yield StoredLine(seq, prev, chain, line, back)
    if gap is not None:
        yield gap
    yield from waiting


@dataclass(slots=True)
class _RunBuilder:
    """Fills a run: sound lines and stored gaps as they are, one `corrupt` gap for each hole between them."""

    disk: Disk
    epoch: Epoch
    next: int
    lines_max: int
    bytes_left: int
    lines: list[bytes] = field(default_factory=list[bytes])
    contexts: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, item: StoredLine | StoredGap) -> bool:
        """Add what comes next; tell whether there is room for more."""
        if item.seq < self.next or (isinstance(item, StoredLine) and not item.fits):
            return True
        if item.seq > self.next and not self._add_corrupt(item.seq - 1, item.prev):
            return False
        if isinstance(item, StoredGap):
            return self._add(Gap(item.seq, item.last, item.reason, item.head).encode(), item.last)
        return self._add(item.line, item.seq, self._context_of(item))

    def finish(self, epoch: Epoch) -> None:
        """Account for what is missing at the end."""
        if self.next <= epoch.last:
            self._add_corrupt(epoch.last, epoch.head)

    def _add_corrupt(self, last: int, head: bytes) -> bool:
        return self._add(Gap(self.next, last, GapReason.CORRUPT, head).encode(), last)

    def _add(self, line: bytes, last: int, context: tuple[str, str] | None = None) -> bool:
        cost = len(line) + 1
        if context is not None:
            cost += len(context[0]) + len(context[1]) + 6
        if self.lines and (len(self.lines) >= self.lines_max or cost > self.bytes_left):
            return False
        self.lines.append(line)
        self.bytes_left -= cost
        self.next = last + 1
        if context is not None:
            self.contexts[context[0]] = context[1]
        return True

    def _context_of(self, row: StoredLine) -> tuple[str, str] | None:
        if row.back is None:
            return None
        place = place_of(self.epoch.number, row.seq - row.back)
        found = self.disk.execute(_CONTEXT, (place,)).fetchone()
        return None if found is None or found[0] in self.contexts else found


def _neighbours(disk: Disk, lane: Lane, epoch: Epoch, seq: int) -> list[StoredLine]:
    places = (place_of(epoch.number, seq), place_of(epoch.number, seq + 1))
    return [
        StoredLine(seq_of(place), prev, chain, line, back)
        for place, prev, chain, line, back in disk.rows(lane.sql.pair, places)
    ]


_REASONS: Final = frozenset(GapReason)
_GAPS: Final = (
    "SELECT place, last, reason, prev, head FROM gap"
    " WHERE place > ? AND place <= ? AND last >= ? ORDER BY place"
)
_CONTEXT: Final = "SELECT name, sealed FROM context WHERE place = ?"
