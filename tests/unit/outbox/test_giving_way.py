"""What gives way, to the last line and the last byte: expiry, eviction and compaction of a lane by itself."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.outbox import retention
from shared.adapters.outbox.lane import Lane
from shared.adapters.outbox.schema import place_of
from shared.model.event import Stream
from shared.protocol import chain, limits
from shared.protocol.lines import GapReason
from tests.support.outbox import DEVICE, held, new_context, take, take_many
from tests.unit.outbox.conftest import Glass, Open

HOUR_MS = 3_600_000
KEEP_MS = limits.KEEP_WINDOW_MS
BYTES = 65_536
ROW = 96


def bases(lane: Lane) -> list[int]:
    return [epoch.base for epoch in lane.epochs]


def gaps(outbox: Glass, stream: Stream, epoch: str) -> list[tuple[int, int, GapReason]]:
    return [(g.seq, g.gap_to, g.reason) for g in held(outbox, stream, epoch).gaps]


def expire(glass: Glass, lane: Lane, upto: int, rows_max: int = 500) -> int:
    return retention.expire(glass.disk, lane, upto, rows_max)


# ---- expiry


def test_chunk_that_ends_in_an_epoch_takes_nothing_of_the_next(open_outbox: Open, file: Path) -> None:
    take_many(open_outbox(), Stream.CASES, 5)
    open_outbox().close()
    with Glass(file) as glass:
        second = take_many(glass, Stream.CASES, 5)[0].epoch
        glass.acknowledge(Stream.CASES, second, 1, now_ms=1)
        lane = glass.lane(Stream.CASES)
        number = lane.epochs[0].number
        assert expire(glass, lane, lane.watermark, 3) == place_of(number, 3)
        assert (bases(lane), glass.newest_is_synced) == ([3, 0], False)
        assert expire(glass, lane, lane.watermark, 3) == lane.watermark
        assert bases(lane) == [5, 1]
        assert expire(glass, lane, lane.watermark, 3) == 0


def test_epoch_without_lines_that_is_still_listed_keeps_no_other_from_expiring(open_outbox: Open) -> None:
    outbox = open_outbox()
    for life in range(2):
        outbox = open_outbox() if life else outbox
        epoch = take_many(outbox, Stream.CASES, 2)[0].epoch
        outbox.acknowledge(Stream.CASES, epoch, 1, now_ms=0)
        outbox.expire(KEEP_MS)
    assert [v.oldest for v in outbox.epochs(Stream.CASES)] == [3, 2]
    outbox.acknowledge(Stream.CASES, outbox.epochs(Stream.CASES)[1].epoch, 2, now_ms=0)
    outbox.expire(KEEP_MS)
    assert [v.oldest for v in outbox.epochs(Stream.CASES)] == [3, 3]


def test_gap_that_is_acknowledged_in_part_stays_whole_and_what_is_before_it_goes(glass: Glass) -> None:
    for key in "xaaaaab":
        take(glass, Stream.HEALTH, key=key)
    lane = glass.lane(Stream.HEALTH)
    number, name = lane.epochs[0].number, lane.epochs[0].name
    for acked, base in ((2, 1), (3, 1), (4, 1), (5, 5)):  # the gap goes from 2 to 5
        glass.acknowledge(Stream.HEALTH, name, acked, now_ms=1)
        gone = expire(glass, lane, lane.watermark)
        assert bases(lane) == [base], acked
        assert gone == (0 if acked in (3, 4) else place_of(number, base)), acked


def test_points_go_with_the_lines_that_they_were_for(glass: Glass) -> None:
    epoch = take_many(glass, Stream.CASES, 9)[0].epoch
    for acked in (2, 4, 6, 8):
        glass.acknowledge(Stream.CASES, epoch, acked, now_ms=acked * HOUR_MS)
    lane = glass.lane(Stream.CASES)
    number = lane.epochs[0].number
    for upto, left in ((3, [4, 6, 8]), (4, [6, 8]), (8, [8])):
        expire(glass, lane, place_of(number, upto))
        assert [point.place for point in lane.points] == [place_of(number, seq) for seq in left]


def test_expiry_that_has_nothing_to_do_says_that_there_is_no_more(glass: Glass) -> None:
    epoch = take_many(glass, Stream.CASES, 2)[0].epoch
    glass.acknowledge(Stream.CASES, epoch, 2, now_ms=0)
    assert [glass.expire(KEEP_MS).more for _ in range(3)] == [False, False, False]


def test_epoch_is_unlisted_without_a_sync(open_outbox: Open, file: Path) -> None:
    take(open_outbox(), Stream.CASES)
    open_outbox().close()
    with Glass(file) as glass:
        epoch = take(glass, Stream.CASES).epoch
        glass.acknowledge(Stream.CASES, epoch, 0, now_ms=0)
        glass.listed(glass.lanes(0))
        lane = glass.lane(Stream.CASES)
        expire(glass, lane, lane.watermark)
        glass.disk.commit([("DELETE FROM gap", ())], durable=True)
        retention.unlist(glass.disk, lane)
        assert [each.name for each in lane.epochs] == [epoch]
        assert not glass.newest_is_synced


def test_context_of_an_earlier_life_stays_while_a_line_needs_it(open_outbox: Open) -> None:
    context = new_context("c1")
    outbox = open_outbox()
    epoch = outbox.slot(Stream.CASES).epoch
    for _ in range(400):
        take(outbox, Stream.CASES, context=context)
    outbox = open_outbox()
    for acked in (1, 100, 255, 300):
        outbox.acknowledge(Stream.CASES, epoch, acked, now_ms=0)
        outbox.expire(KEEP_MS)
        for seq in (acked + 1, 256, 257, 400):
            run = outbox.read(Stream.CASES, epoch, max(seq, acked + 1), 1, BYTES)
            assert run.contexts == {"c1": context.context.sealed}


# ---- eviction


def test_eviction_stops_with_the_line_that_makes_the_room(glass: Glass) -> None:
    taken = take_many(glass, Stream.TELEMETRY, 9)
    glass.flush()
    lane, cost = glass.lane(Stream.TELEMETRY), len(taken[0].line) + ROW
    assert lane.unacknowledged == 9 * cost
    lane.capacity = 1
    value = chain.genesis(DEVICE, Stream.TELEMETRY, taken[0].epoch)
    for need, last in ((1, 1), (2 * cost, 3), (2 * cost + 1, 6), (3 * cost, 9)):
        retention.evict(glass.disk, lane, need)
        assert glass.newest_is_synced
        glass.lane(Stream.TELEMETRY).changed()
        assert gaps(glass, Stream.TELEMETRY, taken[0].epoch) == [(1, last, GapReason.EVICTED)]
        assert lane.unacknowledged == (9 - last) * cost
        assert glass.read(Stream.TELEMETRY, taken[0].epoch, 1, 9, BYTES).prev == value


def test_eviction_of_one_epoch_leaves_the_next_alone(open_outbox: Open, file: Path) -> None:
    first = take(open_outbox(), Stream.TELEMETRY)
    open_outbox().close()
    with Glass(file) as glass:
        second = take_many(glass, Stream.TELEMETRY, 2)[0].epoch
        glass.flush()
        lane = glass.lane(Stream.TELEMETRY)
        lane.capacity = 1
        retention.evict(glass.disk, lane, 1)
        assert gaps(glass, Stream.TELEMETRY, first.epoch) == [(1, 1, GapReason.EVICTED)]
        assert gaps(glass, Stream.TELEMETRY, second) == []
        retention.evict(glass.disk, lane, 1)
        assert gaps(glass, Stream.TELEMETRY, first.epoch) == [(1, 1, GapReason.EVICTED)]
        assert gaps(glass, Stream.TELEMETRY, second) == [(1, 1, GapReason.EVICTED)]


def test_gap_of_an_eviction_has_the_chain_of_the_lines_beside_it(glass: Glass) -> None:
    taken = take_many(glass, Stream.TELEMETRY, 6)
    glass.flush()
    epoch = taken[0].epoch
    values = [chain.genesis(DEVICE, Stream.TELEMETRY, epoch)]
    for each in taken:
        values.append(chain.link(values[-1], each.line))
    glass.acknowledge(Stream.TELEMETRY, epoch, 2, now_ms=1)
    lane = glass.lane(Stream.TELEMETRY)
    lane.capacity = 1
    retention.evict(glass.disk, lane, len(taken[0].line) + ROW + 1)
    (gap,) = held(glass, Stream.TELEMETRY, epoch).gaps
    assert (gap.seq, gap.gap_to, gap.head) == (3, 4, values[4])
    assert glass.read(Stream.TELEMETRY, epoch, 3, 9, BYTES).prev == values[2]


def test_line_as_large_as_its_lane_is_taken_and_everything_gives_way_to_it(open_outbox: Open) -> None:
    line = take(open_outbox(), Stream.TELEMETRY, "x" * 1_000).line
    outbox = open_outbox(lane_bytes={**limits.LANE_BYTES, "telemetry": len(line) + ROW})
    for _ in range(3):
        take(outbox, Stream.TELEMETRY, "x" * 1_000)
        assert outbox.fill(Stream.TELEMETRY) == 1


# ---- compaction


def charge(outbox: Glass, stream: Stream, epoch: str) -> int:
    """What the lines that are there cost, by themselves."""
    return sum(len(line) + ROW for line in held(outbox, stream, epoch).lines.values())


def test_compaction_charges_and_gives_back_to_the_byte(glass: Glass) -> None:
    lane = glass.lane(Stream.HEALTH)
    for n, key in enumerate(["a", "b", "c", None, "b", "a", "b", "d", "a"]):
        epoch = take(glass, Stream.HEALTH, "x" * (n % 4 + 1) * 10, key=key).epoch
        assert lane.unacknowledged == charge(glass, Stream.HEALTH, epoch)


def test_compaction_does_not_reach_over_a_line(glass: Glass) -> None:
    epoch = glass.slot(Stream.HEALTH).epoch
    for key in "abcca":
        take(glass, Stream.HEALTH, key=key)
    assert gaps(glass, Stream.HEALTH, epoch) == [(1, 1, GapReason.COMPACTED), (3, 3, GapReason.COMPACTED)]
    assert sorted(held(glass, Stream.HEALTH, epoch).lines) == [2, 4, 5]


def crowded(file: Path) -> tuple[Glass, int]:
    """A lane of health that holds ten lines of 300 bytes and no more, and has nine."""
    with Glass(file) as glass:
        cost = len(take(glass, Stream.HEALTH, "x" * 300).line) + ROW
    file.unlink()
    glass = Glass(file, lane_bytes={**limits.LANE_BYTES, "health": 10 * cost})
    for n in range(1, 10):
        take(glass, Stream.HEALTH, "x" * 300, key=f"k{n}")
    return glass, cost


def test_line_whose_elder_was_evicted_for_it_leaves_the_eviction_as_it_is(file: Path) -> None:
    glass, cost = crowded(file)
    with glass:
        epoch = take(glass, Stream.HEALTH, "x" * (300 + 3 * cost), key="k1").epoch
        assert gaps(glass, Stream.HEALTH, epoch) == [(1, 5, GapReason.EVICTED)]
        assert sorted(held(glass, Stream.HEALTH, epoch).lines) == [6, 7, 8, 9, 10]
        assert glass.lane(Stream.HEALTH).unacknowledged == charge(glass, Stream.HEALTH, epoch)
        take(glass, Stream.HEALTH, "", key="k2")
        assert glass.disk.execute("SELECT count(*) FROM gap").fetchone() == (1,)
        assert gaps(glass, Stream.HEALTH, epoch) == [(1, 5, GapReason.EVICTED)]
        assert glass.lane(Stream.HEALTH).unacknowledged == charge(glass, Stream.HEALTH, epoch)


def test_line_whose_elder_outlived_the_eviction_for_it_still_replaces_it(file: Path) -> None:
    glass, cost = crowded(file)
    with glass:
        epoch = take(glass, Stream.HEALTH, "x" * (300 + 3 * cost), key="k8").epoch
        assert gaps(glass, Stream.HEALTH, epoch) == [
            (1, 5, GapReason.EVICTED),
            (8, 8, GapReason.COMPACTED),
        ]
        assert glass.lane(Stream.HEALTH).unacknowledged == charge(glass, Stream.HEALTH, epoch)


@pytest.mark.parametrize("key", [None, "new"])
def test_line_that_others_were_evicted_for_is_charged_as_it_is(file: Path, key: str | None) -> None:
    glass, _ = crowded(file)
    with glass:
        epoch = glass.slot(Stream.HEALTH).epoch
        for n in range(3):
            take(glass, Stream.HEALTH, "x" * 300, key=key and f"{key}{n}")
        assert gaps(glass, Stream.HEALTH, epoch) == [(1, 4, GapReason.EVICTED)]
        assert glass.lane(Stream.HEALTH).unacknowledged == charge(glass, Stream.HEALTH, epoch)


# ---- charges and contexts


def test_lane_with_nothing_left_but_a_gap_is_charged_nothing(glass: Glass, file: Path) -> None:
    epoch = glass.slot(Stream.HEALTH).epoch
    for key in "xaa":
        take(glass, Stream.HEALTH, key=key)
    glass.close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM line_health WHERE (place & 0xffffffff) = 3")
    with Glass(file) as again:
        assert [(v.last, v.acked) for v in again.epochs(Stream.HEALTH)] == [(2, 0)]
        assert again.fill(Stream.HEALTH) > 0
        again.acknowledge(Stream.HEALTH, epoch, 1, now_ms=1)
        assert again.fill(Stream.HEALTH) == 0


@pytest.mark.parametrize(("others", "stored"), [(63, 1), (64, 2)])
def test_context_is_remembered_beside_sixty_three_others(
    glass: Glass, file: Path, others: int, stored: int
) -> None:
    contexts = [new_context(f"c{n}") for n in range(others + 1)]
    for context in [*contexts, contexts[0]]:
        take(glass, Stream.CASES, context=context)
    glass.close()
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT count(*) FROM context WHERE name = 'c0'").fetchone()
    assert found == (stored,)
