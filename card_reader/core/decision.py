"""The decision at a tap: ride, already valid, or no. Pure: the same card, place and rules decide the same.

Rules:
- A card that comes again to its terminal within the passback time, and for which nobody keyed passengers, is
  the same presentation: it is valid already, and nothing is taken. Nobody is turned away for it.
- Nor is a card charged that comes again, within that time and with nothing keyed, after its ride was taken
  back here: it was still lying there.
- A purse that holds something may go below zero once, no further than the tolerance; a purse that holds
  nothing pays nothing. What the card itself allows below zero is set when it is issued.
- A card beyond its last day and a card that is blocked ride nowhere, whatever stands on them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from card_reader.citizen_card.holder import Holder
from card_reader.citizen_card.journal import PASSENGERS_MAX, Deed, Record
from card_reader.core.fare import NOTHING, Fare, fare, is_aboard, is_undone, ridden
from card_reader.core.trip import Trip
from shared.model.money import EURO, Money
from shared.model.tariff import Tariff


class No(StrEnum):
    """Why a card does not ride; docs/CARD.md has a row for each."""

    FOREIGN_CARD = "foreign_card"
    BANK_CARD = "bank_card"
    PHONE = "phone"
    EMPTY_FIELD = "empty_field"
    TWO_CARDS = "two_cards"
    NOT_GENUINE = "not_genuine"
    UNREADABLE = "unreadable"
    WRONG_VERSION = "wrong_version"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    NO_BALANCE = "no_balance"
    TOO_MANY = "too_many"
    UNCHECKED = "unchecked"
    """The deny list is too old, and the card has spent here what it may without one."""
    NO_UNDOING = "no_undoing"
    """The driver took a tap back, and the card has been used since."""
    REMOVED = "removed"
    """It left too early: nothing was taken, or nobody knows yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a terminal reads of a card before it decides.

    Attributes:
        holder: who and what it is for.
        last: the newest record of its journal.
    """

    holder: Holder
    last: Record

    @property
    def balance(self) -> Money:
        """What is in the purse."""
        return Money(self.last.balance_minor, EURO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ride:
    """They ride.

    Attributes:
        fare: what they owe and by what they ride.
        record: what the card is to hold of it.
    """

    fare: Fare
    record: Record


@dataclass(frozen=True, slots=True)
class AlreadyValid:
    """They ride already.

    Attributes:
        last: by this.
    """

    last: Record


@dataclass(frozen=True, slots=True)
class Undone:
    """Their ride was taken back a moment ago.

    Attributes:
        last: by this.
    """

    last: Record


@dataclass(frozen=True, slots=True)
class Refuse:
    """They do not.

    Attributes:
        why: the reason.
    """

    why: No


Decision = Ride | AlreadyValid | Undone | Refuse
Denied = Callable[[bytes, int], bool]
"""Tells whether a card (id, issue) is on the deny list."""


def decide(
    image: Image, trip: Trip, tariff: Tariff, denied: Denied, mark: bytes, left_minor: int | None = None
) -> Decision:
    """Decide what happens with a card at a terminal.

    Args:
        image: what stands on the card.
        trip: where and when it is.
        tariff: the rules.
        denied: the deny list.
        mark: drawn for this tap, 4 bytes.
        left_minor: what the card may still spend here; None where nothing but its purse limits it.
    """
    holder, last = image.holder, image.last
    if last.deed is Deed.BLOCKED or denied(holder.card_id, holder.issue):
        return Refuse(No.BLOCKED)
    if holder.valid_until < trip.day:
        return Refuse(No.EXPIRED)
    aboard = is_aboard(last, trip, tariff)
    if not trip.is_keyed and (aboard or is_undone(last, trip, tariff)):
        return AlreadyValid(last) if aboard else Undone(last)
    party = trip.passengers + (last.party if aboard else 0)
    if not 1 <= trip.passengers <= tariff.passengers_max or party > PASSENGERS_MAX:
        return Refuse(No.TOO_MANY)
    owed = fare(holder, last, trip, tariff)
    if not _can_pay(image.balance, owed.amount, tariff.tolerance):
        return Refuse(No.NO_BALANCE)
    if left_minor is not None and owed.amount.amount_minor > left_minor:
        return Refuse(No.UNCHECKED)
    return Ride(fare=owed, record=ridden(last, trip, tariff, owed, mark))


def _can_pay(balance: Money, amount: Money, tolerance: Money) -> bool:
    if not amount or amount <= balance:
        return True
    return balance > NOTHING and -tolerance <= balance - amount
