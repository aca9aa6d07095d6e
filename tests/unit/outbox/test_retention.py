"""What gives way, counted line by line and row by row in the file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.outbox import LaneFullError, Outbox, OutboxLimits
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.lines import GapReason
from tests.support.outbox import DEVICE, held, new_context, take, take_many
from tests.unit.outbox.conftest import Open

KEEP_MS = limits.KEEP_WINDOW_MS
HOUR_MS = 3_600_000


def rows(file: Path, sql: str) -> list[tuple[int, ...]]:
    """Look into the file of an outbox that was closed."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


def points_in(file: Path) -> list[tuple[int, ...]]:
    return rows(file, "SELECT place & 0xffffffff, since, at FROM acknowledged ORDER BY number")


# ---- points


def test_points_that_have_expired_leave_the_file_too(open_outbox: Open, file: Path) -> None:
    outbox = open_outbox()
    epoch = take_many(outbox, Stream.CASES, 9)[0].epoch
    for acked in (2, 4, 6):
        outbox.acknowledge(Stream.CASES, epoch, acked, now_ms=acked * HOUR_MS)
    outbox.expire(4 * HOUR_MS + KEEP_MS)
    assert outbox.epochs(Stream.CASES)[0].oldest == 5
    outbox.close()
    assert points_in(file) == [(6, 6 * HOUR_MS, 6 * HOUR_MS)]
    outbox = open_outbox()
    outbox.acknowledge(Stream.CASES, epoch, 8, now_ms=8 * HOUR_MS)
    outbox.expire(6 * HOUR_MS + KEEP_MS)
    assert outbox.epochs(Stream.CASES)[0].oldest == 7


def test_points_of_every_stream_have_numbers_of_their_own_over_lives(open_outbox: Open, file: Path) -> None:
    for life in range(3):
        outbox = open_outbox()
        for stream in (Stream.CASES, Stream.PAYMENTS):
            epoch = take(outbox, stream).epoch
            outbox.acknowledge(stream, epoch, 1, now_ms=life * 2 * HOUR_MS)
    open_outbox().close()
    assert rows(
        file, "SELECT stream, count(*), count(DISTINCT number) FROM acknowledged GROUP BY stream"
    ) == [
        ("cases", 3, 3),
        ("payments", 3, 3),
    ]


def test_watermark_that_goes_back_drops_the_points_above_it(open_outbox: Open, file: Path) -> None:
    outbox = open_outbox()
    epoch = take_many(outbox, Stream.CASES, 9)[0].epoch
    for acked in (2, 4, 6):
        outbox.acknowledge(Stream.CASES, epoch, acked, now_ms=acked * HOUR_MS)
    outbox.acknowledge(Stream.CASES, epoch, 3, now_ms=9 * HOUR_MS)
    outbox.close()
    assert points_in(file) == [(2, 2 * HOUR_MS, 2 * HOUR_MS), (3, 4 * HOUR_MS, 4 * HOUR_MS)]


# ---- what a lane is charged


def test_charge_follows_the_watermark_up_and_down_over_epochs(open_outbox: Open) -> None:
    epochs = [take_many(open_outbox(), Stream.CASES, 4, "x" * 100)[0].epoch for _ in range(3)]
    outbox = open_outbox()
    whole = outbox.fill(Stream.CASES)
    for epoch, acked, left in ((0, 2, 10), (2, 1, 3), (1, 3, 5), (0, 0, 12), (2, 4, 0), (2, 3, 1), (0, 4, 8)):
        outbox.acknowledge(Stream.CASES, epochs[epoch], acked, now_ms=1)
        assert outbox.fill(Stream.CASES) == pytest.approx(whole * left / 12)
    assert open_outbox().fill(Stream.CASES) == pytest.approx(whole * 8 / 12)


def test_compaction_gives_back_what_the_older_line_was_charged(outbox: Outbox) -> None:
    take(outbox, Stream.HEALTH, "x" * 100, key="a")
    one = outbox.fill(Stream.HEALTH)
    for _ in range(20):
        take(outbox, Stream.HEALTH, "x" * 100, key="a")
    assert outbox.fill(Stream.HEALTH) == pytest.approx(one, rel=0.02)


def test_context_is_charged_with_the_line_that_stores_it(outbox: Outbox) -> None:
    context = new_context("c1")
    take(outbox, Stream.CASES, "x", context=context)
    first = outbox.fill(Stream.CASES)
    take(outbox, Stream.CASES, "x", context=context)
    second = outbox.fill(Stream.CASES) - first
    charged = (first - second) * limits.LANE_BYTES["cases"]
    assert charged == pytest.approx(len(context.context.sealed), abs=2)


# ---- compaction


def test_compacted_numbers_next_to_one_another_are_one_gap_in_the_file(open_outbox: Open, file: Path) -> None:
    outbox = open_outbox()
    for key in ("a", "b", "c", "a", "c", "b", "a"):
        take(outbox, Stream.HEALTH, key=key)
    epoch = outbox.epochs(Stream.HEALTH)[0].epoch
    assert [(g.seq, g.gap_to) for g in held(outbox, Stream.HEALTH, epoch).gaps] == [(1, 4)]
    outbox.close()
    assert rows(file, "SELECT place & 0xffffffff, last FROM gap") == [(1, 4)]


def test_compaction_leaves_a_gap_alone_that_the_hub_has(outbox: Outbox) -> None:
    for key in ("a", "a", "b"):
        take(outbox, Stream.HEALTH, key=key)
    epoch = outbox.epochs(Stream.HEALTH)[0].epoch
    outbox.acknowledge(Stream.HEALTH, epoch, 1, now_ms=1)
    take(outbox, Stream.HEALTH, key="a")
    found = held(outbox, Stream.HEALTH, epoch)
    assert [(g.seq, g.gap_to) for g in found.gaps] == [(1, 1), (2, 2)]
    assert sorted(found.lines) == [3, 4]


def test_compaction_does_not_swallow_what_was_evicted(open_outbox: Open) -> None:
    outbox = open_outbox(lane_bytes={**limits.LANE_BYTES, "health": 4_000})
    for n in range(30):
        take(outbox, Stream.HEALTH, "x" * 50, key=f"k{n}")
    epoch = outbox.epochs(Stream.HEALTH)[0].epoch
    (evicted,) = held(outbox, Stream.HEALTH, epoch).gaps
    take(outbox, Stream.HEALTH, "y", key=f"k{evicted.gap_to}")
    gaps = held(outbox, Stream.HEALTH, epoch).gaps
    assert [(g.seq, g.reason) for g in gaps] == [
        (1, GapReason.EVICTED),
        (evicted.gap_to + 1, GapReason.COMPACTED),
    ]


# ---- eviction


def test_eviction_takes_a_tenth_or_what_is_needed(open_outbox: Open) -> None:
    lanes = {**limits.LANE_BYTES, "telemetry": 20_000}
    outbox = open_outbox(lane_bytes=lanes)
    epoch = take_many(outbox, Stream.TELEMETRY, 1, "x" * 100)[0].epoch
    outbox.flush()
    one = outbox.fill(Stream.TELEMETRY)
    fit = int(1 / one)
    take_many(outbox, Stream.TELEMETRY, fit, "x" * 100)
    outbox.flush()
    (gap,) = held(outbox, Stream.TELEMETRY, epoch).gaps
    assert 0.1 <= gap.gap_to * one < 0.1 + 1.5 * one
    take(outbox, Stream.TELEMETRY, "x" * 9_000)
    outbox.flush()
    (gap,) = held(outbox, Stream.TELEMETRY, epoch).gaps
    assert gap.gap_to * one > 0.4
    assert outbox.fill(Stream.TELEMETRY) <= 1


def test_line_that_no_eviction_makes_room_for_is_refused_and_nothing_is_evicted(open_outbox: Open) -> None:
    outbox = open_outbox(lane_bytes={**limits.LANE_BYTES, "telemetry": 5_000})
    epoch = take_many(outbox, Stream.TELEMETRY, 5)[0].epoch
    with pytest.raises(LaneFullError):
        take(outbox, Stream.TELEMETRY, "x" * 9_000)
    outbox.flush()
    assert len(held(outbox, Stream.TELEMETRY, epoch).lines) == 5


# ---- contexts


def test_contexts_go_with_the_lines_that_needed_them(open_outbox: Open, file: Path) -> None:
    outbox = open_outbox()
    for n in range(600):
        take(outbox, Stream.CASES, context=new_context(f"c{n}"))
    epoch = outbox.epochs(Stream.CASES)[0].epoch
    outbox.acknowledge(Stream.CASES, epoch, 500, now_ms=0)
    outbox.expire(KEEP_MS)
    outbox.close()
    ((least,),) = rows(file, "SELECT min(place & 0xffffffff) FROM context")
    assert least == 500 - 256 + 1
    outbox = open_outbox()
    outbox.acknowledge(Stream.CASES, epoch, 600, now_ms=HOUR_MS)
    outbox.expire(2 * HOUR_MS + KEEP_MS)
    outbox.close()
    assert rows(file, "SELECT count(*) FROM context") == [(0,)]


def test_points_of_two_lives_are_kept_side_by_side(file: Path) -> None:
    with Outbox(file, DEVICE, OutboxLimits(ballast_bytes=0)) as outbox:
        epoch = take_many(outbox, Stream.CASES, 9)[0].epoch
        outbox.acknowledge(Stream.CASES, epoch, 2, now_ms=0)
        outbox.close()
    with Outbox(file, DEVICE, OutboxLimits(ballast_bytes=0)) as outbox:
        outbox.acknowledge(Stream.CASES, epoch, 4, now_ms=3 * HOUR_MS)
    assert [place for place, *_ in points_in(file)] == [2, 4]
