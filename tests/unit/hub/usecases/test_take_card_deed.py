"""What a card's deed at a desk does to the books, on a real database; a second time it does nothing."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select

from card_reader.citizen_card.journal import Deed, Record
from hub.db import tables
from hub.db.ledger_audit import audit
from hub.db.unit_of_work import UnitOfWork
from hub.domain.cards.orders import Do, Order
from hub.domain.cards.ports import Intended
from hub.domain.payments.errors import PaymentConflictError
from hub.usecases.take_card_deed import take_card_deed
from shared.model.ids import new_event_id
from shared.model.payment import CreditMethod, Method
from tests.support.hub_database import NOW_MS, Street, fresh_database, rows, take_all

CARD, LOST_CARD = "card-1", "card-0"
SECOND_MS = 1000


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = fresh_database()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def meant(
    what: Do,
    counter: int,
    amount_minor: int = 0,
    number: int = 901,
    *,
    method: str = "cash",
    replaces: str = "",
    price_minor: int = 0,
    paid_by: Method = Method.CASH,
) -> Intended:
    """A deed of a desk with a card."""
    return Intended(
        order=Order(
            id=new_event_id(NOW_MS, number.to_bytes(10, "big")),
            do=what,
            who="ana",
            method=CreditMethod(method),
            replaces=replaces,
            amount_minor=price_minor,
            paid_by=paid_by,
        ),
        device="desk-1",
        subject=CARD,
        card_uid=bytes(7),
        record=Record(
            deed=Deed.REFUNDED,
            counter=counter,
            at_s=NOW_MS // SECOND_MS,
            terminal=1,
            mark=bytes(4),
            amount_minor=amount_minor,
            balance_minor=0,
        ),
    )


def do(connection: Connection, *deeds: Intended) -> None:
    uow = UnitOfWork(connection)
    for deed in deeds:
        take_card_deed(deed, uow, NOW_MS)
    uow.flush()


def balances(connection: Connection) -> dict[str, int]:
    query = select(tables.account.c.code, tables.account.c.balance_minor)
    assert audit(connection).is_clean
    return {row.code: row.balance_minor for row in connection.execute(query) if row.balance_minor}


def exceptions(connection: Connection) -> list[object]:
    return [row["kind"] for row in rows(connection, tables.exception)]


def journal(connection: Connection) -> list[tuple[object, object]]:
    return [(row["kind"], row["counter"]) for row in rows(connection, tables.journal)]


@pytest.mark.parametrize(
    ("method", "left"), [("cash", {"clearing:card": -1000, "device_cash:desk-1": 1000}), ("card", {})]
)
def test_refund_hands_out_what_is_in_the_purse_once(
    connection: Connection, method: str, left: dict[str, int]
) -> None:
    take_all(connection, [Street("desk-1").credit(CARD, 1, 1000, method="card")])
    refund = meant(Do.REFUND, 2, -1000, method=method)
    do(connection, refund)
    do(connection, refund)
    assert balances(connection) == left
    assert journal(connection) == [("credit", 1), ("refund", 2)]
    assert exceptions(connection) == []
    told = [row for row in rows(connection, tables.outgoing) if '"refund"' in str(row["body"])]
    assert len(told) == 1


def test_refund_under_a_used_counter_is_told_to_a_clerk(connection: Connection) -> None:
    take_all(connection, [Street("desk-1").credit(CARD, 2, 1000)])
    do(connection, meant(Do.REFUND, 2, -1000))
    assert exceptions(connection) == ["card_counter_repeat"]
    do(connection, meant(Do.REFUND, 3, -501, number=902))
    assert exceptions(connection) == ["card_counter_repeat", "purse_below_floor"]


def test_money_of_a_lost_card_goes_once_to_the_one_that_replaces_it(connection: Connection) -> None:
    take_all(connection, [Street("desk-1").credit(LOST_CARD, 1, 1000)])
    moved = meant(Do.REPLACE, 1, 1000, replaces=LOST_CARD)
    do(connection, moved)
    do(connection, moved)
    assert balances(connection) == {"device_cash:desk-1": -1000, f"purse:{CARD}": 1000}
    assert journal(connection) == [("credit", 1), ("replacement", 1)]


@pytest.mark.parametrize(
    ("paid_by", "left"),
    [
        (Method.PURSE, {f"purse:{CARD}": 700}),
        (Method.CASH, {f"purse:{CARD}": 1000, "device_cash:desk-1": -300}),
        (Method.CARD, {f"purse:{CARD}": 1000, "clearing:card": -300}),
    ],
)
def test_sale_is_booked_once_from_where_it_was_paid(
    connection: Connection, paid_by: Method, left: dict[str, int]
) -> None:
    take_all(connection, [Street("desk-2").credit(CARD, 1, 1000)])
    sale = meant(Do.SELL, 2, price_minor=300, paid_by=paid_by)
    do(connection, sale)
    do(connection, sale)
    assert balances(connection) == {"device_cash:desk-2": -1000, "revenue:transport": 300, **left}
    assert journal(connection) == [("credit", 1), ("payment", 2)]
    assert exceptions(connection) == []
    told = [row for row in rows(connection, tables.outgoing) if '"transport"' in str(row["body"])]
    assert len(told) == 1


def test_sale_under_a_used_counter_is_told_to_a_clerk(connection: Connection) -> None:
    take_all(connection, [Street("desk-1").credit(CARD, 2, 1000)])
    do(connection, meant(Do.SELL, 2, price_minor=300))
    assert exceptions(connection) == ["card_counter_repeat"]


@pytest.mark.parametrize("what", [Do.ISSUE, Do.BLOCK, Do.UNBLOCK, Do.REPLACE])
def test_deed_without_money_uses_a_counter_once(connection: Connection, what: Do) -> None:
    deed = meant(what, 4)
    do(connection, deed)
    do(connection, deed)
    assert (journal(connection), balances(connection)) == ([("card_deed", 4)], {})


@pytest.mark.parametrize(
    ("what", "amount_minor"), [(Do.REFUND, -500), (Do.REPLACE, 500), (Do.BLOCK, 0), (Do.SELL, 0)]
)
def test_deed_of_the_same_id_and_another_content_is_a_conflict(
    connection: Connection, what: Do, amount_minor: int
) -> None:
    first = meant(what, 4, amount_minor, replaces=LOST_CARD, price_minor=300)
    do(connection, first)
    with pytest.raises(PaymentConflictError):
        do(connection, replace(first, record=replace(first.record, counter=5)))


def test_reading_a_card_books_nothing(connection: Connection) -> None:
    do(connection, meant(Do.READ, 4))
    assert journal(connection) == []


@pytest.mark.parametrize(("method", "repeats"), [("purse", ["card_counter_repeat"]), ("cash", [])])
def test_charge_under_a_used_counter_is_told_only_where_the_purse_paid(
    connection: Connection, method: str, repeats: list[str]
) -> None:
    street = Street("desk-1")
    fee = street.payment(300, method, CARD)
    fee = replace(fee, data={**fee.data, "counter": 1})
    take_all(connection, [street.credit(CARD, 1, 1000), fee])
    assert exceptions(connection) == repeats
    assert journal(connection)[1] == ("payment", 1 if method == "purse" else None)


def test_charge_of_the_same_id_under_another_counter_is_a_conflict(connection: Connection) -> None:
    fee = Street("desk-1").payment(300, "purse", CARD)
    take_all(connection, [replace(fee, data={**fee.data, "counter": 1})])
    with pytest.raises(PaymentConflictError):
        take_all(connection, [replace(fee, data={**fee.data, "counter": 2})])
