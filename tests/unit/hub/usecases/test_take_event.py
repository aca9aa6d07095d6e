"""One event's rows and its work towards the core, on a real database."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select

from hub.db import tables
from hub.db.ledger_audit import audit
from hub.db.unit_of_work import UnitOfWork
from hub.domain.payments.errors import NotReversibleError, PaymentConflictError, UnknownPaymentError
from hub.domain.service_requests.errors import ReferenceTakenError
from hub.usecases.take_event import take
from shared.model.errors import InputError
from shared.model.event import Event
from shared.model.ids import effect_key
from tests.support.hub_database import NOW_MS, Street, fresh_database, rows, take_all


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = fresh_database()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def street() -> Street:
    return Street()


def balances(connection: Connection) -> dict[str, int]:
    query = select(tables.account.c.code, tables.account.c.balance_minor)
    return {row.code: row.balance_minor for row in connection.execute(query) if row.balance_minor}


def outgoing(connection: Connection) -> list[tuple[str, str, Mapping[str, object]]]:
    work = rows(connection, tables.outgoing)
    return [(str(row["connector"]), str(row["aggregate"]), json.loads(str(row["body"]))) for row in work]


def exceptions(connection: Connection) -> list[object]:
    return [row["kind"] for row in rows(connection, tables.exception)]


@pytest.mark.parametrize("ahead", [True, False])
def test_tap_moves_money_from_the_purse_and_tells_the_core(
    connection: Connection, street: Street, *, ahead: bool
) -> None:
    credit, tap = street.credit("card-1", 1, 1000), street.tap("card-1", 2, 150)
    take_all(connection, [credit, tap], ahead=ahead)
    assert balances(connection) == {"device_cash:bus-7": -1000, "purse:card-1": 850, "revenue:transport": 150}
    (_, _, told_credit), (connector, aggregate, told) = outgoing(connection)
    assert (connector, aggregate) == ("settlements", "purse:card-1")
    assert told_credit["amount_minor"] == 1000
    assert told == {
        "key": str(effect_key("bus-7", tap.id, "payment")),
        "kind": "tap",
        "amount_minor": 150,
        "currency": "EUR",
        "device": "bus-7",
        "event_id": tap.id,
        "occurred_datetime": "2026-11-21T10:00:00Z",
        "clock_trusted": True,
        "subject": "card-1",
        "counter": 2,
        "product": "sencillo",
    }
    assert rows(connection, tables.journal)[1]["business_day"] == "2026-11-21"
    assert audit(connection).is_clean


def test_tap_that_the_purse_does_not_cover_is_booked_against_offline_risk(
    connection: Connection, street: Street
) -> None:
    take_all(
        connection, [street.tap("card-1", 1, 450), street.tap("card-1", 2, 150), street.tap("card-1", 3, 90)]
    )
    assert balances(connection) == {"purse:card-1": -500, "offline_risk": -190, "revenue:transport": 690}
    assert [told.get("uncovered_minor") for _, _, told in outgoing(connection)] == [None, 100, 90]
    assert exceptions(connection) == ["purse_below_floor", "purse_below_floor"]
    assert audit(connection).is_clean


def test_tap_that_takes_a_purse_to_its_very_floor_is_covered(connection: Connection, street: Street) -> None:
    take_all(connection, [street.tap("card-1", 1, 500)])
    assert balances(connection) == {"purse:card-1": -500, "revenue:transport": 500}
    assert exceptions(connection) == []


def test_tap_that_costs_nothing_moves_the_counter_and_no_money(
    connection: Connection, street: Street
) -> None:
    take_all(connection, [street.tap("card-1", 5, 0), street.tap("card-1", 5, 0)])
    assert balances(connection) == {}
    assert [row["kind"] for row in rows(connection, tables.journal)] == ["tap", "tap_repeated"]
    assert exceptions(connection) == ["card_counter_repeat"]
    assert outgoing(connection) == []
    assert audit(connection).is_clean


def test_second_tap_under_one_counter_is_recorded_and_not_charged(
    connection: Connection, street: Street
) -> None:
    first, second = street.tap("card-1", 5), street.tap("card-1", 5)
    take_all(connection, [first])
    take_all(connection, [second])
    assert balances(connection) == {"purse:card-1": -150, "revenue:transport": 150}
    assert [row["kind"] for row in rows(connection, tables.journal)] == ["tap", "tap_repeated"]
    assert exceptions(connection) == ["card_counter_repeat"]
    assert len(outgoing(connection)) == 1
    take_all(connection, [second])
    assert exceptions(connection) == ["card_counter_repeat"]


def test_second_credit_under_one_counter_lies_in_suspense(connection: Connection, street: Street) -> None:
    take_all(connection, [street.credit("card-1", 5), street.credit("card-1", 5)])
    assert balances(connection) == {"device_cash:bus-7": -2000, "purse:card-1": 1000, "suspense": 1000}
    assert exceptions(connection) == ["card_counter_repeat"]


@pytest.mark.parametrize(
    ("method", "source"),
    [("card", "clearing:card"), ("cash", "device_cash:bus-7"), ("purse", "purse:card-1")],
)
def test_fee_is_paid_from_where_it_was_paid(
    connection: Connection, street: Street, method: str, source: str
) -> None:
    take_all(connection, [street.payment(450, method, "card-1" if method == "purse" else None)])
    assert balances(connection) == {source: -450, "revenue:fees:basuras": 450}


def test_every_event_taken_again_changes_nothing(connection: Connection, street: Street) -> None:
    events = [
        street.credit("card-1", 1),
        street.tap("card-1", 2),
        street.tap("card-1", 2),
        street.payment(),
        street.report(),
        street.event("notice.shown", {"notice": "corte", "version": 1}),
        street.event("device.state", {"key": "printer", "state": "ok"}),
        street.event("device.counters", {"free_ride": 1}),
    ]
    events.append(street.reversal(events[3]))
    take_all(connection, events + events)
    before = [rows(connection, table) for table in tables.metadata.sorted_tables]
    take_all(connection, list(reversed(events)))
    assert [rows(connection, table) for table in tables.metadata.sorted_tables] == before
    assert len(outgoing(connection)) == 6


def test_same_id_with_another_body_is_a_conflict_for_a_clerk(connection: Connection, street: Street) -> None:
    tap = street.tap("card-1", 1)
    other = replace(tap, data={**tap.data, "amount_minor": 999})
    take_all(connection, [tap])
    uow = UnitOfWork(connection)
    with pytest.raises(PaymentConflictError):
        take(other, uow, NOW_MS)
    uow.flush()
    assert exceptions(connection) == ["payment_conflict"]
    assert balances(connection)["revenue:transport"] == 150


def test_one_id_on_two_devices_is_two_events(connection: Connection, street: Street) -> None:
    tap = street.tap("card-1", 1)
    take_all(connection, [tap, replace(tap, device="bus-8", subject="card-2")])
    assert balances(connection)["revenue:transport"] == 300


@pytest.mark.parametrize("together", [True, False])
def test_reversal_gives_everything_back_after_what_it_undoes(
    connection: Connection, street: Street, *, together: bool
) -> None:
    tap = street.tap("card-1", 1, 700)
    reversal = street.reversal(tap)
    for group in [[tap, reversal]] if together else [[tap], [reversal]]:
        take_all(connection, group)
    assert balances(connection) == {}
    told = outgoing(connection)
    assert [aggregate for _, aggregate, _ in told] == ["purse:card-1", "purse:card-1"]
    assert [body["amount_minor"] for _, _, body in told] == [700, -700]
    assert told[1][2]["reverses"] == told[0][2]["key"]
    assert audit(connection).is_clean


@pytest.mark.parametrize("together", [True, False])
def test_tap_that_a_driver_undid_gives_everything_back_and_takes_a_counter(
    connection: Connection, street: Street, *, together: bool
) -> None:
    tap = street.tap("card-1", 1, 700)
    undone = street.cancel(tap, 2)
    for group in [[tap, undone]] if together else [[tap], [undone]]:
        take_all(connection, group)
    assert balances(connection) == {}
    told = outgoing(connection)
    assert [aggregate for _, aggregate, _ in told] == ["purse:card-1", "purse:card-1"]
    assert [(body["kind"], body["amount_minor"], body["counter"]) for _, _, body in told] == [
        ("tap", 700, 1),
        ("reversal", -700, 2),
    ]
    assert told[1][2]["reverses"] == told[0][2]["key"]
    assert [row["counter"] for row in rows(connection, tables.card_counter)] == [1, 2]
    assert audit(connection).is_clean
    take_all(connection, [undone])
    assert len(rows(connection, tables.journal)) == 2


def test_transfer_that_a_driver_undid_moves_the_counter_and_no_money(
    connection: Connection, street: Street
) -> None:
    tap = street.tap("card-1", 1, 0)
    take_all(connection, [tap, street.cancel(tap, 2)])
    assert balances(connection) == {}
    assert [row["counter"] for row in rows(connection, tables.card_counter)] == [1, 2]
    assert outgoing(connection) == []


def test_tap_undone_under_a_counter_that_is_used_is_recorded_and_gives_nothing_back(
    connection: Connection, street: Street
) -> None:
    tap, next_tap = street.tap("card-1", 1, 150), street.tap("card-1", 2, 150)
    take_all(connection, [street.credit("card-1", 9), tap, next_tap, street.cancel(tap, 2)])
    assert balances(connection)["revenue:transport"] == 300
    assert exceptions(connection) == ["card_counter_repeat"]


def test_tap_undone_that_is_no_tap_of_this_card_is_refused(connection: Connection, street: Street) -> None:
    tap, credit, other = street.tap("card-1", 1), street.credit("card-1", 2), street.tap("card-2", 1)
    undone, repeated = street.cancel(tap, 3), street.cancel(other, 1)
    take_all(connection, [credit, tap, other, undone, repeated])
    before = balances(connection)
    for wrong, error in (
        (street.cancel(street.tap("card-1", 9), 10), UnknownPaymentError),
        (Street(device="bus-8").cancel(tap, 10), UnknownPaymentError),
        (street.cancel(tap, 10), NotReversibleError),
        (street.cancel(replace(credit, data=tap.data), 10), NotReversibleError),
        (street.cancel(replace(other, subject="card-1"), 10), NotReversibleError),
        (street.cancel(other, 10, 149), NotReversibleError),
        (street.cancel(undone, 10), NotReversibleError),
        (street.cancel(repeated, 10), NotReversibleError),
        (street.reversal(undone), NotReversibleError),
        (street.reversal(tap), NotReversibleError),
    ):
        uow = UnitOfWork(connection)
        with pytest.raises(error):
            take(wrong, uow, NOW_MS)
        uow.flush()
    assert balances(connection) == before


def test_reversal_of_a_fee_waits_for_the_fee(connection: Connection, street: Street) -> None:
    fee = street.payment()
    take_all(connection, [fee, street.reversal(fee)])
    first, second = (aggregate for _, aggregate, _ in outgoing(connection))
    assert first == second


def test_reversal_of_a_credit_that_is_spent_is_booked_all_the_same(
    connection: Connection, street: Street
) -> None:
    credit = street.credit("card-1", 1, 1000)
    take_all(connection, [credit, street.tap("card-1", 2, 900), street.reversal(credit)])
    assert balances(connection) == {"purse:card-1": -500, "offline_risk": -400, "revenue:transport": 900}
    assert exceptions(connection) == ["purse_below_floor"]


def test_reversal_that_names_nothing_to_undo_is_refused(connection: Connection, street: Street) -> None:
    tap, repeated = street.tap("card-1", 1), street.tap("card-1", 1)
    reversal = street.reversal(tap)
    take_all(connection, [tap, repeated, reversal])
    before = balances(connection)
    elsewhere = Street(device="bus-8")
    for wrong, error in (
        (street.reversal(street.tap("card-1", 9)), UnknownPaymentError),
        (street.reversal(tap), NotReversibleError),
        (street.reversal(reversal), NotReversibleError),
        (street.reversal(repeated), NotReversibleError),
        (elsewhere.reversal(tap), UnknownPaymentError),
    ):
        uow = UnitOfWork(connection)
        with pytest.raises(error):
            take(wrong, uow, NOW_MS)
        uow.flush()
    assert balances(connection) == before


def test_purses_of_two_currencies_do_not_mix(connection: Connection, street: Street) -> None:
    take_all(connection, [street.credit("card-1", 1, 1000), street.tap("card-1", 2, 100, "USD")])
    report = audit(connection)
    assert report.is_clean
    assert {currency for _, currency in report.balances} == {"EUR", "USD"}


def test_report_enters_the_register_and_goes_to_the_core(connection: Connection, street: Street) -> None:
    report = street.report(
        lat=40.4,
        long=-3.7,
        address="Calle Mayor 1",
        contact={"name": "Ana"},
        requested_datetime="2026-11-20T09:00:00+01:00",
        attributes={"tamano": "l", "riesgo": ["p", "c"]},
        braille=True,
    )
    take_all(connection, [report])
    (row,) = rows(connection, tables.service_request)
    assert (row["reference"], row["status"], row["contact"]) == ("7KXM-2PRT-94VW", "open", {"name": "Ana"})
    ((connector, aggregate, body),) = outgoing(connection)
    assert (connector, aggregate) == ("open311", "7KXM-2PRT-94VW")
    assert body == {
        "reference": "7KXM-2PRT-94VW",
        "service_code": "aceras",
        "description": "Baldosa suelta",
        "lat": 40.4,
        "long": -3.7,
        "address": "Calle Mayor 1",
        "contact": {"name": "Ana"},
        "requested_datetime": "2026-11-20T08:00:00Z",
        "attributes": {"tamano": "l", "riesgo": ["p", "c"], "channel": "kiosk"},
        "extra": {"braille": True},
    }


def test_report_from_the_future_was_made_when_it_arrived(connection: Connection, street: Street) -> None:
    take_all(connection, [replace(street.report(), time_ms=NOW_MS + 10**9)])
    assert rows(connection, tables.service_request)[0]["requested_ms"] == NOW_MS


def test_reference_that_another_report_has_is_refused(connection: Connection, street: Street) -> None:
    take_all(connection, [street.report()])
    with pytest.raises(ReferenceTakenError):
        take(street.report(), UnitOfWork(connection), NOW_MS)


def test_consent_names_the_person_and_a_notice_that_was_shown_does_not(
    connection: Connection, street: Street
) -> None:
    data = {"notice": "corte", "version": 2}
    take_all(
        connection,
        [street.event("notice.shown", data), street.event("notice.consented", data, subject="person-1")],
    )
    assert [aggregate for _, aggregate, _ in outgoing(connection)] == ["corte/bus-7", "corte/person-1"]
    with pytest.raises(InputError):
        take(street.event("notice.subscribed", data), UnitOfWork(connection), NOW_MS)


def test_newest_word_of_a_device_replaces_the_one_before(connection: Connection, street: Street) -> None:
    take_all(connection, [street.event("device.state", {"key": "printer", "state": "failed"})])
    take_all(connection, [street.event("device.state", {"key": "printer", "state": "ok"}, time_ms=5)])
    take_all(connection, [street.event("device.counters", {"free_ride": 2})])
    (state,) = rows(connection, tables.device_state)
    assert (state["state"], state["time_ms"]) == ("ok", 5)
    assert rows(connection, tables.device_counters)[0]["counters"] == {"free_ride": 2}


@pytest.mark.parametrize(
    ("kind", "data", "subject"),
    [
        ("coffee.served", {}, None),
        ("tap.charged", {}, "card-1"),
        ("tap.charged", {"counter": 1, "amount_minor": 1, "currency": "EUR", "product": "x"}, None),
        ("tap.charged", {"counter": 1, "amount_minor": 1, "currency": "EUR", "product": "x"}, "a\0b"),
        ("payment.reversed", {"reverses": "x", "reason": "y"}, None),
    ],
)
def test_event_that_cannot_be_understood_is_refused_and_writes_nothing(
    connection: Connection, street: Street, kind: str, data: Mapping[str, object], subject: str | None
) -> None:
    uow = UnitOfWork(connection)
    with pytest.raises(InputError):
        take(street.event(kind, data, subject=subject), uow, NOW_MS)
    uow.flush()
    assert not any(rows(connection, table) for table in tables.metadata.sorted_tables)


def test_order_of_devices_in_a_group_does_not_matter_to_the_books(connection: Connection) -> None:
    def day(turn: int) -> list[Event]:
        buses = [Street(device=f"bus-{number}") for number in range(3)]
        events = [bus.tap(f"card-{counter % 2}", counter) for counter, bus in enumerate(buses * 3)]
        return events[turn:] + events[:turn]

    take_all(connection, day(0))
    first = balances(connection)
    other = fresh_database()
    with other.connect() as again:
        take_all(again, day(4))
        assert balances(again) == first
