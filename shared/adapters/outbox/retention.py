"""What gives way, and what is left in its place.

- *Acknowledgement*: the lane's points move; what has been kept long enough is counted from them.
- *Expiry*: acknowledged lines whose keep window has passed go, oldest first, and with their last line and a
  newer epoch known to the hub the epoch itself. Under pressure the window is shortened the same way.
- *Eviction* (telemetry, health): the oldest unacknowledged lines of a full lane leave one gap line `evicted`.
- *Compaction* (health): a newer line of the same key leaves one gap line `compacted`.

Expiry is written relaxed: a power cut may bring lines back, and then they expire again. Eviction and
compaction are written durably. Not here: when to do which (`outbox`).
"""

from collections.abc import Sequence
from typing import Final

from shared.adapters.outbox.disk import Disk
from shared.adapters.outbox.lane import Epoch, Lane, Point
from shared.adapters.outbox.reading import StoredGap, best_chain_at, gaps_of
from shared.adapters.outbox.schema import (
    CONTEXT_SPAN,
    SEQ_MAX,
    Statement,
    epoch_number_of,
    place_of,
    seq_of,
)
from shared.protocol.lines import GapReason

CHUNK_ROWS: Final = 500
"""Rows that one transaction deletes: an append never waits long behind an expiry."""
ROUNDS_PER_CALL: Final = 8
EVICTED_SHARE: Final = 0.1
"""A full lane gives up this share of its oldest lines at once, so that not every append has to."""


def saving(lane: Lane, points: Sequence[Point]) -> list[Statement]:
    """Say how the file follows when a lane's points become `points`: most often the newest just moves on."""
    if not lane.points_saved:
        return [(_DROP_POINTS, (lane.stream.value,)), *(_new_point(lane, p) for p in points)]
    *_, newest = points
    kept = {p.number for p in points}
    gone: list[Statement] = [(_DROP_POINT, (p.number,)) for p in lane.points if p.number not in kept]
    if any(p.number == newest.number for p in reversed(lane.points)):
        return [*gone, (_MOVE_POINT, (newest.place, newest.at_ms, newest.number))]
    return [*gone, _new_point(lane, newest)]


def charged_above(disk: Disk, lane: Lane, place: int) -> int:
    """Return what a lane's unacknowledged lines would be charged, were `place` its watermark."""
    if place >= lane.end:
        return 0
    bounds = (min(place, lane.watermark), max(place, lane.watermark))
    (between,) = disk.execute(lane.sql.cost, bounds).fetchone()
    return max(0, lane.unacknowledged + (between if place < lane.watermark else -between))


def due_place(lane: Lane, before_ms: int) -> int:
    """Return the place up to which lines were acknowledged at `before_ms` or earlier; 0 for none."""
    place = 0
    for point in lane.points:
        if point.at_ms > before_ms:
            break
        place = point.place
    return place


def expire(disk: Disk, lane: Lane, upto: int, rows_max: int = CHUNK_ROWS) -> int:
    """Delete the oldest acknowledged lines, one chunk of them at most.

    Args:
        disk: the file.
        lane: its lane.
        upto: the place up to which lines may go; at most the watermark.
        rows_max: lines in a chunk.

    Returns:
        The place up to which everything is gone now; 0 if nothing went.
    """
    affected = [e for e in lane.epochs if e.first_place < upto and e.base < e.last]
    if not affected or upto <= place_of(affected[0].number, affected[0].base):
        return 0
    nth = disk.execute(lane.sql.nth, (upto, rows_max - 1)).fetchone()
    boundary = _before_gap(disk, affected, upto if nth is None else nth[0])
    statements: list[Statement] = []
    bases: list[tuple[Epoch, int, bytes]] = []
    for epoch in affected:
        base = epoch.last if epoch.number < epoch_number_of(boundary) else min(seq_of(boundary), epoch.last)
        if epoch.first_place >= boundary or base <= epoch.base:
            break
        bases.append((epoch, base, best_chain_at(disk, lane, epoch, base)))
        statements += _forget(lane, *bases[-1])
    if not bases:
        return 0
    statements += [(_DROP_POINT, (p.number,)) for p in lane.points[:-1] if p.place <= boundary]
    disk.commit(statements, durable=False)
    for epoch, base, value in bases:
        epoch.base, epoch.base_chain = base, value
    lane.points = [p for p in lane.points[:-1] if p.place > boundary] + lane.points[-1:]
    lane.changed()
    return boundary


def expire_rounds(disk: Disk, lane: Lane, upto: int) -> bool:
    """Delete a few chunks of acknowledged lines; tell whether there are more."""
    for _ in range(ROUNDS_PER_CALL):
        gone = expire(disk, lane, upto)
        if gone == 0 or gone >= upto:
            return False
    return True


def unlist(disk: Disk, lane: Lane) -> None:
    """Drop the oldest epochs that are empty, complete, and known by the hub to have a successor."""
    while lane.epochs:
        oldest = lane.epochs[0]
        empty = oldest.base == oldest.last and lane.acked(oldest) >= oldest.last
        if oldest is lane.open or not oldest.newer_listed or not empty:
            return
        everything = (oldest.first_place, place_of(oldest.number, SEQ_MAX))
        disk.commit([(_DROP_EPOCH, (oldest.number,)), (_DROP_CONTEXTS, everything)], durable=False)
        lane.epochs.pop(0)
        lane.changed()


def evict(disk: Disk, lane: Lane, need: int) -> None:
    """Let the oldest unacknowledged lines of a lane go until there is room.

    Args:
        disk: the file.
        lane: its lane.
        need: bytes that must become free.
    """
    need = max(need, int(lane.capacity * EVICTED_SHARE))
    freed, boundary = 0, lane.watermark
    for place, cost in disk.rows(lane.sql.costs, (lane.watermark,)):
        freed, boundary = freed + cost, place
        if freed >= need:
            break
    statements: list[Statement] = []
    for epoch in lane.epochs:
        first = max(epoch.base, lane.acked(epoch)) + 1
        last = min(epoch.appended, seq_of(boundary) if epoch.number == epoch_number_of(boundary) else SEQ_MAX)
        if epoch.first_place < boundary and first <= last:
            statements += _leave_gap(disk, lane, epoch, first, last)
    if statements:
        disk.commit(statements, durable=True)
        lane.unacknowledged = max(0, lane.unacknowledged - freed)


def compact(disk: Disk, lane: Lane, key: str) -> tuple[list[Statement], int]:
    """Say how the older line of a key gives way to the one that is about to be appended.

    Returns:
        The statements, to be committed with the append, and the bytes that they free.
    """
    place = lane.keys.get(key, lane.watermark)
    epoch = next((e for e in lane.epochs if e.number == epoch_number_of(place)), None)
    if place <= lane.watermark or epoch is None:
        return [], 0
    (freed,) = disk.execute(lane.sql.cost, (place - 1, place)).fetchone()
    if freed == 0:  # it gave way already
        return [], 0
    seq = seq_of(place)
    first = last = seq
    prev, head = best_chain_at(disk, lane, epoch, seq - 1), best_chain_at(disk, lane, epoch, seq)
    statements: list[Statement] = [(lane.sql.delete, (place, place))]
    for gap in gaps_of(disk, epoch, seq - 1, seq + 1):
        if gap.reason is GapReason.COMPACTED and place_of(epoch.number, gap.last) > lane.watermark:
            first, prev = min((first, prev), (gap.seq, gap.prev))
            last, head = max((last, head), (gap.last, gap.head))
            statements.append((_DROP_GAPS, (place_of(epoch.number, gap.seq),) * 2))
    statements.append(_gap(epoch, StoredGap(first, last, GapReason.COMPACTED, prev, head)))
    return statements, freed


def _before_gap(disk: Disk, affected: list[Epoch], boundary: int) -> int:
    """Move a boundary that falls inside a gap to the place before it: a gap goes as one."""
    for epoch in affected:
        if epoch.number == epoch_number_of(boundary):
            for gap in gaps_of(disk, epoch, seq_of(boundary), seq_of(boundary) + 1):
                if gap.seq <= seq_of(boundary) < gap.last:
                    return place_of(epoch.number, gap.seq - 1)
    return boundary


def _forget(lane: Lane, epoch: Epoch, base: int, value: bytes) -> list[Statement]:
    first, last = epoch.first_place, place_of(epoch.number, base)
    ends = base == epoch.last and epoch is not lane.open
    needless = place_of(epoch.number, SEQ_MAX if ends else max(0, base - CONTEXT_SPAN))
    return [
        (lane.sql.delete, (first, last)),
        (_DROP_GAPS, (first, last)),
        (_DROP_CONTEXTS, (first, needless)),
        (_SET_BASE, (base, value, epoch.number)),
    ]


def _leave_gap(disk: Disk, lane: Lane, epoch: Epoch, first: int, last: int) -> list[Statement]:
    """Replace numbers `first` to `last`, and whatever gave way among them before, by one gap."""
    start, prev = first, best_chain_at(disk, lane, epoch, first - 1)
    head = best_chain_at(disk, lane, epoch, last)
    for gap in gaps_of(disk, epoch, first, first):  # the watermark lies inside it
        start, prev = min((start, prev), (gap.seq, gap.prev))
    return [
        (lane.sql.delete, (place_of(epoch.number, first), place_of(epoch.number, last))),
        (_DROP_GAPS, (place_of(epoch.number, start), place_of(epoch.number, last))),
        _gap(epoch, StoredGap(start, last, GapReason.EVICTED, prev, head)),
    ]


def _new_point(lane: Lane, point: Point) -> Statement:
    return _ADD_POINT, (point.number, lane.stream.value, point.place, point.since_ms, point.at_ms)


def _gap(epoch: Epoch, gap: StoredGap) -> Statement:
    return _INSERT_GAP, (place_of(epoch.number, gap.seq), gap.last, gap.reason.value, gap.prev, gap.head)


_SET_BASE: Final = "UPDATE epoch SET base = ?, base_chain = ? WHERE number = ?"
_DROP_EPOCH: Final = "DELETE FROM epoch WHERE number = ?"
_DROP_GAPS: Final = "DELETE FROM gap WHERE place BETWEEN ? AND ?"
_DROP_CONTEXTS: Final = "DELETE FROM context WHERE place BETWEEN ? AND ?"
_ADD_POINT: Final = "INSERT INTO acknowledged (number, stream, place, since, at) VALUES (?, ?, ?, ?, ?)"
_MOVE_POINT: Final = "UPDATE acknowledged SET place = ?, at = ? WHERE number = ?"
_DROP_POINTS: Final = "DELETE FROM acknowledged WHERE stream = ?"
_DROP_POINT: Final = "DELETE FROM acknowledged WHERE number = ?"
_INSERT_GAP: Final = "INSERT OR REPLACE INTO gap (place, last, reason, prev, head) VALUES (?, ?, ?, ?, ?)"
