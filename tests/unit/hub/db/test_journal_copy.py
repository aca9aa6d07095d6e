"""The second copy of every commit: complete the moment a commit is told, through every cycle of the log."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.db.copies import CopyRefusedError
from hub.db.engine import sqlite_url
from hub.db.journal_copy import BASE_EVERY_MS, JournalCopy
from hub.db.journal_replay import MARK, is_journal_copy, newest, replay
from hub.db.opening import open_database

NOW_MS = 1_795_255_200_000
PAGES_OF_A_CYCLE = 1_200
"""More than SQLite's 1,000, after which it copies the log back and begins it anew."""


class Books:
    """A database that is copied, with a table of numbers and bulk."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "hub.db"
        self.folder = folder / "copy"
        self.folder.mkdir()
        self.now_ms = NOW_MS
        self.copy = JournalCopy(self.path, self.folder, lambda: self.now_ms)
        self.writer = open_database(sqlite_url(self.path), self.copy.after_commit)
        self.writer.run(lambda connection: connection.execute(text("CREATE TABLE bulk (n, x)")) and None)
        self.last = 0
        self.scratch = folder / "scratch"
        self.scratch.mkdir()

    def commit(self, pages: int = 1) -> None:
        self.last += 1
        values = [{"n": self.last, "x": bytes([self.last % 256]) * 3_000} for _ in range(pages)]
        self.writer.run(
            lambda connection: connection.execute(text("INSERT INTO bulk VALUES (:n, :x)"), values) and None
        )

    def keep(self) -> None:
        self.copy.keep(lambda: self.writer.run(lambda _connection: None))

    def replayed(self) -> list[tuple[int, int]]:
        target = self.scratch / "replayed.db"
        for suffix in ("", "-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        replay(self.folder, target)
        return content(target)

    def is_copied(self) -> bool:
        return self.replayed() == content(self.path)


def content(path: Path) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return database.execute("SELECT n, sum(length(x)) FROM bulk GROUP BY n ORDER BY n").fetchall()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    yield books
    books.writer.close()
    books.copy.close()


def test_commit_is_in_the_copy_when_it_is_told(books: Books) -> None:
    books.keep()
    for _ in range(5):
        books.commit()
        assert books.is_copied()
    assert not books.copy.is_behind


def test_copy_goes_on_through_every_cycle_of_the_log(books: Books) -> None:
    books.keep()
    for _ in range(6):
        books.commit(PAGES_OF_A_CYCLE)
        books.commit()
        assert books.is_copied()
    assert len(list(books.folder.glob("*/*.wal"))) > 3


def test_transaction_that_is_undone_leaves_nothing(books: Books) -> None:
    books.keep()
    books.commit()

    def fail(connection: object) -> None:
        raise ValueError(connection)

    with pytest.raises(ValueError, match="Connection"):
        books.writer.run(fail)
    books.commit()
    assert books.is_copied()


def test_copy_is_behind_until_its_first_base_is_made(books: Books) -> None:
    books.commit()
    assert books.copy.is_behind
    assert not is_journal_copy(books.folder)
    with pytest.raises(CopyRefusedError, match="journal_copy_dir"):
        newest(books.folder)
    books.keep()
    assert not books.copy.is_behind
    assert books.is_copied()


def test_base_is_made_anew_each_day_and_what_it_holds_is_removed(books: Books) -> None:
    books.keep()
    for _ in range(3):
        books.commit(PAGES_OF_A_CYCLE)
    before = {path.name for path in books.folder.glob("*/*")}
    books.keep()
    assert {path.name for path in books.folder.glob("*/*")} == before
    books.now_ms += BASE_EVERY_MS
    books.keep()
    books.commit()
    assert len(list(books.folder.glob("*/base-*.db"))) == 1
    assert not before & {path.name for path in books.folder.glob("*/*")} - {
        MARK,
        "00000003.wal",
        "00000004.wal",
    }
    assert books.is_copied()


class Unplugged:
    """The copy's disk, taken away and put back."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._away = folder, folder.with_name("away")

    def pull(self) -> None:
        self._folder.rename(self._away)
        self._folder.write_text("no disk here")

    def put_back(self) -> None:
        self._folder.unlink()
        self._away.rename(self._folder)


def test_disk_that_was_away_is_caught_up(books: Books) -> None:
    books.keep()
    disk = Unplugged(books.folder)
    disk.pull()
    books.commit()
    assert books.copy.is_behind
    disk.put_back()
    books.commit()
    assert not books.copy.is_behind
    assert books.is_copied()


def test_disk_that_was_away_for_too_long_gets_a_new_series(books: Books) -> None:
    books.keep()
    disk = Unplugged(books.folder)
    disk.pull()
    for _ in range(3):
        books.commit(PAGES_OF_A_CYCLE)
    disk.put_back()
    books.commit()
    assert books.copy.is_behind
    books.keep()
    assert not books.copy.is_behind
    assert len([path for path in books.folder.iterdir() if path.is_dir()]) == 1
    assert books.is_copied()


def test_base_whose_disk_fails_leaves_the_series_before(books: Books) -> None:
    books.keep()
    books.commit()
    books.now_ms += BASE_EVERY_MS
    disk = Unplugged(books.folder)
    disk.pull()
    with pytest.raises(OSError, match="directory"):
        books.keep()
    disk.put_back()
    books.keep()
    assert books.is_copied()


def test_start_begins_a_series_and_the_one_before_counts_until_its_base_is_made(books: Books) -> None:
    books.keep()
    books.commit()
    before = books.replayed()
    later = JournalCopy(books.path, books.folder, lambda: NOW_MS + 1)
    later.after_commit()
    assert books.replayed() == before
    later.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda log: log.unlink(), "lacks a log"),
        (lambda log: log.write_bytes(log.read_bytes()[:-2_000]), "is damaged"),
        (lambda log: flip(log, 32 + 24 + 100), "is damaged"),
        (lambda log: flip(log, 9), "is damaged"),
    ],
)
def test_log_that_is_damaged_before_the_last_is_refused(
    books: Books, spoil: Callable[[Path], object], said: str
) -> None:
    books.keep()
    for _ in range(4):
        books.commit(PAGES_OF_A_CYCLE)
    logs = sorted(books.folder.glob("*/*.wal"))
    assert len(logs) >= 3
    spoil(logs[1])
    with pytest.raises(CopyRefusedError, match=said):
        books.replayed()


def test_end_of_the_last_log_that_is_torn_costs_that_commit_alone(books: Books) -> None:
    books.keep()
    books.commit(3)
    books.commit(3)
    log = max(books.folder.glob("*/*.wal"))
    log.write_bytes(log.read_bytes()[:-2_000])
    assert books.replayed() == content(books.path)[:-1]
    target = books.scratch / "again.db"
    assert replay(books.folder, target).unfinished_bytes > 0


def test_copy_of_the_copy_is_as_good(books: Books, tmp_path: Path) -> None:
    books.keep()
    books.commit()
    shutil.copytree(books.folder, tmp_path / "carried")
    replay(tmp_path / "carried", tmp_path / "found.db")
    assert content(tmp_path / "found.db") == content(books.path)


def flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0x10
    path.write_bytes(raw)
