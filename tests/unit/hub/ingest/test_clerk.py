"""A clerk's decisions, on a real registry and a real database: each may be repeated."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db import tables
from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.quarantine_repository import LineSettledError, NoSuchLineError
from hub.db.triggers import create_all
from hub.db.unit_of_work import Rules, UnitOfWork
from hub.db.writer import Writer
from hub.ingest.apply import Incoming, Ingest
from hub.ingest.clerk import Clerk, Decided
from hub.ingest.opening import Opener
from hub.keys.records import DeviceEnrolled
from hub.keys.registry import Registry, UnknownDeviceError
from shared.model.event import Stream
from shared.protocol import topics
from shared.protocol.acknowledgement import Acknowledgement, Welcome, decode_answer
from shared.protocol.keys import derive
from shared.protocol.mac import open_message
from tests.simulation.device import secret_of
from tests.simulation.hub import Life
from tests.support.hub_database import NOW_MS
from tests.support.street import Chance, Kiosk, sealing_key

PAYMENTS, CASES = Stream.PAYMENTS, Stream.CASES


class Office:
    """A hub on a file, with its registry, and a clerk."""

    def __init__(self, folder: Path) -> None:
        url = sqlite_url(folder / "hub.db")
        engine = open_writer(url)
        with engine.begin() as connection:
            create_all(connection)
        engine.dispose()
        self.writer = Writer(open_writer(url), open_reader(url))
        Registry.create(folder / "keys", None, NOW_MS)
        self.registry = Registry.open(folder / "keys", None, clock=lambda: NOW_MS)
        link = derive(secret_of("kiosk-7"))
        self.registry.record(
            DeviceEnrolled(
                token_hash="",
                request_hash="",
                device="kiosk-7",
                kind="kiosk",
                site="",
                k_up=link.up.key.hex(),
                k_down=link.down.key.hex(),
                signing="00" * 32,
                serial="1",
                expires_ms=NOW_MS + 1_000_000,
                certificate="",
            )
        )
        opener = Opener([sealing_key()])
        self.ingest = Ingest(self.registry, Life(), opener, Chance())
        self.calls = 0
        self.clerk = Clerk(
            self.registry,
            self.writer,
            opener,
            clock=lambda: NOW_MS,
            work_committed=self.called,
            rules=Rules(),
        )

    def called(self) -> None:
        self.calls += 1

    def hear(self, *messages: Incoming) -> Welcome | Acknowledgement:
        uow_answers = self.writer.run(lambda connection: self._apply(UnitOfWork(connection), messages))
        key = self.registry.down_key("kiosk-7")
        return decode_answer(open_message({key.id: key.key}, topics.ack("kiosk-7"), uow_answers[-1].payload))

    def enter(self, kiosk: Kiosk) -> None:
        welcome = self.hear(kiosk.birth())
        assert isinstance(welcome, Welcome)
        kiosk.session = welcome.session
        self.hear(kiosk.birth(kiosk.session), *kiosk.frames(PAYMENTS, CASES))

    def column(self, name: str) -> list[object]:
        """A column of a table, in the order of its rows."""
        table, column = name.split(".")
        with self.writer.read() as connection:
            found = tables.metadata.tables[table]
            return list(connection.execute(select(found.c[column]).order_by(*found.primary_key)).scalars())

    def _apply(self, uow: UnitOfWork, messages: tuple[Incoming, ...]):  # noqa: ANN202  what apply gives
        answers = self.ingest.apply(messages, uow, NOW_MS)
        uow.flush()
        return answers


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.writer.close()
    office.registry.close()


@pytest.mark.sentence("H-11")
def test_device_that_is_released_has_its_money_booked_and_takes_new_money(office: Office) -> None:
    kiosk = Kiosk()
    kiosk.fee(100)
    kiosk.fee(200)
    office.registry.fence("kiosk-7", "fork")
    office.enter(kiosk)
    assert office.column("journal.id") == []
    assert office.clerk.release_device("kiosk-7") == Decided(taken=2, waiting=0)
    assert not office.registry.is_fenced("kiosk-7")
    assert office.column("posting.amount_minor") == [100, 200]
    assert office.calls == 1
    answer = office.hear(kiosk.frame(PAYMENTS, 3))
    assert isinstance(answer, Acknowledgement)
    assert not answer.fenced


@pytest.mark.sentence("H-11")
def test_release_of_a_device_that_is_repeated_goes_on_and_books_nothing_twice(office: Office) -> None:
    kiosk = Kiosk()
    kiosk.fee(100)
    office.registry.fence("kiosk-7", "fork")
    office.enter(kiosk)
    office.registry.release("kiosk-7")  # and then the power went
    assert office.clerk.release_device("kiosk-7") == Decided(taken=1, waiting=0)
    assert office.clerk.release_device("kiosk-7") == Decided(taken=0, waiting=0)
    assert office.column("posting.amount_minor") == [100]


def test_release_of_a_device_that_nobody_knows_is_refused(office: Office) -> None:
    with pytest.raises(UnknownDeviceError):
        office.clerk.release_device("nobody")


@pytest.mark.sentence("H-4")
def test_line_that_is_discarded_frees_what_waits_behind_it_and_stays_on_the_books(office: Office) -> None:
    kiosk = Kiosk()
    kiosk.report(7, subject="ana")
    kiosk.report("second", subject="ana")
    office.enter(kiosk)
    assert office.clerk.discard_line(1) == Decided(taken=1, waiting=0)
    assert office.column("quarantine.state") == ["discarded", "released"]
    assert office.column("service_request.description") == ["second"]


@pytest.mark.sentence("H-4")
def test_line_that_still_cannot_be_taken_keeps_waiting_with_what_is_behind_it(office: Office) -> None:
    kiosk = Kiosk()
    kiosk.report(7, subject="ana")
    kiosk.report("second", subject="ana")
    kiosk.fee(-1)
    office.enter(kiosk)
    assert office.clerk.release_line(2) == Decided(taken=0, waiting=2)
    assert office.clerk.release_line(1) == Decided(taken=0, waiting=1)
    assert office.column("quarantine.state") == ["waiting"] * 3


def test_line_of_money_is_discarded_alone(office: Office) -> None:
    kiosk = Kiosk()
    kiosk.fee(-1)
    kiosk.fee(-2)
    office.enter(kiosk)
    assert office.clerk.discard_line(1) == Decided(taken=0, waiting=0)
    assert office.column("quarantine.state") == ["discarded", "waiting"]


def test_line_that_is_none_or_is_decided_already_is_refused(office: Office) -> None:
    kiosk = Kiosk()
    kiosk.fee(-1)
    office.enter(kiosk)
    with pytest.raises(NoSuchLineError):
        office.clerk.release_line(7)
    office.clerk.discard_line(1)
    with pytest.raises(LineSettledError):
        office.clerk.release_line(1)


@pytest.mark.sentence("H-4")
@pytest.mark.sentence("H-11")
def test_case_and_money_of_one_subject_do_not_wait_for_one_another(office: Office) -> None:
    kiosk = Kiosk()
    data = {"counter": 1, "amount_minor": 65, "currency": "EUR", "product": "single"}
    kiosk.take("tap.charged", data, PAYMENTS, subject="ana")
    kiosk.report(7, subject="ana")
    office.registry.fence("kiosk-7", "fork")
    office.enter(kiosk)
    assert office.clerk.discard_line(2) == Decided(taken=0, waiting=0)
    assert office.column("quarantine.state") == ["waiting", "discarded"]
    kiosk.report("second", subject="ana")
    office.hear(kiosk.frame(CASES, 2))
    assert office.column("service_request.description") == ["second"]
    assert office.column("journal.id") == []
