"""What citizens wrote goes after its time: from the register, from work that is done, from the file."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from hub.db import tables
from hub.db.engine import open_writer, sqlite_url
from hub.db.mailbox_repository import forget_words, rating_of, supporters
from hub.db.mailbox_tables import mailbox_entry
from hub.db.opening import open_database
from hub.jobs.mailbox_retention import MailboxRetention
from shared.model.ids import new_reference
from tests.support.hub_database import NOW_MS, Street, rows, take_all, transaction

DAY_MS = 86_400_000
PHONE = "600765432"
WORDS = "Que pongan sombra en el parque de la estación " * 40
CALL, WRITTEN, JOINED = (new_reference(bytes(range(start, start + 16))) for start in (1, 2, 3))
THEIRS = new_reference(bytes(range(9, 25)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    open_database(sqlite_url(tmp_path / "hub.db"), None).close()
    return tmp_path / "hub.db"


@pytest.fixture
def engine(file: Path) -> Iterator[Engine]:
    engine = open_writer(sqlite_url(file))
    yield engine
    engine.dispose()


def fill(engine: Engine, *, is_done: bool) -> str:
    """A report, and everything that can be said besides one; returns the report's public code."""
    street = Street()
    report = street.report(THEIRS)
    contact = {"phone": PHONE}
    said = [
        street.event(
            "callback.asked", {"reference": CALL, "phone": PHONE, "window": "any", "channel": "kiosk"}
        ),
        street.event(
            "suggestion.made",
            {
                "reference": WRITTEN,
                "kind": "suggestion",
                "text": WORDS,
                "channel": "kiosk",
                "contact": contact,
            },
        ),
        street.support(report.id, JOINED, contact=contact),
        street.rate(THEIRS, 4),
    ]
    with transaction(engine) as connection:
        take_all(connection, [report, *said])
        if is_done:
            connection.execute(update(tables.outgoing).values(state="done", done_ms=NOW_MS))
    return report.id


def forget(engine: Engine, before_ms: int) -> int:
    with transaction(engine) as connection:
        return forget_words(connection, before_ms, 100)


def test_words_and_numbers_go_after_their_time_and_what_counts_stays(engine: Engine) -> None:
    code = fill(engine, is_done=True)
    assert forget(engine, NOW_MS) == 0
    assert forget(engine, NOW_MS + 1) == 4
    assert forget(engine, NOW_MS + 1) == 0
    with transaction(engine) as connection:
        entries = rows(connection, mailbox_entry)
        assert [json.loads(json.dumps(row["said"])) for row in entries] == [{}] * 4
        assert {row["reference"] for row in entries} == {CALL, WRITTEN, JOINED, None}
        assert (rating_of(connection, THEIRS), supporters(connection, [code])) == (4, {code: 1})
        work = [row for row in rows(connection, tables.outgoing) if row["connector"] == "mailbox"]
        bodies = [json.loads(str(row["body"])) for row in work]
    assert not any(PHONE in json.dumps(body) or "sombra" in json.dumps(body) for body in bodies)
    assert {body["kind"] for body in bodies} == {"callback", "suggestion", "support", "rating"}


def test_what_the_core_does_not_have_yet_is_kept_for_it(engine: Engine) -> None:
    fill(engine, is_done=False)
    assert forget(engine, NOW_MS + 1) == 0
    with transaction(engine) as connection:
        connection.execute(
            update(tables.outgoing).where(tables.outgoing.c.event_id.like("%")).values(state="done")
        )
    assert forget(engine, NOW_MS + 1) == 4


def test_nothing_of_it_is_left_in_the_database_s_file(engine: Engine, file: Path) -> None:
    fill(engine, is_done=True)
    engine.dispose()
    assert PHONE.encode() in file.read_bytes()
    writer = open_database(sqlite_url(file), None)
    retention = MailboxRetention(writer, 180, lambda: NOW_MS + 181 * DAY_MS)
    retention.run()
    assert retention.forgotten == 4
    writer.close()
    left = b"".join(each.read_bytes() for each in file.parent.iterdir() if each.is_file())
    assert PHONE.encode() not in left
    assert b"sombra" not in left
