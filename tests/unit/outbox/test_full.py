"""A full disk and a log that is due, as the whole outbox meets them: what is spent and what is let go."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.outbox import DiskFullError, Outbox, OutboxBrokenError, OutboxLimits
from shared.model.event import Stream
from shared.protocol import limits
from tests.support.outbox import DEVICE, held, take, take_many
from tests.support.small_disk import small_disk
from tests.unit.outbox.conftest import Glass, Open, syncs_failing

HOUR_MS = 3_600_000
SMALL = {"payments": 100_000, "cases": 100_000, "health": 4_000, "telemetry": 20_000}


def ballast(file: Path) -> bool:
    return file.with_name("ballast").exists()


def points_in(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT place & 0xffffffff FROM acknowledged ORDER BY number").fetchall()
    return [place for (place,) in rows]


# ---- acknowledging


def test_acknowledgement_on_a_full_disk_spends_the_ballast_and_expiry_makes_it_again(
    glass: Glass, file: Path
) -> None:
    epoch = take_many(glass, Stream.CASES, 3)[0].epoch
    glass.disk.full = 1
    glass.acknowledge(Stream.CASES, epoch, 2, now_ms=1)
    assert (glass.epochs(Stream.CASES)[0].acked, ballast(file)) == (2, False)
    glass.expire(0, lets_go=False)
    assert ballast(file)
    glass.close()
    assert points_in(file) == [2]


def test_acknowledgement_that_found_no_room_is_remembered_until_the_next_is_written(
    glass: Glass, file: Path
) -> None:
    epoch = take_many(glass, Stream.CASES, 4)[0].epoch
    glass.disk.full = 2
    glass.acknowledge(Stream.CASES, epoch, 1, now_ms=0)
    assert glass.epochs(Stream.CASES)[0].acked == 1
    glass.acknowledge(Stream.CASES, epoch, 2, now_ms=2 * HOUR_MS)
    glass.acknowledge(Stream.CASES, epoch, 3, now_ms=4 * HOUR_MS)
    glass.close()
    assert points_in(file) == [1, 2, 3]


def test_acknowledgement_within_the_hour_is_one_statement_and_waits_for_no_sync(glass: Glass) -> None:
    epoch = take_many(glass, Stream.CASES, 4)[0].epoch
    for acked in (1, 2):
        glass.acknowledge(Stream.CASES, epoch, acked, now_ms=acked * 2 * HOUR_MS)
    glass.disk.full = 2
    glass.acknowledge(Stream.CASES, epoch, 3, now_ms=4 * HOUR_MS)
    for acked, statements in ((4, 3), (3, 1), (4, 1)):
        glass.acknowledge(Stream.CASES, epoch, acked, now_ms=4 * HOUR_MS)
        assert len(glass.disk.written) == statements
        assert not glass.newest_is_synced


# ---- appending


def test_append_that_finds_the_disk_full_lets_acknowledged_lines_go_and_is_taken(glass: Glass) -> None:
    epoch = take_many(glass, Stream.CASES, 300)[0].epoch
    glass.acknowledge(Stream.CASES, epoch, 300, now_ms=5)
    glass.disk.full = 1
    taken = take(glass, Stream.CASES)
    assert glass.epochs(Stream.CASES)[0].oldest == 101
    assert held(glass, Stream.CASES, epoch).lines[301] == taken.line
    assert glass.expire(6, lets_go=False).shortened == {Stream.CASES: 1}


def test_append_that_finds_the_disk_full_with_nothing_to_let_go_is_refused(glass: Glass) -> None:
    slot = glass.slot(Stream.CASES)
    glass.disk.full = 1
    with pytest.raises(DiskFullError):
        take(glass, Stream.CASES)
    assert glass.slot(Stream.CASES) == slot
    assert take(glass, Stream.CASES).seq == 1


def test_append_while_no_ballast_can_be_made_is_refused(open_outbox: Open) -> None:
    outbox = open_outbox(ballast_bytes=1 << 60)
    with pytest.raises(DiskFullError):
        take(outbox, Stream.CASES)
    assert take(open_outbox(ballast_bytes=0), Stream.CASES).seq == 1


# ---- the log


def test_log_is_copied_back_when_it_is_due_whatever_was_written(glass: Glass) -> None:
    epoch = take_many(glass, Stream.CASES, 2)[0].epoch
    works = (
        lambda: take(glass, Stream.CASES),
        lambda: glass.acknowledge(Stream.CASES, epoch, 1, now_ms=1),
        lambda: glass.expire(1),
    )
    for made, work in enumerate(works):
        work()
        assert glass.disk.checkpoints == made
        glass.disk.due = True
        if made == 1:
            glass.acknowledge(Stream.CASES, epoch, 2, now_ms=1)
        else:
            work()
        assert glass.disk.checkpoints == made + 1
        glass.disk.due = False


def test_log_that_finds_no_room_gets_the_ballasts_from_an_acknowledgement_and_an_expiry(
    glass: Glass, file: Path
) -> None:
    epoch = take_many(glass, Stream.CASES, 2)[0].epoch
    glass.disk.due = True
    glass.disk.full_checkpoints = 1
    glass.acknowledge(Stream.CASES, epoch, 1, now_ms=1)
    assert not ballast(file)
    glass.disk.full_checkpoints = 1
    glass.expire(1, lets_go=False)
    assert not ballast(file)


def test_log_that_finds_no_room_gets_no_ballast_from_an_append_and_is_copied_later(
    glass: Glass, file: Path
) -> None:
    take(glass, Stream.TELEMETRY)
    glass.disk.due = True
    glass.disk.full_checkpoints = 1
    take(glass, Stream.TELEMETRY)
    assert ballast(file)
    assert glass.epochs(Stream.TELEMETRY) == ()
    take(glass, Stream.TELEMETRY)
    assert glass.disk.checkpoints == 1
    assert glass.epochs(Stream.TELEMETRY)[0].last == 3


def far_above_its_quota(file: Path) -> Glass:
    glass = Glass(file, lane_bytes=SMALL)
    epoch = glass.slot(Stream.CASES).epoch
    for _ in range(60):
        seq = take(glass, Stream.CASES, "x" * 9_000).seq
        glass.acknowledge(Stream.CASES, epoch, seq, now_ms=1)
    assert glass.epochs(Stream.CASES)[0].oldest == 1
    return glass


def test_file_above_its_quota_lets_go_when_its_owner_calls(file: Path) -> None:
    with far_above_its_quota(file) as glass:
        assert not glass.expire(2, lets_go=False).more
        assert glass.epochs(Stream.CASES)[0].oldest > 1


def test_file_above_its_quota_lets_go_when_the_log_is_copied_back(file: Path) -> None:
    with far_above_its_quota(file) as glass:
        glass.disk.due = True
        take(glass, Stream.CASES)
        assert glass.epochs(Stream.CASES)[0].oldest > 1


# ---- telemetry's own sync


def test_flush_whose_sync_fails_tells_nothing_of_what_it_could_not_save(glass: Glass, file: Path) -> None:
    take(glass, Stream.TELEMETRY)
    with syncs_failing(file), pytest.raises(OutboxBrokenError):
        glass.flush()
    with pytest.raises(OutboxBrokenError):
        glass.flush()
    assert glass.epochs(Stream.TELEMETRY) == ()


def test_flush_with_nothing_waiting_asks_nothing_of_the_disk(glass: Glass, file: Path) -> None:
    with syncs_failing(file):
        glass.flush()
    take(glass, Stream.TELEMETRY)
    glass.flush()
    with syncs_failing(file):
        glass.flush()


def test_closing_makes_telemetry_durable_before_it_lets_go(glass: Glass) -> None:
    take(glass, Stream.TELEMETRY)
    glass.close()
    assert glass.epochs(Stream.TELEMETRY)[0].last == 1


def test_eviction_makes_durable_what_waits_before_it(file: Path) -> None:
    with Glass(file, lane_bytes={**limits.LANE_BYTES, "telemetry": 2_000}) as glass:
        durable = [
            [view.last for view in glass.epochs(Stream.TELEMETRY)]
            for _ in range(15)
            if take(glass, Stream.TELEMETRY, "x" * 100)
        ]
        first = next(n for n, lasts in enumerate(durable) if lasts)
        assert durable[first] == [first]


# ---- opening


def test_broken_file_on_a_full_disk_is_saved_with_the_ballasts_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2) as disk:
        file = disk.path / "outbox.db"
        bounds = OutboxLimits(ballast_bytes=512 * 1024)
        with Outbox(file, DEVICE, bounds) as outbox:
            epoch = take_many(outbox, Stream.CASES, 20, "x" * 5_000)[0].epoch
        content = bytearray(file.read_bytes())
        content[:16] = bytes(16)
        file.write_bytes(content)
        disk.fill(leaving_bytes=8 * 4096)
        with Outbox(file, DEVICE, bounds) as outbox:
            assert outbox.salvaged
            assert not ballast(file)
            assert len(held(outbox, Stream.CASES, epoch).lines) == 20
