"""Contacts end with their reports; then nobody opens the sealed lines, and what is not over stays."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from hub.db import tables
from hub.db.attachment_repository import AttachmentBook
from hub.db.attachment_tables import attachment
from hub.db.case_retention import contexts_done_with, forget_contacts, forget_contexts
from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.mailbox_repository import forget_words
from hub.db.triggers import create_all
from hub.db.update_tables import report_update
from hub.db.writer import Writer
from hub.ingest.opening import Opener
from hub.jobs.case_retention import CaseRetention
from hub.jobs.report_updates import WATCHED_MS
from shared.model.event import Event, Stream
from shared.model.ids import new_reference
from shared.protocol import limits
from shared.protocol.delivery import HubEpoch
from shared.protocol.lines import Stamp, compose
from shared.protocol.sealing import SealingContext, place_of
from tests.support.hub_database import NOW_MS, Street, take_all
from tests.support.street import sealing_key

DAY_MS = 86_400_000
KEPT_DAYS = 30
PHOTOGRAPHS_KEPT_DAYS = 90
PHONE = "600765432"
DEVICE = "kiosk-7"
LONG_AFTER_MS = NOW_MS + 90 * DAY_MS


def named(number: int) -> str:
    return new_reference(number.to_bytes(16, "big"))


class Archive:
    """A hub's database with reports whose lines were sealed, and the job before it."""

    def __init__(self, url: str) -> None:
        engine = open_writer(url)
        with engine.begin() as connection:
            create_all(connection)
        engine.dispose()
        self.writer = Writer(open_writer(url), open_reader(url))
        self.street = Street(DEVICE)
        self.now_ms = LONG_AFTER_MS
        self.job = CaseRetention(
            self.writer, KEPT_DAYS, PHOTOGRAPHS_KEPT_DAYS, self._forget_photographs, lambda: self.now_ms
        )

    def session(self, name: str) -> SealingContext:
        """A citizen's session begins at the device."""
        session = SealingContext(sealing_key().public(), DEVICE, name, name.encode().ljust(32))
        row = {"device": DEVICE, "context": name, "sealed": session.context.sealed}
        self.writer.run(lambda connection: connection.execute(insert(tables.sealing_context), row))
        return session

    def report(self, session: SealingContext, number: int, *, at_core: bool = True) -> Event:
        """Somebody reports, and says how to reach them."""
        event = self.street.report(named(number), contact={"phone": PHONE})
        self._take(session, event, at_core=at_core)
        return event

    def write(self, session: SealingContext, number: int) -> Event:
        """Somebody writes to the town hall."""
        said = {"reference": named(number), "kind": "query", "text": PHONE, "channel": "kiosk"}
        event = self.street.event("suggestion.made", said)
        self._take(session, event, at_core=True)
        return event

    def photograph(self, event: Event, state: str = "stored", *, at_ms: int = NOW_MS) -> None:
        """A photograph of a report was announced."""
        row = {
            "device": DEVICE,
            "sha256": event.id.replace("-", "").ljust(64, "a"),
            "event_id": event.id,
            "size": 1,
            "media_type": "image/jpeg",
            "state": state,
            "revoked": False,
            "announced_ms": at_ms,
        }
        self.writer.run(lambda connection: connection.execute(insert(attachment), row))

    def pictured(self) -> list[str]:
        """Events of which a photograph is kept."""
        kept = select(attachment.c.event_id).where(attachment.c.state != "forgotten")
        with self.writer.read() as connection:
            return list(connection.execute(kept).scalars())

    def pay(self, session: SealingContext) -> None:
        """Somebody pays a fee."""
        self._take(session, self.street.payment(), at_core=True, stream=Stream.PAYMENTS)

    def close(self, event: Event, at_ms: int = NOW_MS) -> None:
        """The core closes a report."""
        reference = event.data["reference"]
        said = {"reference": reference, "device": DEVICE, "event_id": event.id, "status": "closed"}

        def job(connection: Connection) -> None:
            connection.execute(insert(report_update).values(**said, notes="", heard_ms=at_ms))
            here = tables.service_request.c.reference == reference
            connection.execute(update(tables.service_request).where(here).values(status="closed"))

        self.writer.run(job)

    def turn(self) -> tuple[int, int]:
        """One turn; returns how many contacts and contexts went in this life."""
        self.job.run()
        return self.job.contacts, self.job.contexts

    def reached(self) -> list[str]:
        """Codes of the reports that still say how to reach somebody, in the register and in the work."""
        with self.writer.read() as connection:
            register = connection.execute(
                select(tables.service_request.c.reference).where(
                    tables.service_request.c.contact.is_not(None)
                )
            ).scalars()
            work = connection.execute(
                select(tables.outgoing.c.body).where(tables.outgoing.c.connector == "open311")
            ).scalars()
            kept = {json.loads(body)["reference"] for body in work if PHONE in body}
            assert kept == set(register)
        return sorted(kept)

    def readable(self) -> list[str]:
        """Events whose sealed lines can be opened with the hub's key and what the database has."""
        with self.writer.read() as connection:
            kept = select(tables.sealing_context.c.context, tables.sealing_context.c.sealed)
            contexts = {row.context: row.sealed for row in connection.execute(kept)}
            lines = connection.execute(
                select(tables.inbox.c.seq, tables.inbox.c.line).order_by(tables.inbox.c.id)
            ).all()
        here = HubEpoch(stream=Stream.CASES, epoch="9f3c2a1b", chain=None)
        opened = [Opener([sealing_key()]).read(DEVICE, here, row.seq, row.line, contexts) for row in lines]
        return [each.line.id for each in opened if each.fault is None]

    def _forget_photographs(self, bodies: Sequence[tuple[str, str]]) -> None:
        self.writer.run(lambda connection: AttachmentBook(connection).forget(bodies, self.now_ms))

    def _take(
        self, session: SealingContext, event: Event, *, at_core: bool, stream: Stream = Stream.CASES
    ) -> None:
        place = place_of(DEVICE, stream, event.epoch, event.seq, event.id, event.type)
        sealed = session.seal(place, json.dumps(dict(event.data)).encode())
        stamp = Stamp("2026-11-21T10:00:00Z", 1, 1)
        row = {
            "device": DEVICE,
            "event_id": event.id,
            "stream": stream.value,
            "epoch": event.epoch,
            "seq": event.seq,
            "type": event.type,
            "body_hash": b"h",
            "line": compose(event.seq, event.id, event.type, stamp, None, ("sealed", sealed)),
            "received_ms": NOW_MS,
        }

        def job(connection: Connection) -> None:
            take_all(connection, [event])
            connection.execute(insert(tables.inbox), row)
            if at_core:
                here = tables.outgoing.c.event_id == event.id
                connection.execute(update(tables.outgoing).where(here).values(state="done"))

        self.writer.run(job)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(sqlite_url(tmp_path / "hub.db"))
    yield archive
    archive.writer.close()


def test_contact_goes_so_long_after_its_report_was_closed_and_then_its_line_is_read_by_nobody(
    archive: Archive,
) -> None:
    first = archive.report(archive.session("c1"), 1)
    second = archive.report(archive.session("c2"), 2)
    archive.close(first, LONG_AFTER_MS - KEPT_DAYS * DAY_MS - 1)
    archive.close(second, LONG_AFTER_MS - KEPT_DAYS * DAY_MS + 1)
    assert archive.turn() == (1, 1)
    assert archive.reached() == [second.data["reference"]]
    assert archive.readable() == [second.id]
    archive.now_ms += 2
    assert archive.turn() == (2, 2)
    assert (archive.reached(), archive.readable()) == ([], [])
    assert archive.turn() == (2, 2)


def test_report_that_is_open_or_not_at_the_core_keeps_its_contact(archive: Archive) -> None:
    here = archive.report(archive.session("c1"), 1, at_core=False)
    archive.report(archive.session("c2"), 2)
    reopened = archive.report(archive.session("c3"), 3)
    archive.close(here)
    archive.close(reopened)
    archive.writer.run(
        lambda connection: connection.execute(
            update(tables.service_request)
            .where(tables.service_request.c.reference == reopened.data["reference"])
            .values(status="open")
        )
    )
    assert archive.turn() == (0, 0)
    assert len(archive.reached()) == len(archive.readable()) == 3


def test_report_that_nobody_closes_is_over_when_the_core_is_not_asked_for_it_any_more(
    archive: Archive,
) -> None:
    archive.report(archive.session("c1"), 1)
    archive.now_ms = NOW_MS + WATCHED_MS
    assert archive.turn() == (0, 0)
    archive.now_ms += 1
    assert archive.turn() == (1, 1)


def test_session_keeps_its_key_until_all_that_was_said_in_it_is_forgotten(archive: Archive) -> None:
    session = archive.session("c1")
    archive.close(archive.report(session, 1))
    archive.write(session, 2)
    assert archive.turn() == (1, 0)
    assert len(archive.readable()) == 2
    assert archive.writer.run(lambda connection: forget_words(connection, NOW_MS + 1, 9)) == 1
    assert archive.turn() == (1, 1)
    assert archive.readable() == []


@pytest.mark.parametrize("state", ["stored", "lost"])
def test_photograph_goes_so_long_after_its_report_was_closed_and_the_key_of_its_session_with_it(
    archive: Archive, state: str
) -> None:
    event = archive.report(archive.session("c1"), 1)
    archive.photograph(event, state)
    archive.close(event, NOW_MS)
    archive.now_ms = NOW_MS + PHOTOGRAPHS_KEPT_DAYS * DAY_MS
    assert archive.turn() == (1, 0)
    assert archive.readable() == archive.pictured() == [event.id]
    archive.now_ms += 1
    assert archive.turn() == (1, 1)
    assert archive.readable() == archive.pictured() == []
    assert archive.job.photographs == 1


def test_photograph_stays_that_may_come_or_whose_report_is_not_over(archive: Archive) -> None:
    late, missing, open_one, waits = (archive.report(archive.session(f"c{n}"), n) for n in (1, 2, 3, 4))
    archive.photograph(late, at_ms=NOW_MS + PHOTOGRAPHS_KEPT_DAYS * DAY_MS)
    archive.photograph(missing, "missing")
    archive.photograph(open_one)
    archive.photograph(waits)
    for event in (late, missing):
        archive.close(event)
    archive.now_ms = NOW_MS + PHOTOGRAPHS_KEPT_DAYS * DAY_MS + 1
    archive.turn()
    assert sorted(archive.pictured()) == sorted(event.id for event in (late, missing, open_one, waits))
    archive.now_ms = NOW_MS + WATCHED_MS + PHOTOGRAPHS_KEPT_DAYS * DAY_MS
    archive.turn()
    assert archive.pictured() == [missing.id]


def test_key_of_a_session_with_a_payment_stays(archive: Archive) -> None:
    session = archive.session("c1")
    archive.close(archive.report(session, 1))
    archive.pay(session)
    assert archive.turn() == (1, 0)
    assert len(archive.readable()) == 1


def test_line_that_its_device_may_send_again_can_be_opened(archive: Archive) -> None:
    archive.close(archive.report(archive.session("c1"), 1), 0)
    archive.now_ms = NOW_MS + limits.KEEP_WINDOW_MS
    assert archive.turn() == (1, 0)
    archive.now_ms += 1
    assert archive.turn() == (1, 1)


def test_device_of_which_a_line_waits_for_a_clerk_keeps_its_keys(archive: Archive) -> None:
    archive.close(archive.report(archive.session("c1"), 1))
    row = {
        "device": DEVICE,
        "stream": "cases",
        "epoch": "9f3c2a1b",
        "seq": 9,
        "reason": "x",
        "line": b"{}",
        "at_ms": NOW_MS,
    }
    archive.writer.run(lambda connection: connection.execute(insert(tables.quarantine), row))
    assert archive.turn() == (1, 0)
    archive.writer.run(lambda connection: connection.execute(delete(tables.quarantine)))
    assert archive.turn() == (1, 1)


def test_key_stays_where_its_device_has_said_something_meanwhile(archive: Archive) -> None:
    archive.close(archive.report(archive.session("c1"), 1))
    archive.writer.run(lambda connection: forget_contacts(connection, LONG_AFTER_MS, 0, 9))
    with archive.writer.read() as connection:
        done, last = contexts_done_with(connection, DEVICE, LONG_AFTER_MS, 0, LONG_AFTER_MS)
    assert done == ["c1"]
    archive.report(archive.session("c2"), 2)
    assert archive.writer.run(lambda connection: forget_contexts(connection, DEVICE, done, last)) == 0
    assert archive.writer.run(lambda connection: forget_contexts(connection, DEVICE, done, last + 1)) == 1


def test_nothing_of_a_contact_is_left_in_the_database_s_file(tmp_path: Path) -> None:
    archive = Archive(sqlite_url(tmp_path / "hub.db"))
    archive.close(archive.report(archive.session("c1"), 1))
    archive.turn()
    archive.writer.close()
    left = b"".join(each.read_bytes() for each in tmp_path.iterdir() if each.is_file())
    assert PHONE.encode() not in left
