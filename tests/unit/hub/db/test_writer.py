"""The writer: group commit, each job by itself, bounded, and a result only when it is on the disk."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.tables import exception
from hub.db.triggers import create_all
from hub.db.writer import Writer
from shared.model.errors import CapacityError, InputError, TransientError


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = sqlite_url(tmp_path / "hub.db")
    engine = open_writer(url)
    with engine.begin() as connection:
        create_all(connection)
    engine.dispose()
    return url


@pytest.fixture
def writer(url: str) -> Iterator[Writer]:
    writer = Writer(open_writer(url), open_reader(url))
    yield writer
    writer.close()


class Gate:
    """A job that keeps the writer busy until it is opened."""

    def __init__(self, writer: Writer) -> None:
        self._open, entered = threading.Event(), threading.Event()

        def hold(_: Connection) -> None:
            entered.set()
            self._open.wait(10)

        self.future = writer.submit(hold)
        assert entered.wait(10)

    def open(self) -> None:
        self._open.set()


def note(connection: Connection, kind: str) -> str:
    connection.execute(exception.insert().values(kind=kind, detail={}, opened_ms=1))
    return kind


def kinds(writer: Writer) -> list[str]:
    with writer.read() as connection:
        return list(connection.execute(select(exception.c.kind).order_by(exception.c.id)).scalars())


def test_job_that_is_resolved_is_seen_by_every_reader(writer: Writer) -> None:
    assert writer.submit(lambda connection: note(connection, "one")).result(10) == "one"
    assert kinds(writer) == ["one"]


def test_jobs_that_wait_are_committed_together(writer: Writer) -> None:
    gate = Gate(writer)
    futures = [writer.submit(lambda connection, n=n: note(connection, f"{n}")) for n in range(20)]
    gate.open()
    assert [future.result(10) for future in futures] == [f"{n}" for n in range(20)]
    gate.future.result(10)
    assert writer.commits_total == 2
    assert writer.jobs_total == 21


def test_job_that_raises_undoes_itself_alone(writer: Writer) -> None:
    def fail(connection: Connection) -> None:
        note(connection, "undone")
        raise InputError("no")

    gate = Gate(writer)
    before = writer.submit(lambda connection: note(connection, "before"))
    failed = writer.submit(fail)
    after = writer.submit(lambda connection: note(connection, "after"))
    gate.open()
    assert (before.result(10), after.result(10)) == ("before", "after")
    with pytest.raises(InputError):
        failed.result(10)
    assert kinds(writer) == ["before", "after"]
    assert writer.jobs_failed_total == 1


def test_commit_that_fails_fails_every_job_of_the_group_and_no_other(writer: Writer) -> None:
    def orphan(connection: Connection) -> None:
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        connection.execute(text("INSERT INTO card_counter VALUES ('card', 1, 99)"))

    gate = Gate(writer)
    innocent = writer.submit(lambda connection: note(connection, "innocent"))
    guilty = writer.submit(orphan)
    gate.open()
    for future in (innocent, guilty):
        with pytest.raises(TransientError):
            future.result(10)
    assert writer.commits_failed_total == 1
    assert writer.submit(lambda connection: note(connection, "later")).result(10) == "later"
    assert kinds(writer) == ["later"]


def test_full_disk_sheds_load_and_recovers(writer: Writer) -> None:
    def fill(connection: Connection) -> None:
        connection.execute(text("PRAGMA max_page_count=1"))
        for _ in range(1_000):
            note(connection, "x" * 4_000)

    def make_room(connection: Connection) -> None:
        connection.execute(text("PRAGMA max_page_count=1000000"))

    with pytest.raises(CapacityError):
        writer.submit(fill).result(10)
    writer.submit(make_room).result(10)
    writer.submit(lambda connection: note(connection, "after")).result(10)
    assert kinds(writer) == ["after"]


def test_full_queue_refuses_at_once(url: str) -> None:
    writer = Writer(open_writer(url), open_reader(url), jobs_waiting_max=2)
    gate = Gate(writer)
    futures = [writer.submit(lambda connection: note(connection, "x")) for _ in range(2)]
    with pytest.raises(CapacityError):
        writer.submit(lambda connection: note(connection, "x"))
    gate.open()
    assert [future.result(10) for future in futures] == ["x", "x"]
    writer.close()


def test_close_finishes_what_waits_and_takes_no_more(url: str) -> None:
    writer = Writer(open_writer(url), open_reader(url))
    gate = Gate(writer)
    future = writer.submit(lambda connection: note(connection, "last"))
    closing = threading.Thread(target=writer.close)
    closing.start()
    gate.open()
    closing.join(10)
    assert future.result(0) == "last"
    with pytest.raises(CapacityError):
        writer.submit(lambda connection: note(connection, "late"))
    writer.close()


def test_cancelled_job_is_not_run(writer: Writer) -> None:
    gate = Gate(writer)
    future = writer.submit(lambda connection: note(connection, "never"))
    assert future.cancel()
    gate.open()
    writer.submit(lambda connection: note(connection, "next")).result(10)
    assert kinds(writer) == ["next"]


def test_reader_cannot_write(writer: Writer) -> None:
    with writer.read() as connection, pytest.raises(DBAPIError, match="readonly"):
        note(connection, "x")


def test_reader_sees_one_snapshot(writer: Writer) -> None:
    with writer.read() as connection:
        before = connection.execute(select(exception)).all()
        writer.submit(lambda writing: note(writing, "new")).result(10)
        assert connection.execute(select(exception)).all() == before
    assert kinds(writer) == ["new"]


def test_database_is_durable_at_commit_and_checks_references(writer: Writer) -> None:
    def settings(connection: Connection) -> tuple[object, ...]:
        names = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        return tuple(connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in names)

    assert writer.submit(settings).result(10) == ("wal", 2, 1, 1)


def test_another_writer_waits_its_turn(writer: Writer, url: str) -> None:
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    future = writer.submit(lambda connection: note(connection, "patient"))
    other.execute("COMMIT")
    other.close()
    assert future.result(10) == "patient"


def test_other_databases_are_refused() -> None:
    for open_engine in (open_writer, open_reader):
        with pytest.raises(InputError):
            open_engine("mysql://localhost/hub")
    with pytest.raises(InputError):
        open_reader("sqlite://")


def test_writer_that_cannot_write_says_so_until_it_has_written_again(writer: Writer) -> None:
    def limit(connection: Connection, pages: int) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def grow(connection: Connection) -> None:
        connection.execute(exception.insert(), [{"kind": "x" * 5_000, "detail": {}, "opened_ms": 1}] * 9)

    writer.run(lambda connection: limit(connection, 1))
    with pytest.raises(CapacityError, match="disk is full"):
        writer.run(grow)
    assert "disk is full" in writer.failing
    writer.run(lambda _connection: None)  # commits, and writes nothing
    assert "disk is full" in writer.failing
    writer.run(lambda connection: limit(connection, 1_000_000))
    writer.run(grow)
    assert writer.failing == ""
