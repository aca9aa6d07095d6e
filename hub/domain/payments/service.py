"""How money that moved in the street is booked.

Rules:
- Money that moved is always booked, whatever state the purse is in: what the purse does not cover down to its
  floor is booked against `offline_risk`, with an exception for a clerk.
- An event is booked once: its key is the journal's. The same key with another content is a conflict.
- A card's counter is used once: a second tap under it is recorded and not charged; a second credit is booked
  to suspense, because the money lies in the machine. Both open an exception.
- Nothing is ever changed. A correction is a reversal: once, of an entry that is there, by the device whose
  entry it is. A tap that a driver undid on the card is one, and takes a counter of the card of its own.

Not here: SQL, clocks, and what the core is told (`hub.usecases.take_event`).
"""

from enum import StrEnum

from hub.domain.payments import accounts
from hub.domain.payments.booking import Booked, Booking, Kind, Source, Transfer, fingerprint
from hub.domain.payments.errors import NotReversibleError, PaymentConflictError, UnknownPaymentError
from hub.domain.payments.ports import ExceptionBook, Ledger
from shared.model.errors import InputError
from shared.model.event import Event
from shared.model.money import EURO, Money
from shared.model.payment import (
    CreditMethod,
    Method,
    PaymentCaptured,
    PaymentReversed,
    PurseCredited,
    TapCancelled,
    TapCharged,
)


class PaymentException(StrEnum):
    """What a clerk must look at."""

    CARD_COUNTER_REPEAT = "card_counter_repeat"
    PURSE_BELOW_FLOOR = "purse_below_floor"
    PAYMENT_CONFLICT = "payment_conflict"
    CARD_COUNTER_GAP = "card_counter_gap"
    """Counters of a card that no device has reported, long after the last one could have."""


class Payments:
    """Books payments, taps, credits and reversals.

    Each method returns the entry that it booked, or None if it was booked before; it raises before it writes.
    """

    def __init__(self, ledger: Ledger, exceptions: ExceptionBook) -> None:
        self._ledger = ledger
        self._exceptions = exceptions

    def capture(self, source: Source, payment: PaymentCaptured) -> Booking | None:
        """Books a fee, tax or fine that was paid.

        Raises:
            InputError: it was paid from a purse and names none.
            PaymentConflictError: the key is booked with another content.
        """
        event, amount = source.event, payment.amount
        mark = fingerprint(
            event.type,
            event.subject,
            payment.reference,
            payment.concept,
            amount.amount_minor,
            amount.currency,
            payment.method,
            *(() if payment.counter is None else (payment.counter,)),
        )
        if self._is_booked(source, mark):
            return None
        income = accounts.fee_revenue(payment.concept)
        match payment.method:
            case Method.CARD:
                transfers = (Transfer(accounts.CARD_CLEARING, income, amount.amount_minor),)
            case Method.CASH:
                transfers = (Transfer(accounts.device_cash(event.device), income, amount.amount_minor),)
            case Method.PURSE:
                transfers = self._draw(source, _card_of(event), income, amount)
        counter = payment.counter if payment.method is Method.PURSE else None
        if counter is not None and self._ledger.is_counter_used(_card_of(event), counter):
            self._note_repeat(source, _card_of(event), counter, amount)
        return self._book(source, Kind.PAYMENT, mark, amount.currency, transfers, counter)

    def charge(self, source: Source, tap: TapCharged) -> Booking | None:
        """Books a tap of a card.

        Raises:
            InputError: the event names no card.
            PaymentConflictError: the key is booked with another content.
        """
        event, subject, amount = source.event, _card_of(source.event), tap.amount
        mark = fingerprint(
            event.type,
            subject,
            tap.counter,
            amount.amount_minor,
            amount.currency,
            tap.product,
            tap.line,
            tap.stop,
        )
        if self._is_booked(source, mark):
            return None
        kind, transfers = Kind.TAP, ()
        if self._ledger.is_counter_used(subject, tap.counter):
            kind = Kind.TAP_REPEATED
            self._note_repeat(source, subject, tap.counter, amount)
        elif amount.amount_minor:  # a pass or a transfer moves the counter and no money
            transfers = self._draw(source, subject, accounts.TRANSPORT_REVENUE, amount)
        return self._book(source, kind, mark, amount.currency, transfers, tap.counter)

    def cancel(self, source: Source, cancelled: TapCancelled, reversed_key: str) -> Booking | None:
        """Books a tap that was undone on the card: what the tap moved goes back.

        Args:
            source: where it comes from.
            cancelled: what it says.
            reversed_key: effect key of the tap.

        Raises:
            InputError: the event names no card.
            UnknownPaymentError: there is no such tap.
            NotReversibleError: it is no tap of this card, took another amount, or is undone already.
            PaymentConflictError: the key is booked with another content.
        """
        event, subject, amount = source.event, _card_of(source.event), cancelled.amount
        mark = fingerprint(
            event.type,
            subject,
            cancelled.counter,
            amount.amount_minor,
            amount.currency,
            cancelled.reverses,
        )
        if self._is_booked(source, mark):
            return None
        if self._ledger.is_counter_used(subject, cancelled.counter):
            self._note_repeat(source, subject, cancelled.counter, amount)
            return self._book(source, Kind.CANCEL_REPEATED, mark, amount.currency, (), cancelled.counter)
        tap = self._tap_to_undo(reversed_key, subject)
        moved_minor = sum(moved.amount_minor for moved in tap.transfers)
        is_same = (moved_minor, tap.currency) == (amount.amount_minor, amount.currency)
        if tap.kind is Kind.TAP and not is_same:
            raise NotReversibleError("what was given back is not what the tap took; compare the two lines")
        back = tuple(Transfer(moved.credit, moved.debit, moved.amount_minor) for moved in tap.transfers)
        return self._book(source, Kind.REVERSAL, mark, amount.currency, back, cancelled.counter, reversed_key)

    def _tap_to_undo(self, key: str, subject: str) -> Booked:
        tap = self._ledger.booked(key)
        if tap is None:
            raise UnknownPaymentError("no tap of this device has that id; look for it in quarantine")
        if tap.subject != subject or tap.kind not in (Kind.TAP, Kind.TAP_REPEATED):
            raise NotReversibleError("what was cancelled is no tap of this card; compare the two lines")
        if tap.is_reversed:
            raise NotReversibleError("this tap is undone already; a second time needs a clerk")
        return tap

    def credit(self, source: Source, credit: PurseCredited) -> Booking | None:
        """Books a purse's credit.

        Raises:
            InputError: the event names no card.
            PaymentConflictError: the key is booked with another content.
        """
        event, subject, amount = source.event, _card_of(source.event), credit.amount
        mark = fingerprint(
            event.type, subject, credit.counter, amount.amount_minor, amount.currency, credit.method
        )
        if self._is_booked(source, mark):
            return None
        match credit.method:
            case CreditMethod.CARD:
                origin = accounts.CARD_CLEARING
            case CreditMethod.CASH:
                origin = accounts.device_cash(event.device)
        kind, destination = Kind.CREDIT, accounts.purse(subject)
        if self._ledger.is_counter_used(subject, credit.counter):
            kind, destination = Kind.CREDIT_REPEATED, accounts.SUSPENSE
            self._note_repeat(source, subject, credit.counter, amount)
        transfers = (Transfer(origin, destination, amount.amount_minor),)
        return self._book(source, kind, mark, amount.currency, transfers, credit.counter)

    def sell(
        self, source: Source, amount: Money, method: Method, product: int, counter: int
    ) -> Booking | None:
        """Books a pass or a ticket that was put on a card at a desk; however it is paid, a counter is used.

        Raises:
            InputError: the event names no card.
            PaymentConflictError: the key is booked with another content.
        """
        event, subject = source.event, _card_of(source.event)
        paid = (amount.amount_minor, amount.currency, method)
        mark = fingerprint(event.type, subject, counter, *paid, product)
        if self._is_booked(source, mark):
            return None
        income = accounts.TRANSPORT_REVENUE
        match method:
            case Method.CARD:
                transfers = (Transfer(accounts.CARD_CLEARING, income, amount.amount_minor),)
            case Method.CASH:
                transfers = (Transfer(accounts.device_cash(event.device), income, amount.amount_minor),)
            case Method.PURSE:
                transfers = self._draw(source, subject, income, amount)
        if self._ledger.is_counter_used(subject, counter):
            self._note_repeat(source, subject, counter, amount)
        return self._book(source, Kind.PAYMENT, mark, amount.currency, transfers, counter)

    def refund(self, source: Source, amount: Money, method: CreditMethod, counter: int) -> Booking | None:
        """Books what was left in a purse and was handed out at a desk.

        Raises:
            InputError: the event names no card.
            PaymentConflictError: the key is booked with another content.
        """
        event, subject = source.event, _card_of(source.event)
        mark = fingerprint(event.type, subject, counter, amount.amount_minor, amount.currency, method)
        if self._is_booked(source, mark):
            return None
        to = accounts.CARD_CLEARING if method is CreditMethod.CARD else accounts.device_cash(event.device)
        if self._ledger.is_counter_used(subject, counter):
            self._note_repeat(source, subject, counter, amount)
        transfers = self._draw(source, subject, to, amount)
        return self._book(source, Kind.REFUND, mark, amount.currency, transfers, counter)

    def replace(self, source: Source, before: str, amount: Money, counter: int) -> Booking | None:
        """Books that a lost card's money went to the card that replaces it, which the event names.

        Args:
            source: where it comes from.
            before: pseudonym of the lost card.
            amount: above zero.
            counter: of the new card.

        Raises:
            InputError: the event names no card.
            PaymentConflictError: the key is booked with another content.
        """
        subject = _card_of(source.event)
        mark = fingerprint(source.event.type, subject, before, counter, amount.amount_minor, amount.currency)
        if self._is_booked(source, mark):
            return None
        transfers = self._draw(source, before, accounts.purse(subject), amount)
        return self._book(source, Kind.REPLACEMENT, mark, amount.currency, transfers, counter)

    def use_counter(self, source: Source, counter: int) -> Booking | None:
        """Books that a card's counter was used for a deed that moved no money: issued, blocked, unblocked.

        Raises:
            InputError: the event names no card.
            PaymentConflictError: the key is booked with another content.
        """
        mark = fingerprint(source.event.type, _card_of(source.event), counter)
        if self._is_booked(source, mark):
            return None
        return self._book(source, Kind.CARD_DEED, mark, EURO, (), counter)

    def reverse(self, source: Source, reversal: PaymentReversed, reversed_key: str) -> Booking | None:
        """Books the reversal of one of the device's own entries.

        Args:
            source: where the reversal comes from.
            reversal: what it says.
            reversed_key: effect key of the payment that is undone.

        Raises:
            UnknownPaymentError: there is no such entry.
            NotReversibleError: it moved nothing, is a reversal, or is reversed already.
            PaymentConflictError: the key is booked with another content.
        """
        event = source.event
        mark = fingerprint(event.type, reversal.reverses, reversal.reason)
        if self._is_booked(source, mark):
            return None
        entry = self._ledger.booked(reversed_key)
        if entry is None:
            raise UnknownPaymentError("no payment of this device has that id; look for it in quarantine")
        if entry.kind is Kind.REVERSAL or not entry.transfers:
            raise NotReversibleError(
                "this entry moved nothing that can be undone; correct it by a new payment"
            )
        if entry.is_reversed:
            raise NotReversibleError("this payment is reversed already; a second reversal needs a clerk")
        transfers: list[Transfer] = []
        for moved in entry.transfers:
            if entry.subject is not None and moved.credit == accounts.purse(entry.subject):
                back = Money(moved.amount_minor, entry.currency)
                transfers.extend(self._draw(source, entry.subject, moved.debit, back))
            else:
                transfers.append(Transfer(moved.credit, moved.debit, moved.amount_minor))
        booking = Booking(
            key=source.key,
            device=event.device,
            event_id=event.id,
            kind=Kind.REVERSAL,
            fingerprint=mark,
            currency=entry.currency,
            occurred_ms=source.occurred_ms,
            booked_ms=source.booked_ms,
            subject=entry.subject,
            counter=None,
            reverses=reversed_key,
            transfers=tuple(transfers),
        )
        self._ledger.book(booking)
        return booking

    def _book(
        self,
        source: Source,
        kind: Kind,
        mark: bytes,
        currency: str,
        transfers: tuple[Transfer, ...],
        counter: int | None = None,
        reverses: str | None = None,
    ) -> Booking:
        event = source.event
        booking = Booking(
            key=source.key,
            device=event.device,
            event_id=event.id,
            kind=kind,
            fingerprint=mark,
            currency=currency,
            occurred_ms=source.occurred_ms,
            booked_ms=source.booked_ms,
            subject=event.subject,
            counter=counter,
            reverses=reverses,
            transfers=transfers,
        )
        self._ledger.book(booking)
        return booking

    def _is_booked(self, source: Source, mark: bytes) -> bool:
        known = self._ledger.fingerprint(source.key)
        if known is None:
            return False
        if known != mark:
            self._note(PaymentException.PAYMENT_CONFLICT, source)
            raise PaymentConflictError("this event id is booked with another content; compare the two lines")
        return True

    def _draw(self, source: Source, subject: str, destination: str, amount: Money) -> tuple[Transfer, ...]:
        """Takes an amount from a purse down to its floor, and the rest from `offline_risk`."""
        purse = accounts.purse(subject)
        available_minor = max(self._ledger.available_minor(purse, amount.currency), 0)
        if available_minor >= amount.amount_minor:
            return (Transfer(purse, destination, amount.amount_minor),)
        uncovered_minor = amount.amount_minor - available_minor
        self._note(
            PaymentException.PURSE_BELOW_FLOOR,
            source,
            subject=subject,
            uncovered_minor=uncovered_minor,
            currency=amount.currency,
        )
        rest = Transfer(accounts.OFFLINE_RISK, destination, uncovered_minor)
        return (Transfer(purse, destination, available_minor), rest) if available_minor else (rest,)

    def _note_repeat(self, source: Source, subject: str, counter: int, amount: Money) -> None:
        self._note(
            PaymentException.CARD_COUNTER_REPEAT,
            source,
            subject=subject,
            counter=counter,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
        )

    def _note(self, kind: PaymentException, source: Source, **detail: object) -> None:
        event = source.event
        self._exceptions.open(kind, event.device, {"event_id": event.id, **detail}, source.booked_ms)


def _card_of(event: Event) -> str:
    if event.subject is None:
        raise InputError("a purse payment names its card as the subject; correct the sender")
    return event.subject
