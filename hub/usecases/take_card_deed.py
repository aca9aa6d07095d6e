"""What a card's deed at a desk does to the books: the same as a terminal's event would, in one transaction.

A top-up is money that the town owes, a charge money that it earned; a refund ends the one. What moved no
money still used a counter of the card, and is booked as such: a hole in a card's counters means something.

The deed's order has the id of an event, and the desk is its device: so ledger and core know it by one key.
"""

from collections.abc import Mapping
from typing import assert_never

from hub.domain.cards.orders import Do
from hub.domain.cards.ports import Intended
from hub.domain.payments import accounts
from hub.domain.payments.booking import Booking, Source
from hub.domain.payments.service import Payments
from hub.usecases.ports import UnitOfWork
from hub.usecases.take_event import PAYMENT, SETTLEMENTS, take
from shared.model import ids
from shared.model.event import Event, EventType, Stream
from shared.model.instants import to_rfc3339
from shared.model.money import EURO, Money
from shared.model.payment import Method

CARD_DEED = "card.deed"
"""The type under which deeds without an event of their own are known; no device may send it."""
NO_EPOCH = "00000000"
TRANSPORT = "transport"
"""What a pass or a ticket is sold for, in the core's word."""


def take_card_deed(meant: Intended, uow: UnitOfWork, now_ms: int) -> None:
    """Book a deed that happened; a second time it does nothing.

    Args:
        meant: the deed.
        uow: the transaction.
        now_ms: the hub's clock.

    Raises:
        InputError: the books contradict it.
    """
    order, record = meant.order, meant.record
    money: dict[str, object] = {
        "amount_minor": abs(record.amount_minor),
        "currency": EURO,
        "counter": record.counter,
    }
    match order.do:
        case Do.TOP_UP:
            paid: dict[str, object] = {**money, "method": order.method.value}
            take(_event(meant, EventType.PURSE_CREDITED, paid), uow, now_ms)
        case Do.CHARGE:
            what = {"reference": order.reference, "concept": order.concept}
            paid = {**money, **what, "method": Method.PURSE.value}
            take(_event(meant, EventType.PAYMENT_CAPTURED, paid), uow, now_ms)
        case Do.SELL if order.amount_minor:
            _sell(meant, uow, now_ms)
        case Do.REFUND:
            _refund(meant, uow, now_ms)
        case Do.REPLACE if record.amount_minor:
            _replace(meant, uow, now_ms)
        case Do.ISSUE | Do.REPLACE | Do.SELL | Do.BLOCK | Do.UNBLOCK:
            source = _source(meant, now_ms)
            Payments(uow.ledger, uow.exceptions).use_counter(source, record.counter)
        case Do.READ | Do.MINE | Do.LOST | Do.PIN_SET | Do.PIN_RESET:
            pass
        case _:
            assert_never(order.do)


def _sell(meant: Intended, uow: UnitOfWork, now_ms: int) -> None:
    order, source = meant.order, _source(meant, now_ms)
    payments, amount = Payments(uow.ledger, uow.exceptions), Money(order.amount_minor, EURO)
    booking = payments.sell(source, amount, order.paid_by, order.product, meant.record.counter)
    if booking is not None:
        more = {"amount_minor": order.amount_minor, "method": order.paid_by.value}
        what = {"reference": order.id, "concept": TRANSPORT, "product": str(order.product)}
        _tell(meant, source, booking, {**more, **what}, uow)


def _refund(meant: Intended, uow: UnitOfWork, now_ms: int) -> None:
    source, amount = _source(meant, now_ms), Money(-meant.record.amount_minor, EURO)
    payments = Payments(uow.ledger, uow.exceptions)
    booking = payments.refund(source, amount, meant.order.method, meant.record.counter)
    if booking is not None:
        more = {"amount_minor": -amount.amount_minor, "method": meant.order.method.value}
        _tell(meant, source, booking, more, uow)


def _replace(meant: Intended, uow: UnitOfWork, now_ms: int) -> None:
    source, amount = _source(meant, now_ms), Money(meant.record.amount_minor, EURO)
    before = meant.order.replaces
    payments = Payments(uow.ledger, uow.exceptions)
    booking = payments.replace(source, before, amount, meant.record.counter)
    if booking is not None:
        _tell(meant, source, booking, {"amount_minor": amount.amount_minor, "replaces": before}, uow)


def _tell(
    meant: Intended, source: Source, booking: Booking, more: Mapping[str, object], uow: UnitOfWork
) -> None:
    """Tell the core, in order for the card's purse."""
    body: dict[str, object] = {
        "key": booking.key,
        "kind": booking.kind.value,
        "currency": booking.currency,
        "device": booking.device,
        "event_id": booking.event_id,
        "occurred_datetime": to_rfc3339(booking.occurred_ms),
        "clock_trusted": True,
        "subject": meant.subject,
        "counter": meant.record.counter,
        **more,
    }
    purse = accounts.purse(meant.subject)
    uow.outgoing.add(source.event, booking.key, SETTLEMENTS, purse, body, source.booked_ms)


def _source(meant: Intended, now_ms: int) -> Source:
    event = _event(meant, CARD_DEED, {})
    return Source(event, str(ids.effect_key(event.device, event.id, PAYMENT)), event.time_ms, now_ms)


def _event(meant: Intended, kind: str, data: dict[str, object]) -> Event:
    """The event that the desk would have sent, if it kept its own books."""
    return Event(
        device=meant.device,
        stream=Stream.PAYMENTS,
        epoch=NO_EPOCH,
        seq=0,
        id=meant.order.id,
        type=kind,
        time_ms=meant.record.at_s * 1000,
        boot=0,
        uptime_ms=0,
        clock_age_s=0,
        subject=meant.subject,
        data=data,
        line=b"",
    )
