"""What operator, clerk and auditor read of the database: the same on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from hub.db import clerk_listings as clerk
from hub.db import tables
from hub.db.clerk_listings import Wanted
from hub.db.device_listings import lane_epochs, sightings, unacknowledged
from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.gauges import read_gauges
from hub.db.lives import LifeRepository
from hub.db.migrate import upgrade
from hub.db.outgoing_repository import OutgoingRepository
from hub.db.payment_lines import payment_lines
from hub.db.reconciliation import Asked, Fate, reconcile
from hub.db.register_listings import list_payments, list_service_requests
from hub.db.unit_of_work import UnitOfWork
from hub.db.writer import Writer
from hub.keys.database_mark import Mark
from hub.usecases.take_event import take
from shared.model.errors import InputError
from shared.model.event import Event, Stream
from shared.model.ids import effect_key, new_event_id
from shared.protocol.birth import Birth, LaneState, ListedEpoch
from shared.protocol.delivery import HubEpoch, LossReason
from shared.protocol.lines import Line
from tests.support.hub_database import NOW_MS, Street
from tests.support.postgresql import new_database, postgresql_server

EPOCH = "9f3c2a1b"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql_server() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.requires("postgres"))])
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Writer]:
    url = sqlite_url(tmp_path / "hub.db")
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("server"))
    upgrade(url)
    writer = Writer(open_writer(url), open_reader(url))
    yield writer
    writer.close()


def epoch(stream: Stream) -> HubEpoch:
    return HubEpoch(stream=stream, epoch=EPOCH, chain=bytes(8))


def accept(uow: UnitOfWork, event: Event) -> None:
    line = Line(event.seq, event.id, event.type, {}, b'{"seq":%d}' % event.seq)
    uow.delivery.accept(event.device, epoch(event.stream), line, bytes(16), NOW_MS + event.seq)


def day(writer: Writer) -> list[Event]:
    """Two taps, a payment with its reversal, two reports; a line in quarantine; a loss."""
    street = Street()
    events = [street.tap("card-1", 1), street.tap("card-1", 2), street.payment(), street.report("R-1")]
    events += [street.reversal(events[2]), street.report("R-2")]
    odd = street.report("R-3")

    def job(connection: Connection) -> None:
        uow = UnitOfWork(connection)
        for event in events:
            accept(uow, event)
            take(event, uow, NOW_MS + event.seq)
        accept(uow, odd)
        line = Line(odd.seq, odd.id, odd.type, {"subject": "who"}, b"{}")
        uow.delivery.quarantine("bus-7", epoch(Stream.CASES), line, "not understood", NOW_MS)
        uow.delivery.lose(
            "bus-7", epoch(Stream.PAYMENTS), 40, 49, LossReason.GONE, possibly_more=True, at_ms=NOW_MS
        )
        uow.delivery.raise_exception("fork", "bus-7", {"reason": "fork"}, NOW_MS)
        uow.flush()

    writer.run(job)
    return [*events, odd]


def test_pages_follow_one_another_without_a_hole_or_a_double(writer: Writer) -> None:
    day(writer)
    with writer.read() as connection:
        seen: list[str] = []
        after = ""
        while True:
            page = list_service_requests(connection, after, 1)
            seen += [item.reference for item in page.items]
            if page.next is None:
                break
            after = page.next
        assert seen == ["R-1", "R-2"]
        payments = list_payments(connection, 0, 2, None)
        assert payments.next is not None
        rest = list_payments(connection, int(payments.next), 100, "bus-7")
    entries = [*payments.items, *rest.items]
    assert [entry.kind for entry in entries] == ["tap", "tap", "payment", "reversal"]
    assert [entry.amount_minor for entry in entries] == [150, 150, 4250, 4250]
    assert {entry.currency for entry in entries} == {"EUR"}
    assert entries[3].reverses == entries[2].id


def test_page_after_nonsense_is_refused(writer: Writer) -> None:
    with writer.read() as connection, pytest.raises(InputError):
        list_service_requests(connection, "x:y", 10)


def test_clerk_finds_what_waits_narrowed_and_closes_a_case_once(writer: Writer) -> None:
    day(writer)
    with writer.read() as connection:
        (line,) = clerk.list_quarantine(connection, Wanted(device="bus-7", state="waiting")).items
        assert (line.type, line.reason, line.subject) == ("incident.reported", "not understood", "who")
        assert clerk.list_quarantine(connection, Wanted(kind="payments")).items == []
        (loss,) = clerk.list_losses(connection, Wanted(unresolved=True)).items
        assert (loss.first_seq, loss.last_seq, loss.reason, loss.found) == (40, 49, "gone", 0)
        (case,) = clerk.list_exceptions(connection, Wanted(kind="fork", unresolved=True)).items
        assert case.detail == {"reason": "fork"}
        assert clerk.is_open(connection, "fork", {"reason": "fork"})
        assert not clerk.is_open(connection, "fork", {"reason": "rolled_back"})
        work = clerk.list_outgoing(connection, Wanted(kind="open311", limit=1))
        assert (len(work.items), work.next) == (1, str(work.items[0].id))
    assert writer.run(lambda connection: clerk.resolve_exception(connection, case.id, NOW_MS))
    assert not writer.run(lambda connection: clerk.resolve_exception(connection, case.id, NOW_MS))
    with writer.read() as connection:
        assert clerk.list_exceptions(connection, Wanted(kind="fork", unresolved=True)).items == []
        assert len(clerk.list_exceptions(connection, Wanted(kind="fork")).items) == 1


def test_every_event_is_accounted_for_with_its_effects(writer: Writer) -> None:
    events = day(writer)
    tap, odd = events[0], events[-1]
    key = str(effect_key(tap.device, tap.id, "payment"))

    def settle(connection: Connection) -> None:
        work = OutgoingRepository(connection)
        work.done([(effect.id, "S-1") for effect in work.due("settlements", NOW_MS * 2, 1)], NOW_MS)

    writer.run(settle)
    asked = [Asked(device=e.device, event_id=e.id, stream=e.stream, epoch=EPOCH, seq=e.seq) for e in events]
    missing = new_event_id(NOW_MS, b"\xff" * 10)
    asked += [
        Asked(device="bus-7", event_id=missing, stream=Stream.PAYMENTS, epoch=EPOCH, seq=seq)
        for seq in (40, 49, 50)
    ]
    asked.append(Asked(device="bus-7", event_id=missing, stream=Stream.CASES, epoch=EPOCH, seq=45))
    with writer.read() as connection:
        answers = reconcile(connection, asked)
        lines = payment_lines(connection, [key, "nothing"])
    fates = [answer.fate for answer in answers]
    assert fates[: len(events) - 1] == [Fate.COMMITTED] * (len(events) - 1)
    assert fates[len(events) - 1 :] == [Fate.QUARANTINED, Fate.LOST, Fate.LOST, Fate.UNKNOWN, Fate.UNKNOWN]
    (forwarded,) = answers[0].forwarded
    assert (forwarded.connector, forwarded.state, forwarded.core_ref) == ("settlements", "done", "S-1")
    assert answers[events.index(odd)].forwarded == ()
    assert list(lines) == [key]
    assert (lines[key].device, lines[key].line) == ("bus-7", b'{"seq":1}')


def test_gauges_count_what_is_open(writer: Writer) -> None:
    day(writer)
    with writer.read() as connection:
        gauges = read_gauges(connection)
    assert gauges.quarantine == {"bus-7": 1}
    assert gauges.losses == {"gone": 1}
    assert gauges.exceptions["fork"] == 1
    assert gauges.outgoing == {("open311", "waiting"): 2, ("settlements", "waiting"): 4}
    assert gauges.oldest_outgoing_ms["settlements"] == NOW_MS + 1


def test_device_is_seen_with_its_lanes(writer: Writer) -> None:
    listed = ListedEpoch(epoch=EPOCH, oldest=1, last=9, head=bytes(8))
    lanes = {Stream.PAYMENTS: LaneState(epochs=[listed], waiting_ms=4_000)}
    birth = Birth(nonce="n", session=None, incarnation=0, boot=3, uptime_ms=1, firmware="1.2", lanes=lanes)

    def job(connection: Connection) -> None:
        uow = UnitOfWork(connection)
        uow.delivery.born("bus-7", birth, NOW_MS, welcomed_ms=NOW_MS)
        here = epoch(Stream.PAYMENTS)
        here.watermark, here.heard, here.last, here.position = 5, 9, 9, 0
        uow.delivery.epochs("bus-7", Stream.PAYMENTS)[EPOCH] = here
        uow.flush()

    writer.run(job)
    with writer.read() as connection:
        seen = sightings(connection, ["bus-7", "nobody"])
        assert seen == sightings(connection)
        (lane,) = lane_epochs(connection, "bus-7")
        (behind,) = unacknowledged(connection, Stream.PAYMENTS)
        assert unacknowledged(connection, Stream.CASES) == []
    assert (seen["bus-7"].firmware, seen["bus-7"].waiting_ms) == ("1.2", {"payments": 4_000})
    assert (lane.watermark, lane.heard, lane.listed) == (5, 9, True)
    assert (behind.device, behind.watermark, behind.heard) == ("bus-7", 5, 9)


def test_lives_are_noted(writer: Writer) -> None:
    def job(connection: Connection) -> tuple[Mark | None, int]:
        lives = LifeRepository(connection)
        assert (lives.last(), lives.cautious_until_ms()) == (None, 0)
        lives.begin(3, NOW_MS)
        lives.beat(Mark(3, 7), NOW_MS)
        lives.be_cautious(NOW_MS + 1)
        lives.begin(4, NOW_MS)
        return lives.last(), lives.cautious_until_ms()

    assert writer.run(job) == (Mark(4, 0), NOW_MS + 1)


def test_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    away = sqlite_url(tmp_path / "away" / "hub.db")
    writer = Writer(open_writer(away), open_reader(away))
    assert not writer.answers()
    writer.close()


def test_row_of_the_device_table_without_a_birth_is_no_sighting(writer: Writer) -> None:
    row = {"id": "kiosk-1", "kind": "kiosk", "enrolled_ms": NOW_MS}
    writer.run(lambda connection: connection.execute(insert(tables.device).values(row)))
    with writer.read() as connection:
        assert sightings(connection)["kiosk-1"].last_seen_ms is None
