"""Delivery's memory: what was decided is seen at once, written once, and read back as it was."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from hub.db import tables
from hub.db.delivery_repository import BOOTS_KEPT
from hub.db.quarantine_repository import QuarantineRepository, Verdict
from hub.db.unit_of_work import UnitOfWork
from shared.model.event import Stream
from shared.model.ids import new_event_id
from shared.protocol.birth import Birth, LaneState
from shared.protocol.dating import Anchor
from shared.protocol.delivery import HubEpoch, LossReason
from shared.protocol.lines import Line
from tests.support.hub_database import NOW_MS, fresh_database, rows, traced

EPOCH = "9f3c2a1b"


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = fresh_database()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def line(seq: int, subject: str | None = None) -> Line:
    members = {} if subject is None else {"subject": subject}
    return Line(
        seq, new_event_id(NOW_MS, seq.to_bytes(10, "big")), "tap.charged", members, b'{"seq":%d}' % seq
    )


def open_epoch(uow: UnitOfWork, device: str = "bus-7", name: str = EPOCH) -> HubEpoch:
    here = HubEpoch(stream=Stream.PAYMENTS, epoch=name, chain=b"12345678", position=0)
    uow.delivery.epochs(device, Stream.PAYMENTS)[name] = here
    return here


def birth(boot: int, uptime_ms: int) -> Birth:
    lanes = {Stream.PAYMENTS: LaneState(waiting_ms=7)}
    return Birth(
        nonce="n", session="s", incarnation=1, boot=boot, uptime_ms=uptime_ms, firmware="1.2", lanes=lanes
    )


def test_epoch_is_read_back_as_it_was_written(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    here = open_epoch(uow)
    here.watermark, here.heard, here.last, here.oldest, here.floor = 7, 9, 8, 2, 3
    here.by_id = here.forked = here.reopened = True
    here.chain = None
    uow.flush()
    assert UnitOfWork(connection).delivery.epochs("bus-7", Stream.PAYMENTS) == {EPOCH: here}
    assert UnitOfWork(connection).delivery.epochs("bus-7", Stream.CASES) == {}


def test_epoch_that_is_closed_is_read_only_when_its_device_speaks_of_it(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    gone, here = open_epoch(uow, name="00000000"), open_epoch(uow)
    gone.closed = True
    uow.flush()
    delivery = UnitOfWork(connection).delivery
    assert delivery.epochs("bus-7", Stream.PAYMENTS) == {EPOCH: here}
    delivery.recall("bus-7", {"00000000", EPOCH, "ffffffff"})
    assert delivery.epochs("bus-7", Stream.PAYMENTS) == {EPOCH: here, "00000000": gone}
    with traced(connection) as statements:
        delivery.flush()
    assert statements == []


def test_only_epochs_that_changed_are_written(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    open_epoch(uow)
    open_epoch(uow, name="00000000")
    uow.flush()
    uow = UnitOfWork(connection)
    uow.delivery.epochs("bus-7", Stream.PAYMENTS)[EPOCH].watermark = 5
    with traced(connection) as statements:
        uow.flush()
        uow.flush()
    (written,) = (s for s in statements if s.startswith("INSERT INTO device_epoch"))
    assert f"VALUES ('bus-7', 'payments', '{EPOCH}', 0, 5, " in written


def test_many_devices_and_ids_are_read_by_a_few_queries(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    for number in range(200):
        uow.delivery.accept(f"bus-{number}", open_epoch(uow, f"bus-{number}"), line(number), b"hash", NOW_MS)
    uow.flush()
    uow = UnitOfWork(connection)
    names = [(f"bus-{number}", line(number).id) for number in range(300)]
    with traced(connection) as statements:
        uow.delivery.load({f"bus-{number}" for number in range(200)})
        assert uow.delivery.known_ids(names) == set(names[:200])
        assert all(uow.delivery.epochs(f"bus-{number}", Stream.PAYMENTS) for number in range(200))
    assert len(statements) == 4


def test_line_that_was_accepted_is_known_at_once_and_after(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    here = open_epoch(uow)
    assert uow.delivery.known("bus-7", line(1).id) is None
    uow.delivery.accept("bus-7", here, line(1), b"hash", NOW_MS)
    assert uow.delivery.known("bus-7", line(1).id) == b"hash"
    uow.flush()
    again = UnitOfWork(connection).delivery
    assert again.known("bus-7", line(1).id) == b"hash"
    assert again.known("bus-8", line(1).id) is None
    assert rows(connection, tables.inbox)[0]["line"] == b'{"seq":1}'


def test_contexts_are_kept_once_and_never_replaced(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    uow.delivery.keep_contexts("bus-7", {"c1": "sealed", "c2": "other", "bad": "\ud800"})
    uow.flush()
    uow = UnitOfWork(connection)
    uow.delivery.keep_contexts("bus-7", {"c1": "replaced", "c3": "third"})
    uow.flush()
    kept = UnitOfWork(connection).delivery.contexts("bus-7", {"c1", "c3", "c9"})
    assert kept == {"c1": "sealed", "c3": "third"}


def test_later_events_of_a_subject_wait_with_a_quarantined_one_until_it_is_settled(
    connection: Connection,
) -> None:
    uow = UnitOfWork(connection)
    here = HubEpoch(stream=Stream.CASES, epoch=EPOCH, chain=None)
    uow.delivery.quarantine("bus-7", here, line(1, "person-1"), "poison", NOW_MS)
    uow.delivery.quarantine("bus-7", here, line(2), "malformed", NOW_MS)
    assert uow.delivery.waits("bus-7", "person-1")
    uow.flush()
    delivery = UnitOfWork(connection).delivery
    assert delivery.waits("bus-7", "person-1")
    assert not delivery.waits("bus-7", "person-2")
    assert not delivery.waits("bus-8", "person-1")

    quarantine = QuarantineRepository(connection)
    first, second = quarantine.waiting("bus-7")
    assert (first.seq, first.reason, first.line, second.seq) == (1, "poison", b'{"seq":1}', 2)
    assert [row.seq for row in quarantine.waiting("bus-7", "person-1")] == [1]
    assert quarantine.settle([first.id], Verdict.RELEASED) == 1
    assert quarantine.settle([first.id, second.id], Verdict.DISCARDED) == 1
    assert quarantine.waiting() == []
    assert not UnitOfWork(connection).delivery.waits("bus-7", "person-1")


def test_loss_record_is_resolved_line_by_line_and_stays(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    here = open_epoch(uow)
    uow.delivery.lose("bus-7", here, 3, 5, LossReason.GONE, possibly_more=True, at_ms=NOW_MS)
    uow.delivery.lose(
        "bus-7", replace(here, epoch="00000000"), 3, 5, LossReason.GONE, possibly_more=True, at_ms=1
    )
    uow.flush()
    for found in ((2, 3, 6), (3,), (5, 4)):
        uow = UnitOfWork(connection)
        for seq in found:
            uow.delivery.found("bus-7", here, seq)
        uow.flush()
        record = rows(connection, tables.loss_record)[0]
        assert (record["first_seq"], record["last_seq"]) == (3, 5)
        assert (record["found"], record["resolved"]) == ((1, False) if found != (5, 4) else (3, True))
    assert rows(connection, tables.loss_record)[1]["found"] == 0


def test_loss_that_is_recorded_and_found_in_one_transaction_is_resolved(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    here = open_epoch(uow)
    uow.delivery.lose("bus-7", here, 1, 1, LossReason.FORK, possibly_more=False, at_ms=NOW_MS)
    uow.delivery.found("bus-7", here, 1)
    uow.flush()
    assert rows(connection, tables.loss_record)[0]["resolved"] is True


def test_birth_says_whether_the_device_went_on_from_the_last_one(connection: Connection) -> None:
    rises = []
    for boot, uptime_ms in ((1, 100), (1, 200), (2, 50), (2, 50), (1, 900)):
        uow = UnitOfWork(connection)
        rises.append(uow.delivery.born("bus-7", birth(boot, uptime_ms), NOW_MS, welcomed_ms=NOW_MS))
        uow.flush()
    assert rises == [True, True, True, False, False]
    (device,) = rows(connection, tables.device)
    assert (device["last_birth_boot"], device["waiting_ms"], device["firmware"]) == (
        1,
        {"payments": 7},
        "1.2",
    )


def test_birth_leaves_what_enrolment_wrote(connection: Connection) -> None:
    connection.execute(tables.device.insert().values(id="bus-7", kind="bus", site="L1", enrolled_ms=5))
    uow = UnitOfWork(connection)
    uow.delivery.born("bus-7", birth(1, 1), NOW_MS, welcomed_ms=NOW_MS)
    uow.flush()
    (device,) = rows(connection, tables.device)
    assert (device["kind"], device["site"], device["enrolled_ms"]) == ("bus", "L1", 5)


def test_unit_of_work_that_is_dropped_leaves_nothing(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    uow.delivery.accept("bus-7", open_epoch(uow), line(1), b"hash", NOW_MS)
    uow.delivery.raise_exception("forged", None, {}, NOW_MS)
    assert not any(rows(connection, table) for table in tables.metadata.sorted_tables)


def test_first_welcome_of_a_boot_stays_and_is_seen_at_once(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    uow.delivery.born("bus-7", birth(1, 100), NOW_MS, welcomed_ms=NOW_MS - 1)
    assert uow.delivery.anchors("bus-7") == (Anchor(1, 100, NOW_MS - 1),)
    uow.delivery.born("bus-7", birth(1, 200), NOW_MS, welcomed_ms=NOW_MS)
    uow.delivery.born("bus-7", birth(2, 50), NOW_MS, welcomed_ms=NOW_MS)
    expected = (Anchor(1, 100, NOW_MS - 1), Anchor(2, 50, NOW_MS))
    assert uow.delivery.anchors("bus-7") == expected
    uow.flush()
    uow = UnitOfWork(connection)
    uow.delivery.born("bus-7", birth(2, 60), NOW_MS, welcomed_ms=NOW_MS + 1)
    assert uow.delivery.anchors("bus-7") == expected
    uow.flush()
    assert UnitOfWork(connection).delivery.anchors("bus-7") == expected
    assert UnitOfWork(connection).delivery.anchors("bus-8") == ()


def test_welcomes_of_old_boots_are_forgotten(connection: Connection) -> None:
    for name in ("bus-7", "bus-8"):
        for boot in range(1, BOOTS_KEPT + 3 if name == "bus-7" else 3):
            uow = UnitOfWork(connection)
            uow.delivery.born(name, birth(boot, 1), NOW_MS, welcomed_ms=NOW_MS)
            uow.flush()
    kept = [(row["device"], row["boot"]) for row in rows(connection, tables.device_boot)]
    assert kept == [*(("bus-7", boot) for boot in range(3, BOOTS_KEPT + 3)), ("bus-8", 1), ("bus-8", 2)]


def test_welcomes_of_many_devices_are_read_by_one_query(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    names = {f"bus-{number}" for number in range(50)}
    with traced(connection) as statements:
        uow.delivery.load_anchors(names)
        assert all(uow.delivery.anchors(name) == () for name in names)
    assert len(statements) == 1
