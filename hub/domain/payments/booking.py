"""A journal entry before it is written: which amounts move from which account to which, and why.

A booking moves amounts of one currency between two accounts each, so it balances by construction.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from shared.model.event import Event


class Kind(StrEnum):
    """What a journal entry records."""

    PAYMENT = "payment"
    TAP = "tap"
    CREDIT = "credit"
    REVERSAL = "reversal"
    REFUND = "refund"
    """What was left in a purse was handed out."""
    REPLACEMENT = "replacement"
    """What was in the purse of a lost card went to the one that replaces it."""
    CARD_DEED = "card_deed"
    """A card's counter was used at a desk, and no money moved."""
    TAP_REPEATED = "tap_repeated"
    """A second tap under one counter of a card: recorded, not charged."""
    CANCEL_REPEATED = "cancel_repeated"
    """A tap that was undone under a counter that another deed has: recorded, and nothing goes back."""
    CREDIT_REPEATED = "credit_repeated"
    """A second credit under one counter: the money lies in suspense."""


SETTLED = frozenset({Kind.PAYMENT, Kind.TAP, Kind.CREDIT, Kind.REVERSAL, Kind.REFUND, Kind.REPLACEMENT})
"""The kinds that the core is told of; the others wait for a clerk."""


class Transfer(NamedTuple):
    """One posting: an amount above zero that leaves one account and enters another."""

    debit: str
    credit: str
    amount_minor: int


class Source(NamedTuple):
    """Where an entry comes from.

    Attributes:
        event: what a device reported.
        key: effect key of its payment.
        occurred_ms: when it happened, as far as can be told.
        booked_ms: now; it decides the business day, so that a day that is over never changes.
    """

    event: Event
    key: str
    occurred_ms: int
    booked_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A journal entry.

    Attributes:
        key: effect key of the event's payment.
        device: the device that reported it.
        event_id: the event.
        kind: what it records.
        fingerprint: hash of what was reported; the same key with another one is a conflict.
        currency: of every transfer.
        occurred_ms: when it happened, as far as can be told.
        booked_ms: when it was booked.
        subject: pseudonym of the card, if one was used.
        counter: the card's own counter, if it moved.
        reverses: key of the entry that this one undoes.
        transfers: what moves; none for a repeated tap.
    """

    key: str
    device: str
    event_id: str
    kind: Kind
    fingerprint: bytes
    currency: str
    occurred_ms: int
    booked_ms: int
    subject: str | None
    counter: int | None
    reverses: str | None
    transfers: tuple[Transfer, ...]


class Booked(NamedTuple):
    """What the ledger holds under a key."""

    key: str
    kind: Kind
    currency: str
    subject: str | None
    transfers: tuple[Transfer, ...]
    is_reversed: bool = False


def fingerprint(*facts: object) -> bytes:
    """The hash of what was reported. No text of an event holds NUL: the parts cannot run into one another."""
    return sha256("\0".join(map(str, facts)).encode()).digest()
