"""A database that was put back is recognised, whenever the backup was made; one that was not, never."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db import migrate, tables
from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.lives import LifeRepository
from hub.db.writer import Writer
from hub.jobs.life import RESTORED, HubLife
from hub.keys.database_mark import FILE_NAME, DatabaseMark, Mark
from hub.keys.files import TwinFolder
from hub.keys.incarnation import Incarnation
from shared.protocol import limits
from tests.support.hub_database import NOW_MS


@dataclass
class Clock:
    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


class Machine:
    """Key folder, second copy and database, through several lives of a hub."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.twin = TwinFolder(folder / "keys", folder / "copy")
        Incarnation.create(self.twin)
        (folder / "data").mkdir()
        self.url = sqlite_url(folder / "data" / "hub.db")
        migrate.upgrade(self.url)

    def live(self, during: Callable[[HubLife, Writer], None] = lambda _life, _writer: None) -> HubLife:
        """A life from start to stop, with a last beat."""
        writer = Writer(open_writer(self.url), open_reader(self.url))
        life = HubLife(writer, DatabaseMark(self.twin), Incarnation.raise_at_start(self.twin), self.clock)
        life.begin()
        during(life, writer)
        life.beat()
        writer.close()
        return life

    def backup(self, name: str) -> None:
        shutil.copytree(self.folder / "data", self.folder / name)

    def put_back(self, name: str) -> None:
        shutil.rmtree(self.folder / "data")
        shutil.copytree(self.folder / name, self.folder / "data")

    def cases(self) -> list[str]:
        reader = open_reader(self.url)
        with reader.connect() as connection:
            found = list(connection.execute(select(tables.exception.c.kind)).scalars())
        reader.dispose()
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_lives_one_after_the_other_are_no_restore(machine: Machine) -> None:
    for _ in range(3):
        life = machine.live()
        assert (life.restored, life.is_cautious) == (False, False)
    assert machine.cases() == []


def test_life_that_was_cut_short_is_no_restore(machine: Machine) -> None:
    """Killed at any point: the key folder is never ahead of the database."""
    machine.live()
    writer = Writer(open_writer(machine.url), open_reader(machine.url))
    life = HubLife(
        writer, DatabaseMark(machine.twin), Incarnation.raise_at_start(machine.twin), machine.clock
    )
    life.begin()
    before = DatabaseMark(machine.twin).read()
    life.beat()
    assert before is not None
    DatabaseMark(machine.twin).write(before)  # the beat was committed, and the key folder not yet written
    writer.close()
    Incarnation.raise_at_start(machine.twin)  # a start that failed before it reached the database
    assert not machine.live().restored


@pytest.mark.sentence("H-15")
def test_database_put_back_from_an_earlier_life_is_noticed(machine: Machine) -> None:
    machine.live()
    machine.backup("monday")
    machine.live()
    machine.put_back("monday")
    assert machine.live().restored
    assert machine.cases() == [RESTORED]


def test_database_put_back_from_earlier_in_the_same_life_is_noticed(machine: Machine) -> None:
    def during(life: HubLife, writer: Writer) -> None:
        life.beat()
        machine.backup("noon")
        writer.run(lambda connection: LifeRepository(connection).be_cautious(0))  # the day went on

    machine.live(during)
    machine.put_back("noon")
    assert machine.live().restored


def test_database_that_was_lost_and_made_anew_is_noticed(machine: Machine) -> None:
    machine.live()
    shutil.rmtree(machine.folder / "data")
    (machine.folder / "data").mkdir()
    migrate.upgrade(machine.url)
    assert machine.live().restored


def test_whole_disk_put_back_is_noticed_by_the_second_copy_of_the_keys(machine: Machine) -> None:
    machine.live()
    machine.backup("disk")
    shutil.copytree(machine.folder / "keys", machine.folder / "old-keys")
    machine.live()
    machine.put_back("disk")
    shutil.rmtree(machine.folder / "keys")
    shutil.copytree(machine.folder / "old-keys", machine.folder / "keys")
    assert machine.live().restored


@pytest.mark.sentence("H-15")
def test_caution_lasts_for_the_keep_window_over_restarts(machine: Machine) -> None:
    machine.live()
    machine.backup("monday")
    machine.live()
    machine.put_back("monday")
    assert machine.live().is_cautious
    again = machine.live()
    assert (again.restored, again.is_cautious) == (False, True)
    machine.clock.now_ms += limits.KEEP_WINDOW_MS + 1
    assert not again.is_cautious
    assert not machine.live().is_cautious


def test_device_that_knows_a_later_life_makes_cautious(machine: Machine) -> None:
    def during(life: HubLife, writer: Writer) -> None:
        assert not life.is_cautious
        writer.run(lambda connection: life.know_that_behind(connection, NOW_MS))
        assert life.is_cautious

    machine.live(during)
    assert machine.live().is_cautious


def test_beat_of_a_database_that_did_not_change_writes_nothing(machine: Machine) -> None:
    def during(life: HubLife, writer: Writer) -> None:
        life.beat()
        commits = writer.commits_total
        life.beat()
        assert writer.commits_total == commits

    machine.live(during)


def test_keys_put_back_from_an_old_backup_repeat_no_incarnation(machine: Machine) -> None:
    machine.live()
    shutil.copytree(machine.folder / "keys", machine.folder / "old-keys")
    highest = [machine.live().incarnation for _ in range(3)][-1]
    for folder in ("keys", "copy"):
        shutil.rmtree(machine.folder / folder)
        shutil.copytree(machine.folder / "old-keys", machine.folder / folder)
    life = machine.live()
    assert life.incarnation > highest
    assert not life.restored


@pytest.mark.parametrize("content", [b"", b"7 3 00000000\n", b"7\n", b"x y z\n", b"9" * 100])
def test_mark_that_is_damaged_is_as_if_it_were_not_there(tmp_path: Path, content: bytes) -> None:
    twin = TwinFolder(tmp_path / "keys", tmp_path / "copy")
    mark = DatabaseMark(twin)
    assert mark.read() is None
    mark.write(Mark(7, 3))
    (tmp_path / "keys" / FILE_NAME).write_bytes(content)
    assert mark.read() == Mark(7, 3), "the second copy has it"
    (tmp_path / "copy" / FILE_NAME).write_bytes(content)
    assert mark.read() is None


def test_mark_is_written_while_the_second_copy_is_away(tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("a file where a folder should be")
    mark = DatabaseMark(TwinFolder(tmp_path / "keys", tmp_path / "copy"))
    mark.write(Mark(1, 2))
    assert mark.read() == Mark(1, 2)
