"""Lives of the owner: what is found at a start, what is believed of it, and what a life leaves behind."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from shared.adapters.outbox import (
    ForeignOutboxError,
    LaneFullError,
    Outbox,
    OutboxBrokenError,
    OutboxLimits,
)
from shared.adapters.outbox.loading import open_file
from shared.model.errors import DeviceError
from shared.model.event import Stream
from shared.protocol import limits
from tests.support.outbox import DEVICE, held, take, take_many
from tests.unit.outbox.conftest import Open, files_of_at_most

HOUR_MS = 3_600_000


def change(file: Path, sql: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(sql)


def count(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 (ours)


def opened(file: Path, names: Callable[[int], bytes] | None = None) -> Outbox:
    bounds = OutboxLimits(ballast_bytes=0)
    return Outbox(file, DEVICE, bounds) if names is None else Outbox(file, DEVICE, bounds, names)


# ---- what is believed


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE epoch SET name = '0123ABCD'",
        "UPDATE epoch SET stream = 'log'",
        "UPDATE epoch SET base = -1",
        "UPDATE epoch SET base = 4294967296",
        "UPDATE epoch SET base_chain = x'00'",
        "UPDATE acknowledged SET stream = 'log'",
    ],
)
def test_row_that_makes_no_sense_is_answered_by_salvage(open_outbox: Open, file: Path, spoil: str) -> None:
    outbox = open_outbox()
    epoch = take_many(outbox, Stream.CASES, 4)[0].epoch
    outbox.acknowledge(Stream.CASES, epoch, 2, now_ms=1)
    outbox.close()
    change(file, spoil)
    outbox = open_outbox()
    assert outbox.salvaged
    assert [v.acked for v in outbox.epochs(Stream.CASES)] == ([0] if "acknowledged" in spoil else [])
    assert not open_outbox().salvaged


def test_epoch_of_the_last_number_there_can_be_is_no_damage(open_outbox: Open, file: Path) -> None:
    take(open_outbox(), Stream.CASES)
    open_outbox().close()
    change(file, "UPDATE epoch SET base = 4294967295")
    assert not open_outbox().salvaged


def test_lines_whose_epoch_has_vanished_get_no_neighbours(open_outbox: Open, file: Path) -> None:
    take_many(open_outbox(), Stream.CASES, 4)
    open_outbox().close()
    change(file, "DELETE FROM epoch")
    outbox = open_outbox()
    assert outbox.epochs(Stream.CASES) == ()
    taken = take(outbox, Stream.CASES)
    assert held(outbox, Stream.CASES, taken.epoch).lines == {1: taken.line}
    assert count_after(outbox, file) == 5


def count_after(outbox: Outbox, file: Path) -> int:
    outbox.close()
    return count(file, "line_cases")


def test_watermark_in_a_tail_that_vanished_stands_at_what_is_left_of_its_epoch(
    open_outbox: Open, file: Path
) -> None:
    first = take_many(open_outbox(), Stream.CASES, 9)[0].epoch
    outbox = open_outbox()
    take_many(outbox, Stream.CASES, 3)
    outbox.acknowledge(Stream.CASES, first, 8, now_ms=1)
    outbox.close()
    change(file, "DELETE FROM line_cases WHERE place < 8589934592 AND (place & 0xffffffff) > 5")
    outbox = open_outbox()
    assert [(v.last, v.acked) for v in outbox.epochs(Stream.CASES)] == [(5, 5), (3, 0)]
    assert outbox.fill(Stream.CASES) > 0


def test_file_of_another_device_is_let_go_of(open_outbox: Open, file: Path) -> None:
    open_outbox().close()
    with pytest.raises(ForeignOutboxError) as kept:  # its traceback holds on to what was opened
        Outbox(file, "kiosk-8")
    open_outbox()
    assert kept.value.args


def test_watermark_in_an_epoch_that_vanished_acknowledges_nothing_of_the_next(
    open_outbox: Open, file: Path
) -> None:
    first = take_many(open_outbox(), Stream.CASES, 2)[0].epoch
    outbox = open_outbox()
    second = take_many(outbox, Stream.CASES, 5)[0].epoch
    outbox.acknowledge(Stream.CASES, second, 5, now_ms=1)
    outbox.close()
    change(file, "DELETE FROM epoch WHERE number = 2")
    change(file, "DELETE FROM line_cases WHERE place > 8589934592")
    outbox = open_outbox()
    third = take_many(outbox, Stream.CASES, 3)[0].epoch
    assert [(v.epoch, v.acked) for v in outbox.epochs(Stream.CASES)] == [(first, 2), (third, 0)]
    assert outbox.fill(Stream.CASES) > 0


def test_epochs_whose_lines_vanished_do_not_count_towards_those_that_may_be_listed(
    open_outbox: Open, file: Path
) -> None:
    for _ in range(2):
        take(open_outbox(epochs_listed=2), Stream.CASES)
    open_outbox().close()
    change(file, "DELETE FROM line_cases")
    assert open_outbox(epochs_listed=2).slot(Stream.CASES).seq == 1


def test_file_that_is_new_names_its_owner_durably(file: Path) -> None:
    disk, _, _ = open_file(file, DEVICE, limits.LANE_BYTES)
    with closing(disk):
        assert disk.execute("PRAGMA synchronous").fetchone() == (2,)


def test_owner_that_is_garbled_once_is_still_known_by_its_second_name(open_outbox: Open, file: Path) -> None:
    taken = take(open_outbox(), Stream.CASES)
    open_outbox().close()
    change(file, "UPDATE owner SET device = CAST(x'ff6b' AS TEXT) WHERE rowid = 1")
    outbox = open_outbox()
    assert not outbox.salvaged
    assert held(outbox, Stream.CASES, taken.epoch).lines == {1: taken.line}


# ---- what cannot be saved


def test_broken_file_that_cannot_be_saved_for_want_of_a_disk_is_a_broken_outbox(file: Path) -> None:
    file.write_bytes(b"not a database" * 1_000)
    with files_of_at_most(100), pytest.raises(OutboxBrokenError):
        opened(file)
    with opened(file) as outbox:
        assert outbox.salvaged


def test_broken_file_whose_names_cannot_be_changed_is_a_broken_outbox(file: Path) -> None:
    file.write_bytes(b"not a database" * 1_000)
    file.with_name(f"{file.name}.part").mkdir()
    with pytest.raises(OutboxBrokenError):
        opened(file)


# ---- what a life does at its start and end


def test_ballast_is_there_from_the_start_and_file_free_at_the_end(file: Path) -> None:
    with Outbox(file, DEVICE, OutboxLimits(ballast_bytes=8_192)) as first:
        assert file.with_name("ballast").stat().st_size == 8_192
        assert not first.salvaged
    with opened(file) as again:
        assert not again.salvaged
        assert first is not again


def test_name_of_an_epoch_that_is_taken_is_drawn_again(file: Path) -> None:
    asked: list[int] = []

    def names(which: Iterator[bytes]) -> Callable[[int], bytes]:
        def draw(size: int) -> bytes:
            asked.append(size)
            return next(which)

        return draw

    with opened(file, names(iter([b"abcd"]))) as outbox:
        take(outbox, Stream.CASES)
    with opened(file, names(iter([b"abcd", b"abcd", b"efgh", b"ijkl"]))) as outbox:
        take(outbox, Stream.CASES)
        take(outbox, Stream.PAYMENTS)
        assert [v.epoch for v in outbox.epochs(Stream.CASES)] == [b"abcd".hex(), b"efgh".hex()]
        assert [v.epoch for v in outbox.epochs(Stream.PAYMENTS)] == [b"ijkl".hex()]
    assert set(asked) == {4}


def test_epoch_that_is_not_complete_is_not_ended_for_a_new_one(open_outbox: Open) -> None:
    for _ in range(2):
        outbox = open_outbox(epochs_listed=3)
        take_many(outbox, Stream.CASES, 2)
    outbox = open_outbox(epochs_listed=3)
    take(outbox, Stream.CASES)
    outbox.listed(outbox.lanes(0))
    first = outbox.epochs(Stream.CASES)[0].epoch
    outbox.acknowledge(Stream.CASES, first, 1, now_ms=1)
    outbox = open_outbox(epochs_listed=3)
    outbox.listed(outbox.lanes(0))
    with pytest.raises(DeviceError, match="service"):
        outbox.slot(Stream.CASES)
    outbox.acknowledge(Stream.CASES, first, 2, now_ms=1)
    assert outbox.slot(Stream.CASES).seq == 1


# ---- what a life writes


def test_nothing_appended_is_nothing_written(open_outbox: Open, file: Path) -> None:
    outbox = open_outbox()
    outbox.append_many(outbox.slot(Stream.CASES), [], now_ms=1)
    outbox.close()
    assert count(file, "epoch") == 0


def test_same_acknowledgement_again_is_nothing_written(open_outbox: Open, file: Path) -> None:
    outbox = open_outbox()
    epoch = take_many(outbox, Stream.CASES, 3)[0].epoch
    for hour in range(5):
        outbox.acknowledge(Stream.CASES, epoch, 2, now_ms=hour * 2 * HOUR_MS)
    outbox.close()
    assert count(file, "acknowledged") == 1


@pytest.mark.parametrize("what", ["append", "acknowledge"])
def test_log_stays_small_however_long_a_life_is(open_outbox: Open, file: Path, what: str) -> None:
    outbox, log = open_outbox(), file.with_name("outbox.db-wal")
    epoch = take_many(outbox, Stream.CASES, 2)[0].epoch

    def work(times: int) -> int:
        for n in range(times):
            if what == "append":
                take(outbox, Stream.CASES)
            else:
                outbox.acknowledge(Stream.CASES, epoch, 1 + n % 2, now_ms=n)
        return log.stat().st_size

    early = work(600)
    assert work(1_300) < 1.3 * early


def test_lane_takes_lines_up_to_its_very_last_byte(open_outbox: Open) -> None:
    outbox = open_outbox()
    take(outbox, Stream.CASES, "x" * 100)
    charge = round(outbox.fill(Stream.CASES) * limits.LANE_BYTES["cases"])
    open_outbox().close()
    for spare, fits in ((0, True), (-1, False)):
        outbox = open_outbox(lane_bytes={**limits.LANE_BYTES, "payments": 3 * charge + spare})
        epoch = outbox.slot(Stream.PAYMENTS).epoch
        taken = 0
        with suppress(LaneFullError):
            for _ in range(3):
                take(outbox, Stream.PAYMENTS, "x" * 100)
                taken += 1
        assert (taken == 3) is fits
        outbox.acknowledge(Stream.PAYMENTS, epoch, taken, now_ms=1)


def test_newest_of_a_key_needs_no_room_of_its_own(open_outbox: Open) -> None:
    outbox = open_outbox(lane_bytes={**limits.LANE_BYTES, "health": 700})
    epoch = outbox.slot(Stream.HEALTH).epoch
    for _ in range(50):
        take(outbox, Stream.HEALTH, "x" * 100, key="a")
    gaps = held(outbox, Stream.HEALTH, epoch).gaps
    assert [(g.seq, g.gap_to, g.reason.value) for g in gaps] == [(1, 49, "compacted")]


# ---- time


def test_telemetry_of_one_instant_waits_and_a_clock_that_goes_back_makes_it_durable(outbox: Outbox) -> None:
    for _ in range(2):
        take(outbox, Stream.TELEMETRY, now_ms=5_000)
    assert outbox.epochs(Stream.TELEMETRY) == ()
    take(outbox, Stream.TELEMETRY, now_ms=4_999)
    assert outbox.epochs(Stream.TELEMETRY)[0].last == 3
    take(outbox, Stream.TELEMETRY, now_ms=4_000)
    assert outbox.epochs(Stream.TELEMETRY)[0].last == 3


def test_line_from_the_future_has_waited_for_no_time(outbox: Outbox) -> None:
    take(outbox, Stream.CASES, now_ms=9_000)
    assert outbox.waiting(Stream.CASES, 8_000) == 0


def test_nothing_is_let_go_while_nobody_vouches_for_the_time(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 3)[0].epoch
    outbox.acknowledge(Stream.CASES, epoch, 3, now_ms=0)
    assert not outbox.expire(10 * limits.KEEP_WINDOW_MS, lets_go=False).more
    assert outbox.epochs(Stream.CASES)[0].oldest == 1
    assert not outbox.expire(10 * limits.KEEP_WINDOW_MS).more
    assert outbox.epochs(Stream.CASES)[0].oldest == 4
