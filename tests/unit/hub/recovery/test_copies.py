"""Backups and restores on real files: what is whole is put in place, what is not is refused untouched."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.db.copies import CopyRefusedError, examine, lacking
from hub.db.engine import sqlite_url
from hub.db.lives import LifeRepository
from hub.db.opening import open_database, reading
from hub.keys.database_mark import Mark
from hub.recovery.backup import Backups, make_backup
from hub.recovery.manifest import manifest_path, read_manifest
from hub.recovery.restore import prepared, put_in_place
from shared.model.errors import InputError, TransientError
from tests.support.hub_database import NOW_MS, Street, take_all

HOUR_MS = 3_600_000


class Town:
    """A hub's database in a folder, with a street that reports to it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "data" / "hub.db"
        self.path.parent.mkdir()
        self.url = sqlite_url(self.path)
        self.street = Street()
        self.counter = 0
        self.writer = open_database(self.url)
        self.writer.run(lambda connection: LifeRepository(connection).begin(7, NOW_MS))

    def taps(self, count: int) -> None:
        events = [self.street.tap("card-1", self.counter + n) for n in range(count)]
        self.counter += count
        self.writer.run(lambda connection: take_all(connection, events))
        self.writer.run(lambda connection: LifeRepository(connection).beat(Mark(7, self.counter), NOW_MS))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.writer.close()


def entries(path: Path) -> int:
    return examine(path).books.entries


def test_backup_says_what_it_is_and_nobody_else_may_read_it(town: Town, tmp_path: Path) -> None:
    town.taps(3)
    made = make_backup(town.url, tmp_path / "copy.db", NOW_MS)
    assert read_manifest(tmp_path / "copy.db") == made
    assert (made.entries, made.balanced, made.incarnation, made.beat) == (3, True, 7, 3)
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="name a new file"):
        make_backup(town.url, tmp_path / "copy.db", NOW_MS)


def test_backup_onto_a_missing_disk_leaves_nothing(town: Town, tmp_path: Path) -> None:
    with pytest.raises(TransientError):
        make_backup(town.url, tmp_path / "away" / "copy.db", NOW_MS)
    assert not (tmp_path / "away").exists()


def test_restore_keeps_what_it_replaces_aside_with_its_log(town: Town, tmp_path: Path) -> None:
    town.taps(3)
    make_backup(town.url, tmp_path / "copy.db", NOW_MS)
    town.taps(2)
    crashed = tmp_path / "crashed"
    shutil.copytree(town.path.parent, crashed)  # with its log, as a kill leaves it
    assert (crashed / "hub.db-wal").stat().st_size
    with prepared(tmp_path / "copy.db", crashed) as copy:
        aside = put_in_place(copy, crashed / "hub.db", NOW_MS)
    assert aside is not None
    assert [path.name for path in crashed.iterdir() if path.is_file()] == ["hub.db"]
    assert (entries(crashed / "hub.db"), entries(aside / "hub.db")) == (3, 5)


def test_restored_database_is_cautious_from_its_first_moment(town: Town, tmp_path: Path) -> None:
    make_backup(town.url, tmp_path / "copy.db", NOW_MS)
    town.writer.close()
    with prepared(tmp_path / "copy.db", town.path.parent) as copy:
        put_in_place(copy, town.path, NOW_MS)
    with reading(town.url) as connection:
        assert LifeRepository(connection).cautious_until_ms() > NOW_MS


def test_plain_copy_of_a_running_database_counts_with_its_log(town: Town, tmp_path: Path) -> None:
    town.taps(4)
    for name in ("hub.db", "hub.db-wal"):
        shutil.copyfile(town.path.with_name(name), tmp_path / name)
    with prepared(tmp_path / "hub.db", town.path.parent) as copy:
        assert copy.found.books.entries == 4


def refuse(source: Path, town: Town) -> str:
    """The refusal of a copy; nothing in the hub's folder has changed."""
    before = {path.name: path.read_bytes() for path in town.path.parent.iterdir() if path.suffix == ".db"}
    with pytest.raises(CopyRefusedError) as refused, prepared(source, town.path.parent):
        pass
    after = {path.name: path.read_bytes() for path in town.path.parent.iterdir() if path.suffix == ".db"}
    assert after == before
    return str(refused.value)


def test_copy_that_is_not_ours_is_refused(town: Town, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear town hall")
    assert "not a database" in refuse(tmp_path / "letter", town)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE shop (id)")
    assert "no hub's database" in refuse(tmp_path / "other.db", town)
    assert "neither a backup" in refuse(tmp_path / "nowhere", town)
    assert "neither a backup" in refuse(tmp_path, town)


def test_copy_of_a_newer_hub_is_refused(town: Town, tmp_path: Path) -> None:
    make_backup(town.url, tmp_path / "copy.db", NOW_MS)
    manifest_path(tmp_path / "copy.db").unlink()
    with closing(sqlite3.connect(tmp_path / "copy.db")) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer hub" in refuse(tmp_path / "copy.db", town)


def test_copy_that_was_changed_or_damaged_is_refused(town: Town, tmp_path: Path) -> None:
    town.taps(50)
    copy = tmp_path / "copy.db"
    make_backup(town.url, copy, NOW_MS)
    content = bytearray(copy.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8_192] = bytes(8_192)
    copy.write_bytes(content)
    assert "manifest" in refuse(copy, town)
    manifest_path(copy).unlink()
    assert "damaged" in refuse(copy, town)
    copy.write_bytes(content[: len(content) // 3])
    assert "damaged" in refuse(copy, town)


def test_copy_whose_books_do_not_balance_is_refused(town: Town, tmp_path: Path) -> None:
    town.taps(2)
    make_backup(town.url, tmp_path / "copy.db", NOW_MS)
    manifest_path(tmp_path / "copy.db").unlink()
    with closing(sqlite3.connect(tmp_path / "copy.db")) as forged, forged:
        forged.execute("UPDATE account SET balance_minor = balance_minor + 1 WHERE kind = 'revenue'")
    assert "do not balance" in refuse(tmp_path / "copy.db", town)


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 99}'])
def test_manifest_that_cannot_be_understood_is_refused(town: Town, tmp_path: Path, text: str) -> None:
    make_backup(town.url, tmp_path / "copy.db", NOW_MS)
    manifest_path(tmp_path / "copy.db").write_text(text)
    assert "copy.db.json" in refuse(tmp_path / "copy.db", town)


def test_what_a_copy_lacks_is_counted_by_device(town: Town, tmp_path: Path) -> None:
    town.taps(3)
    make_backup(town.url, tmp_path / "copy.db", NOW_MS)
    found = examine(tmp_path / "copy.db")
    with reading(town.url) as connection:
        assert lacking(connection, found).events == {}


def test_backups_are_made_every_so_often_and_the_oldest_go(town: Town, tmp_path: Path) -> None:
    now_ms = NOW_MS
    folder = tmp_path / "backups"
    backups = Backups(town.url, folder, every_ms=HOUR_MS, kept=2, clock=lambda: now_ms)
    made: list[list[str]] = []
    for _ in range(4):
        backups.run()
        backups.run()  # too early for another one
        made.append(sorted(path.name for path in folder.glob("*.db")))
        now_ms += HOUR_MS
    assert [len(names) for names in made] == [1, 2, 2, 2]
    assert made[-1] == [name for name in made[-1] if (folder / f"{name}.json").is_file()]
    assert len(list(folder.iterdir())) == 4


def test_backup_of_a_damaged_database_is_refused_and_removes_none(town: Town, tmp_path: Path) -> None:
    town.taps(50)
    town.writer.close()
    content = bytearray(town.path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8_192] = bytes(8_192)
    town.path.write_bytes(content)
    with pytest.raises((CopyRefusedError, TransientError)):
        make_backup(town.url, tmp_path / "copy.db", NOW_MS)
    assert not [path for path in tmp_path.iterdir() if "copy.db" in path.name]
