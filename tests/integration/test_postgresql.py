"""The hub on PostgreSQL: the same schema, the same refusals, the same books, several writers at once."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from hub.db import tables
from hub.db.engine import open_reader, open_writer
from hub.db.ledger_audit import audit, counter_gaps
from hub.db.mailbox_repository import forget_words, rating_of
from hub.db.mailbox_tables import mailbox_entry
from hub.db.migrate import upgrade
from hub.db.outgoing_repository import OutgoingRepository
from hub.db.schema import check
from hub.db.triggers import create_all
from hub.db.unit_of_work import UnitOfWork
from hub.db.writer import Writer
from hub.usecases.take_event import gather, take
from shared.model.errors import InputError, TransientError
from shared.model.event import Event, Stream
from shared.model.ids import new_reference
from shared.protocol.delivery import HubEpoch
from shared.protocol.lines import Line
from tests.support.forbidden import ALLOWED, FORBIDDEN, fill
from tests.support.hub_database import NOW_MS, Street, fresh_database, rows, take_all, transaction
from tests.support.postgresql import new_database, postgresql_server
from tests.support.schema import described

pytestmark = pytest.mark.requires("postgres")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql_server() as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    url = new_database(server)
    upgrade(url)
    return url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_writer(url)
    yield engine
    engine.dispose()


def day_of_events() -> list[Event]:
    """A little of everything, the odd cases too."""
    street = Street()
    events = [street.credit("card-1", 1, 1000)]
    events += [street.tap("card-1", counter, 450) for counter in (2, 3, 4, 4)]
    events += [street.tap(f"card-{number}", 1) for number in range(2, 100)]
    events += [street.payment(4250, method, "card-2") for method in ("card", "cash", "purse")]
    events += [
        street.reversal(events[1]),
        street.report("R-1", contact={"name": "Ana"}),
        street.report("R-2"),
    ]
    events.append(street.support(events[-1].id, "S-1", contact={"name": "Ana"}))
    events.append(street.support(street.report("R-3").id, "S-2"))
    events += [street.rate(new_reference(bytes(16)), score) for score in (1, 5)]
    said = {"reference": "S-3", "kind": "thanks", "text": "Ñ", "channel": "kiosk"}
    events.append(street.event("suggestion.made", said))
    events.append(street.event("notice.shown", {"notice": "corte", "version": 1}))
    events.append(street.event("device.state", {"key": "printer", "state": "ok"}))
    events.append(street.event("device.counters", {"free_ride": 1}))
    return events


def test_migrated_schema_is_the_fresh_one(server: str, engine: Engine) -> None:
    fresh = open_writer(new_database(server))
    with transaction(fresh) as here, transaction(engine) as there:
        create_all(here)
        check(there)
        assert described(there) == described(here)
    fresh.dispose()


def test_upgrade_again_changes_nothing(url: str, engine: Engine) -> None:
    with transaction(engine) as connection:
        before = described(connection)
    upgrade(url)
    with transaction(engine) as connection:
        assert described(connection) == before


def test_change_of_a_record_is_refused_and_of_anything_else_is_not(engine: Engine) -> None:
    with transaction(engine) as connection:
        fill(connection)
    truncates = [f"TRUNCATE {table} CASCADE" for table in ("posting", "inbox", "loss_record")]
    for statement in (*FORBIDDEN, *truncates):
        with pytest.raises(DBAPIError, match="it is a record"), transaction(engine) as connection:
            connection.execute(text(statement))
    for statement in ALLOWED:
        with transaction(engine) as connection:
            assert connection.execute(text(statement)).rowcount == 1


def test_day_of_events_leaves_the_same_books_as_on_sqlite(engine: Engine) -> None:
    events = day_of_events()
    sqlite = fresh_database()
    for database in (engine, sqlite):
        for part in (events[:40], events[40:], events):
            with transaction(database) as connection:
                take_all(connection, part)
    with transaction(engine) as there, transaction(sqlite) as here:
        ours, theirs = audit(there), audit(here)
        assert ours.is_clean
        assert (ours.moved, ours.balances, ours.postings) == (theirs.moved, theirs.balances, theirs.postings)
        for table in (
            tables.service_request,
            tables.notice_response,
            mailbox_entry,
            tables.device_state,
            tables.device_counters,
        ):
            assert rows(there, table) == rows(here, table)
        assert rating_of(there, new_reference(bytes(16))) == 5
        for table in (tables.exception, tables.outgoing):
            assert [row["device"] for row in rows(there, table)] == [
                row["device"] for row in rows(here, table)
            ]
        assert counter_gaps(there, NOW_MS + 1) == counter_gaps(here, NOW_MS + 1)
    sqlite.dispose()


def test_words_go_from_postgresql_too(engine: Engine) -> None:
    street = Street()
    call = {"reference": new_reference(bytes(16)), "phone": "600765432", "window": "any", "channel": "kiosk"}
    with transaction(engine) as connection:
        take_all(connection, [street.event("callback.asked", call)])
        assert forget_words(connection, NOW_MS + 1, 10) == 0
        connection.execute(text("UPDATE outgoing SET state = 'done'"))
        assert forget_words(connection, NOW_MS + 1, 10) == 1
        assert forget_words(connection, NOW_MS + 1, 10) == 0
        kept = [*rows(connection, mailbox_entry), *rows(connection, tables.outgoing)]
    assert kept
    assert "600765432" not in str(kept)


def test_delivery_memory_is_read_back_as_it_was_written(engine: Engine) -> None:
    here = HubEpoch(stream=Stream.CASES, epoch="9f3c2a1b", chain=b"12345678", position=0, watermark=4)
    line = Line(1, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "tap.charged", {"subject": "card"}, b"\x00line")
    for _ in range(2):
        with transaction(engine) as connection:
            uow = UnitOfWork(connection)
            uow.delivery.load({"bus-7", "bus-8"})
            if uow.delivery.known("bus-7", line.id) is None:
                uow.delivery.epochs("bus-7", Stream.CASES)[here.epoch] = here
                uow.delivery.accept("bus-7", here, line, b"hash", NOW_MS)
                uow.delivery.quarantine("bus-7", here, line, "poison", NOW_MS)
            uow.delivery.keep_contexts("bus-7", {"c1": "sealed"})
            uow.flush()
    with transaction(engine) as connection:
        delivery = UnitOfWork(connection).delivery
        assert delivery.epochs("bus-7", Stream.CASES) == {here.epoch: here}
        assert delivery.known("bus-7", line.id) == b"hash"
        assert delivery.waits("bus-7", "card")
        assert delivery.contexts("bus-7", {"c1"}) == {"c1": "sealed"}
        assert rows(connection, tables.inbox)[0]["line"] == b"\x00line"


def test_odd_values_do_not_stop_the_group(engine: Engine) -> None:
    """PostgreSQL stores neither NUL nor half a surrogate pair, and refuses a counter beyond 64 bits."""
    street = Street()
    odd = [street.tap("card-1", counter) for counter in (2**63, -(2**70))]
    odd += [street.tap(card, 1) for card in ("a\0b", "\ud800", "x" * 500)]
    odd += [street.support("a\0b", "R-8"), street.support("\ud800", "\ud800"), street.rate("\ud800", 1)]
    odd += [street.report("a\0b"), street.report("\ud800"), street.report("R-1", description="\ud800")]
    fine = [street.report("R-2", contact={"\ud800": "\0"}), street.tap("card-1", 1)]
    with transaction(engine) as connection:
        uow = UnitOfWork(connection)
        gather([*odd, *fine], uow)
        for event in odd:
            with pytest.raises(InputError):
                take(event, uow, NOW_MS)
        for event in fine:
            take(event, uow, NOW_MS)
        uow.flush()
        assert len(rows(connection, tables.service_request)) == 1
        assert audit(connection).is_clean


def test_outgoing_work_is_done_in_order(engine: Engine) -> None:
    street = Street()
    with transaction(engine) as connection:
        take_all(connection, [street.credit("card-1", 1), street.tap("card-1", 2), street.report("R-1")])
    told: list[object] = []
    for _ in range(3):
        with transaction(engine) as connection:
            repository = OutgoingRepository(connection)
            work = repository.due("settlements", NOW_MS, 10)
            repository.mark_attempts([effect.id for effect in work], NOW_MS)
            repository.done([(effect.id, "ref") for effect in work], NOW_MS)
            told.append([effect.body["kind"] for effect in work])
    assert told == [["credit"], ["tap"], []]
    with transaction(engine) as connection:
        (report,) = OutgoingRepository(connection).due("open311", NOW_MS, 10)
        OutgoingRepository(connection).dead([(report.id, "refused")])
        assert OutgoingRepository(connection).replay(report.id, NOW_MS)


def test_workers_that_share_purses_keep_the_books_right(server: str, url: str) -> None:
    """Two hubs' workers charge the same cards; whoever must give way tries again."""
    engines = [open_writer(url) for _ in range(2)]
    buses = [Street(device=f"bus-{number}") for number in range(2)]
    given_way: list[BaseException] = []

    def work(place: int) -> None:
        for turn in range(30):
            events = [buses[place].tap(f"card-{turn % 5}", 2 * (10 * turn + n) + place, 20) for n in range(4)]
            while True:
                try:
                    with transaction(engines[place]) as connection:
                        uow = UnitOfWork(connection)
                        gather(events, uow)
                        for event in events:
                            take(event, uow, NOW_MS)
                        uow.flush()
                    break
                except DBAPIError as error:
                    given_way.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    with transaction(engines[0]) as connection:
        report = audit(connection)
        assert report.is_clean
        assert report.entries == 240
        assert sum(moved.amount_minor for moved in report.moved.values()) == 240 * 20
    for engine in engines:
        engine.dispose()


def test_writer_commits_groups_and_readers_cannot_write(url: str) -> None:
    writer = Writer(open_writer(url), open_reader(url))
    insert = tables.exception.insert().values(kind="x", detail={}, opened_ms=1)

    def fail(connection: Connection) -> None:
        connection.execute(insert)
        connection.execute(text("SELECT 1 / 0"))

    good = writer.submit(lambda connection: connection.execute(insert).inserted_primary_key)
    bad = writer.submit(fail)
    assert good.result(10) == (1,)
    with pytest.raises(DBAPIError):
        bad.result(10)
    with writer.read() as connection:
        assert len(rows(connection, tables.exception)) == 1
        with pytest.raises(DBAPIError, match="read-only"):
            connection.execute(insert)
    writer.close()


def test_writer_survives_a_lost_connection(url: str) -> None:
    writer = Writer(open_writer(url), open_reader(url))

    def hang_up(connection: Connection) -> None:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(TransientError):
        writer.submit(hang_up).result(10)
    assert writer.submit(lambda connection: connection.execute(text("SELECT 7")).scalar_one()).result(10) == 7
    writer.close()
