"""What the owner finds at its start: epochs, watermarks, and whether the unacknowledged lines are sound.

A row of the small tables that makes no sense counts as structural damage (`DamagedError`): it is answered by
salvage. A line that does not fit its chain is counted and left where it is; reading turns it into a gap.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.adapters.outbox.disk import Disk, translated
from shared.adapters.outbox.errors import DamagedError, ForeignOutboxError, OutboxBrokenError
from shared.adapters.outbox.lane import Epoch, Lane, Point
from shared.adapters.outbox.reading import StoredLine, chain_value
from shared.adapters.outbox.salvage import finish_swap, salvage
from shared.adapters.outbox.schema import (
    PLACE_MAX,
    SEQ_MAX,
    LaneSql,
    epoch_number_of,
    is_epoch_name,
    place_of,
    seq_of,
)
from shared.model.errors import VentanillaError
from shared.model.event import Stream
from shared.protocol.chain import LENGTH
from shared.protocol.delivery import LANES, PROMISED


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds.

    Attributes:
        lanes: every stored stream.
        next_epoch: a row number for an epoch that nothing in the file uses yet.
        next_point: the same for an acknowledgement point.
        damaged: unacknowledged lines that do not fit their chain.
    """

    lanes: dict[Stream, Lane]
    next_epoch: int
    next_point: int
    damaged: int


def open_file(path: Path, device: str, capacity: Mapping[str, int]) -> tuple[Disk, Contents, bool]:
    """Open a device's file and read it; where its structure is broken, save what can be read and open that.

    Args:
        path: the file; it is created where there is none.
        device: whose it must be.
        capacity: bytes per stream.

    Returns:
        The open file, what it holds, and whether it had to be salvaged.

    Raises:
        OutboxInUseError: another process owns it.
        ForeignOutboxError: it belongs to another device.
        DiskFullError: there is no room to create or save it.
        OutboxBrokenError: the disk failed, or nothing can be made of the file.
    """
    try:
        finish_swap(path)
        try:
            return *_open_and_load(path, device, capacity), False
        except DamagedError:
            salvage(path)
            return *_open_and_load(path, device, capacity), True
    except sqlite3.Error as error:
        raise translated(error) from error
    except OSError as error:
        raise OutboxBrokenError(OutboxBrokenError.__doc__) from error


def _open_and_load(path: Path, device: str, capacity: Mapping[str, int]) -> tuple[Disk, Contents]:
    disk = Disk.open(path)
    try:
        return disk, _load(disk, device, capacity)
    except VentanillaError:
        disk.close()
        raise


def _load(disk: Disk, device: str, capacity: Mapping[str, int]) -> Contents:
    _check_owner(disk, device)
    lanes = {s: _new_lane(s, capacity[s]) for s in LANES}
    numbers = [0]
    for number, stream, name, base, base_chain in disk.rows(_EPOCHS):
        numbers.append(number)
        if (
            stream not in lanes
            or not is_epoch_name(name)
            or len(base_chain) != LENGTH
            or not 0 <= base <= SEQ_MAX
        ):
            raise DamagedError(DamagedError.__doc__)
        lane = lanes[Stream(stream)]
        last, head = _end_of(disk, lane, number, base, base_chain)
        if last > 0:  # else every line has vanished: the hub learns it from the birth that lists it no more
            lane.epochs.append(Epoch.found(number, name, (base, base_chain), (last, head)))
    points = [0]
    for number, stream, place, since_ms, at_ms in disk.rows(_POINTS):
        points.append(number)
        if stream not in lanes:
            raise DamagedError(DamagedError.__doc__)
        lanes[Stream(stream)].points.append(Point(number, place, since_ms, at_ms))
    damaged = 0
    for lane in lanes.values():
        _clip(lane)
        damaged += _verify(disk, lane)
        numbers += [epoch_number_of(place) for place, _ in disk.rows(lane.sql.newest, (0, PLACE_MAX))]
    return Contents(lanes, max(numbers) + 1, max(points) + 1, damaged)


def _check_owner(disk: Disk, device: str) -> None:
    owners = [name for (name,) in disk.rows("SELECT device FROM owner")]
    if not owners:
        disk.commit([("INSERT INTO owner (device) VALUES (?), (?)", (device, device))], durable=True)
    elif device not in owners:
        raise ForeignOutboxError(ForeignOutboxError.__doc__)


def _new_lane(stream: Stream, capacity: int) -> Lane:
    return Lane(
        stream=stream,
        sql=LaneSql.of(stream),
        capacity=capacity,
        grouped=stream is Stream.TELEMETRY,
        evicts=stream not in PROMISED,
    )


def _end_of(disk: Disk, lane: Lane, number: int, base: int, base_chain: bytes) -> tuple[int, bytes]:
    """Return the last number of an epoch and the value after it, from whatever reaches furthest."""
    bounds = (place_of(number, 0), place_of(number, SEQ_MAX))
    ends = [(base, base_chain)]
    ends += [(seq_of(place), chain_value(chain)) for place, chain in disk.rows(lane.sql.newest, bounds)]
    ends += [(last, chain_value(head)) for last, head in disk.rows(_NEWEST_GAP, bounds)]
    return max(ends)


def _clip(lane: Lane) -> None:
    """Hold the watermark below what is there: lines that vanished are not acknowledged lines."""
    lane.points = [Point(p.number, min(p.place, lane.end), p.since_ms, p.at_ms) for p in lane.points]
    for epoch in lane.epochs:
        if epoch_number_of(lane.watermark) == epoch.number and lane.watermark > epoch.last_place:
            point = lane.points[-1]
            lane.points[-1] = Point(point.number, epoch.last_place, point.since_ms, point.at_ms)


def _verify(disk: Disk, lane: Lane) -> int:
    damaged = 0
    for place, prev, chain, line, cost, key in disk.rows(lane.sql.after, (lane.watermark,)):
        lane.unacknowledged += cost
        if not StoredLine(seq_of(place), prev, chain, line, None).fits:
            damaged += 1
        if key is not None:
            lane.keys[key] = place
    return damaged


_EPOCHS: Final = "SELECT number, stream, name, base, base_chain FROM epoch ORDER BY number"
_POINTS: Final = "SELECT number, stream, place, since, at FROM acknowledged ORDER BY number"
_NEWEST_GAP: Final = "SELECT last, head FROM gap WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1"
