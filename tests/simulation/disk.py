"""A device's disk in the simulator: an outbox that keeps the rules of `shared.adapters.outbox`, and breaks.

It implements delivery's `Log` and the session's `Lanes` in memory, and knows what a disk may do to it: lose
what was not fsynced, flip bits, lose rows, go back in time, be copied, fill up, be gone. A `Disk` pickles, so
a snapshot is its bytes.
"""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shared.model.event import Stream
from shared.protocol import chain
from shared.protocol.birth import LaneState, ListedEpoch
from shared.protocol.delivery import LANES
from shared.protocol.lines import Gap, GapReason
from shared.protocol.sender import EpochView, Run

TELEMETRY_ROWS_MAX = 3


@dataclass(slots=True)
class Row:
    """A line, or a gap (`gap` set), and the chain before and after it."""

    raw: bytes
    prev: bytes
    chain: bytes
    end: int
    event: int
    context: str = ""
    synced: bool = False
    acked_ms: int | None = None
    gap: GapReason | None = None
    key: str = ""


@dataclass(slots=True)
class DiskEpoch:
    """One epoch's rows by their first number, and what is remembered of expired ones."""

    name: str
    base: tuple[int, bytes]
    rows: dict[int, Row] = field(default_factory=dict[int, Row])
    last: int = 0
    head: bytes = b""
    acked: int = 0
    newer_listed: bool = False
    _view: EpochView | None = None

    @property
    def oldest(self) -> int:
        return next(iter(self.rows), self.last + 1)  # rows stand in the order of their numbers

    @property
    def view(self) -> EpochView:
        """What delivery may know; made anew only where it changed, for it is asked for very often."""
        oldest, view = self.oldest, self._view
        if view is None or (view.oldest, view.last, view.head, view.acked) != (
            oldest,
            self.last,
            self.head,
            self.acked,
        ):
            view = self._view = EpochView(
                epoch=self.name, oldest=oldest, last=self.last, head=self.head, acked=self.acked
            )
        return view

    def reload(self) -> None:
        """What a start finds: the last row that is there."""
        top = max(self.rows, default=0)
        row = self.rows.get(top)
        self.last, self.head = (row.end, row.chain) if row is not None else self.base
        self.acked = min(self.acked, self.last)

    def at(self, seq: int) -> tuple[int, Row] | None:
        """The row that covers a number."""
        row = self.rows.get(seq)
        if row is not None:
            return seq, row
        return next(((s, r) for s, r in self.rows.items() if s <= seq <= r.end), None)


def is_sound(row: Row) -> bool:
    """Whether a row's chain values fit its bytes; a gap's value is adopted."""
    return row.gap is not None or chain.link(row.prev, row.raw) == row.chain


class Disk:
    """The outbox of one device."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.epochs_of: dict[Stream, list[DiskEpoch]] = {stream: [] for stream in LANES}
        self.open: dict[Stream, DiskEpoch | None] = dict.fromkeys(LANES)
        self.contexts: dict[str, str] = {}

    # -- the owner's verbs -------------------------------------------------------------------------------

    def start(self) -> None:
        """Process start: what is found is written again and fsynced before it counts."""
        for stream, epochs in self.epochs_of.items():
            self.open[stream] = None
            for epoch in epochs:
                epoch.reload()
                for row in epoch.rows.values():
                    row.synced = True
            self.epochs_of[stream] = [e for e in epochs if e.rows or e.base[0]]

    def slot(self, stream: Stream, name: str) -> tuple[str, int]:
        """The place of the next line; opens this life's epoch, named `name`, if there is none yet."""
        epoch = self.open[stream]
        if epoch is None:
            genesis = chain.genesis(self.device, stream, name)
            epoch = DiskEpoch(name=name, base=(0, genesis), head=genesis)
            self.open[stream] = epoch
            self.epochs_of[stream].append(epoch)
        return epoch.name, epoch.last + 1

    def write(self, stream: Stream, raw: bytes, event: int, context: tuple[str, str] | None, key: str) -> Row:
        """Write a line into the page cache."""
        epoch = self.open[stream]
        assert epoch is not None
        if context is not None:
            self.contexts[context[0]] = context[1]
        seq = epoch.last + 1
        row = Row(
            raw=raw,
            prev=epoch.head,
            chain=chain.link(epoch.head, raw),
            end=seq,
            event=event,
            context=context[0] if context is not None else "",
            key=key,
        )
        epoch.rows[seq] = row
        return row

    def sync(self, stream: Stream, row: Row) -> None:
        """The fsync returned: the line counts."""
        epoch = self.open[stream]
        assert epoch is not None
        row.synced = True
        epoch.last, epoch.head = row.end, row.chain

    def evict(self) -> list[int]:
        """Telemetry: the oldest give way to the newest. Returns the events that went unacknowledged."""
        epochs = self.epochs_of[Stream.TELEMETRY]
        waiting = [(e, s) for e in epochs for s, r in e.rows.items() if r.end > e.acked and r.gap is None]
        gone: list[int] = []
        for epoch, seq in waiting[: max(0, len(waiting) - TELEMETRY_ROWS_MAX)]:
            gone.append(epoch.rows[seq].event)
            self._leave_gap(epoch, seq, GapReason.EVICTED)
        return gone

    def compact(self, key: str) -> list[int]:
        """Health: only the newest line of a key stays. Returns the events that gave way."""
        found = [(e, s) for e in self.epochs_of[Stream.HEALTH] for s, r in e.rows.items() if r.key == key]
        gone = [epoch.rows[seq].event for epoch, seq in found[:-1]]
        for epoch, seq in found[:-1]:
            self._leave_gap(epoch, seq, GapReason.COMPACTED)
        return gone

    def expire(self, before_ms: int) -> list[int]:
        """Acknowledged rows go when their time has come, from the oldest on. Returns their events."""
        gone: list[int] = []
        for stream, epochs in self.epochs_of.items():
            for epoch in list(epochs):
                for seq in sorted(epoch.rows):
                    row = epoch.rows[seq]
                    if row.end > epoch.acked or row.acked_ms is None or row.acked_ms > before_ms:
                        break
                    del epoch.rows[seq]
                    gone.append(row.event)
                    epoch.base = (row.end, row.chain)
                over = not epoch.rows and epoch.acked >= epoch.last and epoch is not self.open[stream]
                if over and epoch.newer_listed:
                    epochs.remove(epoch)
        return gone

    def find(self, event: int) -> bool:
        """Whether the outbox holds an event."""
        return any(row.event == event for row in self.rows())

    def rows(self) -> Iterator[Row]:
        """Every row."""
        for epochs in self.epochs_of.values():
            for epoch in epochs:
                yield from epoch.rows.values()

    def _leave_gap(self, epoch: DiskEpoch, seq: int, reason: GapReason) -> None:
        row = epoch.rows.pop(seq)
        before = next(((s, r) for s, r in epoch.rows.items() if r.end == seq - 1 and r.gap is reason), None)
        gap = Row(raw=b"", prev=row.prev, chain=row.chain, end=row.end, event=0, synced=True, gap=reason)
        gap.acked_ms = row.acked_ms
        if before is not None and (before[1].end <= epoch.acked) == (row.end <= epoch.acked):
            gap.prev = before[1].prev
            seq = before[0]
        epoch.rows[seq] = gap
        epoch.rows = dict(sorted(epoch.rows.items()))

    # -- Log ---------------------------------------------------------------------------------------------

    def epochs(self, stream: Stream) -> Sequence[EpochView]:
        return [epoch.view for epoch in self.epochs_of[stream]]

    def chain_at(self, stream: Stream, epoch: str, seq: int) -> bytes | None:
        here = self._epoch(stream, epoch)
        found = here.at(seq)
        if found is not None and found[1].end == seq and is_sound(found[1]):
            return found[1].chain
        after = here.rows.get(seq + 1)
        if after is not None and is_sound(after):
            return after.prev
        if seq == here.base[0]:
            return here.base[1]
        return here.head if seq == here.last else None

    def read(self, stream: Stream, epoch: str, first: int, lines_max: int, bytes_max: int) -> Run:
        here = self._epoch(stream, epoch)
        found = here.at(first)
        seq = first if found is None else found[0]
        start, prev = seq, self.chain_at(stream, epoch, seq - 1)
        lines: list[bytes] = []
        contexts: dict[str, str] = {}
        size = 0
        while seq <= here.last and len(lines) < lines_max and size < bytes_max // 2:
            row = here.rows.get(seq)
            if row is None or not is_sound(row):
                end, head = self._unsound(here, seq)
                lines.append(Gap(seq, end, GapReason.CORRUPT, head).encode())
            elif row.gap is not None:
                end = row.end
                lines.append(Gap(seq, end, row.gap, row.chain).encode())
            else:
                end = row.end
                lines.append(row.raw)
                if row.context:
                    contexts[row.context] = self.contexts[row.context]
            size += len(lines[-1]) + len(contexts) * 1700
            seq = end + 1
        return Run(first=start, prev=prev or bytes(8), lines=tuple(lines), contexts=contexts, next=seq)

    def acknowledge(self, stream: Stream, epoch: str, acked: int, now_ms: int) -> None:
        before = True
        for here in self.epochs_of[stream]:
            if here.name == epoch:
                here.acked, before = min(acked, here.last), False
            else:
                here.acked = here.last if before else 0
            for row in here.rows.values():
                if row.end > here.acked:
                    row.acked_ms = None
                elif row.acked_ms is None:
                    row.acked_ms = now_ms

    def _unsound(self, here: DiskEpoch, seq: int) -> tuple[int, bytes]:
        """Where the damage that begins at `seq` ends, and the chain value there."""
        for start in sorted(here.rows):
            if start > seq and is_sound(here.rows[start]):
                return start - 1, here.rows[start].prev
        return here.last, here.head

    def _epoch(self, stream: Stream, name: str) -> DiskEpoch:
        return next(e for e in self.epochs_of[stream] if e.name == name)

    # -- Lanes -------------------------------------------------------------------------------------------

    def lanes(self, now_ms: int) -> Mapping[Stream, LaneState]:
        return {
            stream: LaneState(
                epochs=[ListedEpoch(epoch=e.name, oldest=e.oldest, last=e.last, head=e.head) for e in epochs],
                acked={e.name: e.acked for e in epochs},
            )
            for stream, epochs in self.epochs_of.items()
        }

    def listed(self, lanes: Mapping[Stream, LaneState]) -> None:
        for stream, lane in lanes.items():
            older = {e.epoch for e in lane.epochs[:-1]}
            for epoch in self.epochs_of[stream]:
                epoch.newer_listed = epoch.newer_listed or epoch.name in older

    # -- what may happen to it -----------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """The disk as it is now."""
        return pickle.dumps(self, pickle.HIGHEST_PROTOCOL)
