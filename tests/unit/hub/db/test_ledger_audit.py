"""The audit: clean books are clean, and whoever touches them behind the ledger's back is seen."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from sqlalchemy import Connection, text

from hub.db import tables
from hub.db.ledger_audit import CounterGap, audit, counter_gaps, note_counter_gaps
from hub.db.unit_of_work import UnitOfWork
from hub.domain.payments.accounts import AccountKind
from hub.domain.payments.audit import Drift, Moved
from hub.domain.payments.booking import Kind
from hub.usecases.take_event import take
from tests.support.hub_database import NOW_MS, Street, fresh_database, rows, take_all

DAY_MS = 86_400_000


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = fresh_database()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def take_at(connection: Connection, now_ms: int, street: Street, *counters: int) -> None:
    uow = UnitOfWork(connection)
    for counter in counters:
        take(street.tap("card-1", counter, 10), uow, now_ms)
    uow.flush()


def test_empty_books_are_clean(connection: Connection) -> None:
    report = audit(connection)
    assert report.is_clean
    assert (report.entries, report.first_id, report.moved) == (0, None, {})


def test_balances_of_a_currency_that_do_not_add_up_to_nothing_are_not_clean(connection: Connection) -> None:
    report = audit(connection)
    fees, card = (AccountKind.REVENUE, "EUR"), (AccountKind.CLEARING, "EUR")
    assert replace(report, balances={fees: 500, card: -500}).is_clean
    assert not replace(report, balances={fees: 500, card: -400}).is_clean
    assert not replace(report, balances={fees: 500, (AccountKind.CLEARING, "GBP"): -500}).is_clean


def test_report_says_what_moved_and_where_it_lies(connection: Connection) -> None:
    street = Street()
    fee = street.payment(4250)
    events = [street.credit("card-1", 1, 1000), *(street.tap("card-1", n, 700) for n in (2, 3)), fee]
    take_all(connection, [*events, street.reversal(fee), street.tap("card-1", 3, 700)])
    report = audit(connection)
    assert report.is_clean
    assert report.moved == {
        (Kind.CREDIT, "EUR"): Moved(1, 1000),
        (Kind.TAP, "EUR"): Moved(2, 1400),
        (Kind.PAYMENT, "EUR"): Moved(1, 4250),
        (Kind.REVERSAL, "EUR"): Moved(1, 4250),
    }
    assert report.balances[AccountKind.PURSE, "EUR"] == -400
    assert report.balances[AccountKind.REVENUE, "EUR"] == 1400
    assert (report.entries, report.postings, report.first_id, report.last_id) == (6, 5, 1, 6)


def test_day_is_closed_by_when_it_was_booked_in_madrid(connection: Connection) -> None:
    street = Street()
    take_at(connection, NOW_MS, street, 1, 2)
    before = audit(connection, "2026-11-21")
    take_at(connection, NOW_MS + DAY_MS, street, 3)
    assert audit(connection, "2026-11-21") == replace(before, balances=audit(connection).balances)
    assert audit(connection, "2026-11-22").entries == 1
    assert audit(connection, "2026-11-23").entries == 0


def test_hash_is_that_of_the_very_rows(connection: Connection) -> None:
    take_at(connection, NOW_MS, Street(), 1, 2)
    copy, other = fresh_database(), fresh_database()
    with copy.connect() as same, other.connect() as another:
        take_at(same, NOW_MS, Street(), 1, 2)
        take_at(another, NOW_MS, Street(), 1, 3)
        assert audit(same).journal_hash == audit(connection).journal_hash
        assert audit(another).journal_hash != audit(connection).journal_hash


def test_balance_that_was_changed_by_hand_is_seen(connection: Connection) -> None:
    take_at(connection, NOW_MS, Street(), 1)
    connection.execute(text("UPDATE account SET balance_minor = 11 WHERE code = 'revenue:transport'"))
    report = audit(connection)
    assert report.drifts == [Drift("revenue:transport", "EUR", 11, 10)]
    assert not report.is_clean


def test_posting_between_two_currencies_is_seen(connection: Connection) -> None:
    street = Street()
    take_all(connection, [street.tap("card-1", 1, 10), street.tap("card-1", 2, 10, "USD")])
    connection.execute(text("INSERT INTO posting VALUES (1, 2, 1, 3, 5)"))
    report = audit(connection)
    assert report.mixed == [1]
    assert not report.is_clean


def test_gap_in_a_counter_is_known_once_nothing_older_can_come(connection: Connection) -> None:
    street = Street()
    take_at(connection, NOW_MS, street, 1, 2, 5)
    take_at(connection, NOW_MS + DAY_MS, street, 9)
    assert counter_gaps(connection, NOW_MS) == []
    assert counter_gaps(connection, NOW_MS + 1) == [CounterGap(subject="card-1", first=3, last=4)]
    take_at(connection, NOW_MS + DAY_MS, street, 4)
    assert counter_gaps(connection, NOW_MS + 1) == []
    assert counter_gaps(connection, NOW_MS + DAY_MS + 1) == [
        CounterGap(subject="card-1", first=3, last=3),
        CounterGap(subject="card-1", first=6, last=8),
    ]


def detail_of(case: Mapping[str, object]) -> dict[str, Any]:
    """What a case says."""
    return cast("dict[str, Any]", case["detail"])


def test_clerk_is_told_of_a_gap_once(connection: Connection) -> None:
    take_at(connection, NOW_MS, Street(), 1, 3)
    assert note_counter_gaps(connection, NOW_MS + DAY_MS, 35 * DAY_MS) == 0
    assert note_counter_gaps(connection, NOW_MS + 36 * DAY_MS, 35 * DAY_MS) == 1
    assert note_counter_gaps(connection, NOW_MS + 37 * DAY_MS, 35 * DAY_MS) == 0
    (case,) = rows(connection, tables.exception)
    gap = {name: detail_of(case)[name] for name in ("subject", "first", "last")}
    assert (case["kind"], gap) == ("card_counter_gap", {"subject": "card-1", "first": 2, "last": 2})


def test_gap_that_is_filled_late_is_closed_and_what_still_lacks_is_told(connection: Connection) -> None:
    street = Street()
    take_at(connection, NOW_MS, street, 1, 5)
    note_counter_gaps(connection, NOW_MS + 36 * DAY_MS, 35 * DAY_MS)
    take_at(connection, NOW_MS + 36 * DAY_MS, street, 3)
    assert note_counter_gaps(connection, NOW_MS + 37 * DAY_MS, 35 * DAY_MS) == 0
    (told,) = rows(connection, tables.exception)
    assert told["resolved_ms"] == NOW_MS + 37 * DAY_MS
    assert note_counter_gaps(connection, NOW_MS + 72 * DAY_MS, 35 * DAY_MS) == 2
    cases = [detail_of(row) for row in rows(connection, tables.exception) if row["resolved_ms"] is None]
    assert [(case["first"], case["last"]) for case in cases] == [(2, 2), (4, 4)]
    assert "ventanilla hub cards taps --card card-1" in cases[0]["explanation"]
