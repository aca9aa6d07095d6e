"""Gaps and damage in the middle of runs: where a run begins, what its chain is, and how much fits."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.outbox import Outbox
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol import chain, limits
from shared.protocol.lines import GapReason, read_gap
from tests.support.outbox import DEVICE, held, new_context, take, take_many
from tests.unit.outbox.conftest import Open

BYTES = 65_536


def change(file: Path, sql: str, *parameters: object) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(sql, parameters)


def health(outbox: Outbox, *keys: str) -> str:
    for key in keys:
        take(outbox, Stream.HEALTH, key=key)
    return outbox.epochs(Stream.HEALTH)[0].epoch


def numbers(outbox: Outbox, epoch: str, first: int, lines_max: int = 200) -> list[tuple[int, int]]:
    """What a run has: each line's number twice, each gap's first and last."""
    run = outbox.read(Stream.HEALTH, epoch, first, lines_max, BYTES)
    found: list[tuple[int, int]] = []
    for line in run.lines:
        gap = read_gap(line)
        seq = int(line.split(b":")[1].split(b",")[0])
        found.append((seq, seq if gap is None else gap.gap_to))
    return found


# ---- stored gaps


def test_run_over_several_gaps_has_each_where_it_belongs(outbox: Outbox) -> None:
    epoch = health(outbox, "a", "b", "a", "c", "d", "c", "e", "f", "e")
    wanted = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (9, 9)]
    assert numbers(outbox, epoch, 1) == wanted
    assert [numbers(outbox, epoch, n, 1) for n in range(1, 10)] == [[each] for each in wanted]
    assert {g.seq for g in held(outbox, Stream.HEALTH, epoch).gaps} == {1, 4, 7}


def test_run_from_within_a_long_gap_begins_with_all_of_it(outbox: Outbox) -> None:
    epoch = health(outbox, "b", *"aaaaaaa", "c")
    assert numbers(outbox, epoch, 1) == [(1, 1), (2, 7), (8, 8), (9, 9)]
    for first in (2, 4, 7):
        assert numbers(outbox, epoch, first) == [(2, 7), (8, 8), (9, 9)]
    assert numbers(outbox, epoch, 8) == [(8, 8), (9, 9)]


def test_gap_at_the_end_is_told_without_a_line_behind_it(open_outbox: Open) -> None:
    epoch = health(open_outbox(), "x", "a", "b")
    outbox = open_outbox()
    health(outbox, "a", "b")
    assert numbers(outbox, epoch, 1) == [(1, 1), (2, 3)]
    assert numbers(outbox, epoch, 3) == [(2, 3)]


def test_two_gaps_at_the_end_are_both_told(open_outbox: Open, file: Path) -> None:
    epoch = health(open_outbox(), "x", "a", "b", "c")
    outbox = open_outbox()
    health(outbox, "a", "c")
    assert numbers(outbox, epoch, 1) == [(1, 1), (2, 2), (3, 3), (4, 4)]
    outbox.close()
    change(file, "DELETE FROM line_health WHERE (place & 0xffffffff) = 3 AND place < 8589934592")
    assert numbers(open_outbox(), epoch, 1) == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_chain_is_known_before_and_after_every_gap(outbox: Outbox) -> None:
    lines = [take(outbox, Stream.HEALTH, key=key).line for key in "abcaaad"]
    epoch = outbox.epochs(Stream.HEALTH)[0].epoch
    values = [chain.genesis(DEVICE, Stream.HEALTH, epoch)]
    for line in lines:
        values.append(chain.link(values[-1], line))
    # 1, 4 and 5 gave way: of 4 alone nothing tells the value, as it lies within the gap from 4 to 5
    told = [outbox.chain_at(Stream.HEALTH, epoch, seq) for seq in range(8)]
    assert told == [*values[:4], None, *values[5:]]
    assert [outbox.chain_at(Stream.HEALTH, epoch, seq) for seq in (-1, 8)] == [None, None]


def test_gap_whose_row_makes_no_sense_is_a_corrupt_one(open_outbox: Open, file: Path) -> None:
    epoch = health(open_outbox(), "a", "b", "a", "a")
    open_outbox().close()
    for spoil in ("reason = 'bored'", "reason = 'evicted', prev = x'00'", "prev = zeroblob(8), head = x'00'"):
        change(file, f"UPDATE gap SET {spoil} WHERE (place & 0xffffffff) = 3")  # noqa: S608 (three constants)
        outbox = open_outbox()
        gaps = held(outbox, Stream.HEALTH, epoch).gaps
        assert [(g.seq, g.gap_to, g.reason) for g in gaps] == [
            (1, 1, GapReason.COMPACTED),
            (3, 3, GapReason.CORRUPT),
        ]
        outbox.close()


# ---- damage


def test_row_that_does_not_fit_still_tells_the_chain_to_its_neighbours(open_outbox: Open, file: Path) -> None:
    taken = take_many(open_outbox(), Stream.CASES, 5)
    open_outbox().close()
    change(
        file, "UPDATE line_cases SET line = CAST(line || 'x' AS BLOB) WHERE (place & 0xffffffff) IN (2, 3)"
    )
    outbox = open_outbox()
    epoch = taken[0].epoch
    values = [chain.genesis(DEVICE, Stream.CASES, epoch)]
    for each in taken:
        values.append(chain.link(values[-1], each.line))
    assert [outbox.chain_at(Stream.CASES, epoch, seq) for seq in range(6)] == [
        values[0],
        values[1],
        None,
        values[3],
        values[4],
        values[5],
    ]
    run = outbox.read(Stream.CASES, epoch, 3, 200, BYTES)
    assert (run.first, run.prev) == (3, values[2])
    assert outbox.damaged_lines == 2


@pytest.mark.parametrize("lines_max", [1, 2, 3])
def test_run_that_ends_at_a_hole_goes_on_with_it(open_outbox: Open, file: Path, lines_max: int) -> None:
    taken = take_many(open_outbox(), Stream.CASES, 8)
    open_outbox().close()
    change(file, "DELETE FROM line_cases WHERE (place & 0xffffffff) IN (3, 4, 7)")
    found = held(open_outbox(), Stream.CASES, taken[0].epoch, lines_max=lines_max)
    assert sorted(found.lines) == [1, 2, 5, 6, 8]
    assert [(g.seq, g.gap_to) for g in found.gaps] == [(3, 4), (7, 7)]


def test_line_whose_context_has_vanished_is_sent_without_it(open_outbox: Open, file: Path) -> None:
    context = new_context("c1")
    taken = [take(open_outbox(), Stream.CASES, context=context)]
    open_outbox().close()
    change(file, "DELETE FROM context")
    assert open_outbox().read(Stream.CASES, taken[0].epoch, 1, 9, BYTES).contexts == {}


# ---- how much fits


def test_bytes_of_a_run_are_counted_to_the_last_one(outbox: Outbox) -> None:
    taken = take_many(outbox, Stream.CASES, 4, "x" * 50)
    epoch = taken[0].epoch
    three = sum(len(t.line) + 1 for t in taken[:3])
    assert [len(outbox.read(Stream.CASES, epoch, 1, 9, three + more).lines) for more in (-1, 0, 1)] == [
        2,
        3,
        3,
    ]


def test_bytes_of_a_context_are_counted_as_the_frame_spells_it(outbox: Outbox) -> None:
    context = new_context("c1")
    taken = [
        take(outbox, Stream.CASES, "x"),
        *(take(outbox, Stream.CASES, "x", context=context) for _ in range(2)),
    ]
    spelled = len(f'"c1":"{context.context.sealed}",')
    epoch, one, two = taken[0].epoch, len(taken[0].line) + 1, len(taken[1].line) + 1
    for more, lines in ((-1, 1), (0, 2), (two - 1, 2), (two, 3)):
        run = outbox.read(Stream.CASES, epoch, 1, 9, one + two + spelled + more)
        assert len(run.lines) == lines, more


# ---- lines at the edge of what is taken


def test_line_may_be_as_long_as_the_limit_and_no_longer(outbox: Outbox) -> None:
    def line_of(seq: int, size: int) -> bytes:
        head = b'{"seq":%d,"id":"x","t":"' % seq
        return head + b"x" * (size - len(head) - 2) + b'"}'

    event_id = take(outbox, Stream.CASES).event_id
    longest = line_of(2, limits.LINE_BYTES_MAX)
    outbox.append(outbox.slot(Stream.CASES), longest, event_id=event_id, now_ms=1)
    with pytest.raises(InputError, match="at most"):
        outbox.append(
            outbox.slot(Stream.CASES), line_of(3, limits.LINE_BYTES_MAX + 1), event_id=event_id, now_ms=1
        )
    assert outbox.epochs(Stream.CASES)[0].last == 2


def test_context_is_stored_anew_just_when_it_is_too_far_away(open_outbox: Open, file: Path) -> None:
    outbox, context = open_outbox(), new_context("c1")
    for _ in range(520):
        take(outbox, Stream.CASES, context=context)
    outbox.close()
    with closing(sqlite3.connect(file)) as connection:
        places = connection.execute("SELECT place & 0xffffffff FROM context ORDER BY place").fetchall()
        backs = connection.execute("SELECT max(back), min(back) FROM line_cases").fetchone()
    assert places == [(1,), (257,), (513,)]
    assert backs == (255, 0)


# ---- where a run begins


def test_run_with_a_gap_further_on_begins_with_the_chain_of_its_first_line(outbox: Outbox) -> None:
    lines = [take(outbox, Stream.HEALTH, key=key).line for key in "abb"]
    epoch = outbox.epochs(Stream.HEALTH)[0].epoch
    values = [chain.genesis(DEVICE, Stream.HEALTH, epoch)]
    for line in lines:
        values.append(chain.link(values[-1], line))
    for first in (1, 2, 3):
        assert outbox.read(Stream.HEALTH, epoch, first, 9, BYTES).prev == values[first - 1]


def test_run_from_a_number_that_has_expired_begins_with_the_oldest_line(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 6)[0].epoch
    outbox.acknowledge(Stream.CASES, epoch, 3, now_ms=0)
    outbox.expire(limits.KEEP_WINDOW_MS)
    for first in (0, 1, 3, 4):
        run = outbox.read(Stream.CASES, epoch, first, 9, BYTES)
        assert (run.first, len(run.lines), run.next) == (4, 3, 7)


def test_chain_before_a_gap_is_told_by_the_gap_where_its_line_is_damaged(
    open_outbox: Open, file: Path
) -> None:
    outbox = open_outbox()
    lines = [take(outbox, Stream.HEALTH, key=key).line for key in "abccd"]
    epoch = outbox.epochs(Stream.HEALTH)[0].epoch
    open_outbox().close()
    change(file, "UPDATE line_health SET line = CAST(line || 'x' AS BLOB) WHERE (place & 0xffffffff) = 2")
    value = chain.genesis(DEVICE, Stream.HEALTH, epoch)
    for line in lines[:2]:
        value = chain.link(value, line)
    assert open_outbox().chain_at(Stream.HEALTH, epoch, 2) == value
