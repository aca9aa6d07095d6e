"""The outbox's file by itself: durability, the log, and what each failure leaves behind; and the ballast."""

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.outbox.ballast import Ballast
from shared.adapters.outbox.disk import Disk
from shared.adapters.outbox.errors import DamagedError, DiskFullError, OutboxBrokenError
from shared.adapters.outbox.schema import Statement
from tests.unit.outbox.conftest import files_of_at_most, logs_open, noting_names, syncs_failing

COMMITS = 500
BYTES = 512 * 1024
PAGE = 4096
NOTHING: Statement = ("UPDATE owner SET device = 'x' WHERE FALSE", ())


@pytest.fixture
def disk(file: Path) -> Iterator[Disk]:
    opened = Disk.open(file)
    yield opened
    opened.close()


def owner(name: str) -> Statement:
    return "INSERT INTO owner (device) VALUES (?)", (name,)


def owners(disk: Disk) -> list[str]:
    return [name for (name,) in disk.rows("SELECT device FROM owner ORDER BY rowid")]


def synchronous(disk: Disk) -> int:
    """2 is FULL: each commit is synced; 1 is NORMAL."""
    return int(disk.execute("PRAGMA synchronous").fetchone()[0])


def asked_elsewhere(disk: Disk) -> list[str]:
    """Ask a disk on another thread, and close it."""
    with closing(disk), ThreadPoolExecutor(1) as another:
        return another.submit(owners, disk).result()


def test_file_is_one_threads_unless_it_was_opened_for_several(file: Path) -> None:
    assert asked_elsewhere(Disk.open(file, takes_turns=True)) == []
    with pytest.raises(sqlite3.ProgrammingError, match="thread"):
        asked_elsewhere(Disk.open(file))


def full(disk: Disk) -> None:
    """Let the file grow no further."""
    (pages,) = disk.execute("PRAGMA page_count").fetchone()
    disk.execute(f"PRAGMA max_page_count={pages}").fetchall()


def large() -> Statement:
    return owner("x" * 20 * PAGE)


# ---- durability and the log


def test_commit_is_synced_exactly_where_it_is_promised(disk: Disk) -> None:
    assert synchronous(disk) == 2
    for durable in (True, False, False, True, True, False):
        disk.commit([NOTHING], durable=durable)
        assert synchronous(disk) == (2 if durable else 1)


def test_several_statements_are_written_all_or_none(disk: Disk, file: Path) -> None:
    disk.commit([owner("a"), owner("b")], durable=True)
    with pytest.raises(DamagedError):
        disk.commit([owner("c"), ("INSERT INTO nowhere VALUES (1)", ())], durable=True)
    disk.close()
    with closing(Disk.open(file)) as again:
        assert owners(again) == ["a", "b"]


@pytest.mark.parametrize("grows", [0, 1])
def test_checkpoint_is_due_after_so_many_commits_and_not_before(disk: Disk, grows: int) -> None:
    for _ in range(2):
        for _ in range(COMMITS - 1):
            disk.commit([NOTHING], durable=False, grows=grows)
        assert not disk.checkpoint_due
        disk.commit([NOTHING], durable=False)
        assert disk.checkpoint_due
        disk.checkpoint()
        assert not disk.checkpoint_due


def test_checkpoint_is_due_after_so_many_bytes_and_not_before(disk: Disk) -> None:
    for _ in range(2):
        disk.commit([NOTHING], durable=False, grows=BYTES - 1)
        assert not disk.checkpoint_due
        disk.commit([NOTHING], durable=False, grows=1)
        assert disk.checkpoint_due
        disk.checkpoint()


def test_checkpoint_copies_the_log_into_the_file(disk: Disk, file: Path) -> None:
    disk.checkpoint()
    before = file.stat().st_size
    disk.commit([large()], durable=True)
    assert file.stat().st_size == before
    disk.checkpoint()
    assert file.stat().st_size > before


def test_closing_lets_go_of_the_log_and_twice_is_once(disk: Disk, file: Path) -> None:
    assert len(logs_open(file)) == 2
    disk.close()
    assert logs_open(file) == []
    disk.close()


def test_first_commit_that_is_relaxed_is_not_synced(disk: Disk) -> None:
    disk.commit([NOTHING], durable=False)
    assert synchronous(disk) == 1


# ---- failures


def test_full_disk_writes_nothing_and_is_told_and_the_next_commit_goes_on(disk: Disk) -> None:
    disk.commit([owner("a")], durable=True)
    full(disk)
    for statements in ([large()], [owner("b"), large()]):
        with pytest.raises(DiskFullError):
            disk.commit(statements, durable=True)
        assert owners(disk) == ["a"]
    disk.commit([("DELETE FROM owner", ()), owner("c")], durable=True)
    assert owners(disk) == ["c"]


def test_after_a_failure_that_is_no_full_disk_nothing_more_is_done(disk: Disk) -> None:
    with pytest.raises(DamagedError):
        disk.execute("SELECT * FROM nowhere")
    with pytest.raises(OutboxBrokenError):
        disk.execute("SELECT 1")
    with pytest.raises(OutboxBrokenError):
        disk.commit([NOTHING], durable=True)


def test_write_that_fails_breaks_the_file_until_it_is_opened_again(disk: Disk, file: Path) -> None:
    disk.commit([owner("a")], durable=True)
    log = file.with_name(f"{file.name}-wal")
    with files_of_at_most(log.stat().st_size), pytest.raises(OutboxBrokenError):
        disk.commit([large()], durable=True)
    with pytest.raises(OutboxBrokenError):
        disk.commit([owner("b")], durable=True)
    disk.close()
    with closing(Disk.open(file)) as again:
        assert owners(again) == ["a"]


def test_row_that_cannot_be_read_breaks_the_file(disk: Disk) -> None:
    third = "CASE value WHEN 3 THEN abs(-9223372036854775807 - 1) ELSE value END"
    rows = disk.rows(f"SELECT {third} FROM json_each('[1,2,3]')")  # noqa: S608 (a constant)
    with pytest.raises(DamagedError):
        list(rows)
    with pytest.raises(OutboxBrokenError):
        disk.execute("SELECT 1")


def test_sync_that_fails_breaks_the_file(disk: Disk, file: Path) -> None:
    disk.sync()
    with syncs_failing(file), pytest.raises(OutboxBrokenError):
        disk.sync()
    with pytest.raises(OutboxBrokenError):
        disk.execute("SELECT 1")


def test_sync_after_one_that_failed_is_refused_though_the_system_would_say_that_all_is_well(
    disk: Disk, file: Path
) -> None:
    with syncs_failing(file), pytest.raises(OutboxBrokenError):
        disk.sync()
    with pytest.raises(OutboxBrokenError):
        disk.sync()


# ---- opening


def test_name_of_the_file_is_durable_before_it_is_used(file: Path) -> None:
    with noting_names() as notes:
        Disk.open(file).close()
    assert ("open", file.parent) in notes


def test_new_file_has_its_tables(disk: Disk) -> None:
    assert disk.execute("SELECT count(*) FROM acknowledged").fetchone() == (0,)


@pytest.mark.parametrize("change", ["DROP TABLE gap", "ALTER TABLE epoch RENAME COLUMN base TO basf"])
def test_file_with_other_tables_is_damaged_and_let_go(file: Path, change: str) -> None:
    Disk.open(file).close()
    with closing(sqlite3.connect(file)) as other, other:
        other.execute(change)
    with pytest.raises(DamagedError) as kept:  # its traceback holds on to what was opened
        Disk.open(file)
    with pytest.raises(DamagedError):
        Disk.open(file)
    assert kept.value.args


@pytest.mark.parametrize(
    "garble",
    [
        "UPDATE sqlite_master SET name = CAST(x'ff67' AS TEXT) WHERE name = 'gap'",  # SQLite quotes it
        "UPDATE sqlite_master SET sql = replace(sql, 'applied_at', 'applied_az') WHERE name LIKE '%ions'",
    ],
)
def test_file_whose_definitions_are_garbled_is_damaged_and_let_go(file: Path, garble: str) -> None:
    Disk.open(file).close()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA writable_schema=ON")
        other.execute(garble)
    kept: list[pytest.ExceptionInfo[DamagedError]] = []
    for _ in range(2):
        with pytest.raises(DamagedError) as info:
            Disk.open(file)
        kept.append(info)  # its traceback holds on to what was opened
    assert len(kept) == 2


def test_file_whose_pages_are_garbage_is_damaged_and_let_go(file: Path) -> None:
    with closing(Disk.open(file)) as disk:
        disk.commit([large()], durable=True)
    content = bytearray(file.read_bytes())
    content[PAGE : 3 * PAGE] = b"\xa5" * 2 * PAGE
    file.write_bytes(content)
    with pytest.raises(DamagedError) as kept:
        Disk.open(file)
    with pytest.raises(DamagedError):
        Disk.open(file)
    assert kept.value.args


def test_file_with_a_page_of_garbage_among_its_rows_is_damaged(file: Path) -> None:
    with closing(Disk.open(file)) as disk:
        disk.commit([owner(f"{n:04d}" + "x" * 300) for n in range(200)], durable=True)
    content = bytearray(file.read_bytes())
    page = content.index(b"0150xxx") // PAGE * PAGE
    content[page : page + PAGE] = b"\xa5" * PAGE
    file.write_bytes(content)
    with pytest.raises(DamagedError):
        Disk.open(file)


def test_table_takes_values_of_its_own_kinds_alone(disk: Disk) -> None:
    tables = [row[1:] for row in disk.rows("PRAGMA table_list") if not row[1].startswith(("sqlite_", "_"))]
    assert len(tables) == 9
    assert {(kind, strict) for _, kind, _, _, strict in tables} == {("table", 1)}


def test_file_that_is_none_is_damaged(file: Path) -> None:
    file.write_bytes(b"not a database" * 1_000)
    with pytest.raises(DamagedError):
        Disk.open(file)


def test_log_that_cannot_be_written_again_is_a_broken_outbox(file: Path) -> None:
    with closing(Disk.open(file)) as disk:
        disk.commit([owner("a")], durable=True)
        copy = file.with_name("copy.db")
        copy.write_bytes(file.read_bytes())
        copy.with_name("copy.db-wal").write_bytes(file.with_name(f"{file.name}-wal").read_bytes())
    with files_of_at_most(100), pytest.raises(OutboxBrokenError):
        Disk.open(copy)
    with closing(Disk.open(copy)) as disk:
        assert owners(disk) == ["a"]


# ---- the ballast


def free(folder: Path) -> int:
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize


def test_ballast_is_made_once_of_its_size_and_given_up_once(file: Path) -> None:
    path = file.with_name("ballast")
    ballast = Ballast(path, 10_000)
    assert not ballast.held
    assert [ballast.take(), ballast.take(), ballast.held] == [True, True, True]
    assert path.stat().st_size == 10_000
    assert Ballast(path, 10_000).held
    ballast.drop()
    ballast.drop()
    assert (path.exists(), ballast.held) == (False, False)


def test_ballast_of_no_size_counts_as_held_and_touches_no_file(file: Path) -> None:
    path = file.with_name("ballast")
    ballast = Ballast(path, 0)
    path.write_bytes(b"x")
    ballast.drop()
    assert (ballast.held, ballast.take(), path.read_bytes()) == (True, True, b"x")


def test_ballast_is_not_made_where_it_would_fill_the_disk(file: Path) -> None:
    path = file.with_name("ballast")
    too_much = Ballast(path, free(file.parent) // 2 + PAGE * 1_000)
    assert (too_much.take(), too_much.held, path.exists()) == (False, False, False)


def test_ballast_is_made_wherever_the_disk_has_room_for_it_twice(file: Path) -> None:
    path = file.with_name("ballast")
    for size, tried in ((free(file.parent) // 5 * 2, True), (free(file.parent) // 5 * 3, False)):
        os.utime(file.parent, (1, 1))
        with files_of_at_most(9_000):
            assert not Ballast(path, size).take()
        assert (file.parent.stat().st_mtime > 1) is tried


def test_ballast_that_a_power_cut_left_too_small_is_made_anew(file: Path) -> None:
    path = file.with_name("ballast")
    path.write_bytes(bytes(9_999))
    ballast = Ballast(path, 10_000)
    assert not ballast.held
    assert ballast.take()
    assert path.stat().st_size == 10_000


def test_ballast_that_cannot_be_made_leaves_nothing(file: Path) -> None:
    path = file.with_name("ballast")
    ballast = Ballast(path, 10_000)
    with files_of_at_most(9_000):
        assert not ballast.take()
    assert (ballast.held, path.exists()) == (False, False)
    assert ballast.take()
