"""What is needed to do something with a card at a desk: keys, a durable book, randomness, a clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from card_reader.citizen_card.holder import FIRST_FORM, Holder, Pass
from card_reader.citizen_card.journal import Record
from card_reader.desfire.transaction_mac import Committed
from hub.domain.cards.orders import Order
from hub.domain.cards.register import Card
from shared.model.card_pin import TRIES_MAX, PinWord
from shared.model.fares import Fares


class CardKeys(Protocol):
    """Makes cards' own keys; a store in hardware keeps the town's where they cannot be read at all."""

    @property
    def current(self) -> int:
        """The version that cards get now."""
        ...

    def card_key(self, card_uid: bytes, number: int, version: int) -> bytes:
        """Return one card's own key.

        Raises:
            NoCardKeyError: there is no such version.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """A deed that was about to be committed.

    Attributes:
        order: that asked for it.
        device: at which it was.
        subject: the card's pseudonym.
        card_uid: its number in the air.
        record: what the card is to hold of it.
        holder: what the holder file says afterwards, where the deed writes it; else None.
    """

    order: Order
    device: str
    subject: str
    card_uid: bytes
    record: Record
    holder: Holder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """What replaces a card.

    Attributes:
        before: the card, as the register has it.
        issue: the first number that no issue of it has.
        balance_minor: what the books have in its purse; cents.
        passes: that it holds, by the hub's book of deeds.
    """

    before: Card
    issue: int
    balance_minor: int
    passes: Sequence[Pass] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An order that was begun with a card.

    Attributes:
        card_uid: number in the air of that card.
        record: what stands on it; None where nobody knows whether it does.
    """

    card_uid: bytes
    record: Record | None


class DeedBook(Protocol):
    """Keeps deeds, durably; each method has done so when it returns.

    A full or broken disk raises `CapacityError`, `TransientError` or `DeviceError`.
    """

    def card(self, card_id: bytes, issue: int) -> Card | None:
        """Return a card of the register by its id and issue."""
        ...

    def card_in_use(self, card_uid: bytes) -> Card | None:
        """Return the card in use that has a number in the air."""
        ...

    def number(self, subject: str) -> str:
        """Return the number that is printed on a card of the register; it is drawn when first asked for."""
        ...

    def successor_of(self, subject: str) -> Successor | None:
        """Return what a card would be replaced by; None where the register does not know it."""
        ...

    def open_of(self, card_uid: bytes) -> Intended | None:
        """Return what is not settled of a card; at most one."""
        ...

    def begun_before(self, order_id: str) -> "Begun | None":
        """Return what became of an order that was begun, and did not turn out to be undone."""
        ...

    def intend(self, meant: Intended) -> None:
        """Remember a deed that is about to be committed; a new card comes into the register with it.

        Raises:
            InputError: the card that it replaces is replaced already, or may be.
        """
        ...

    def happened(self, meant: Intended, proof: Committed | None) -> None:
        """Settle it: the card did it. Money is booked, the register follows, in one commit."""
        ...

    def never_happened(self, meant: Intended) -> None:
        """Settle it: the card did not do it."""
        ...

    def undecided(self, meant: Intended) -> None:
        """Hand it to a clerk: the card has done so much since that it no longer tells."""
        ...

    def has_keys(self, subject: str, version: int, who: str) -> None:
        """Note that a card holds the town's keys of this version now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PinSaid:
    """What came of asking about a card's PIN.

    Attributes:
        word: how it stands.
        left: how often it may still be missed.
    """

    word: PinWord
    left: int = TRIES_MAX


class Pins(Protocol):
    """Knows cards' PINs; each method has kept what it did when it returns.

    A full or broken disk raises `CapacityError`, `TransientError` or `DeviceError`.
    """

    def tried(self, subject: str, pin: str) -> PinSaid:
        """Compare a PIN; it is counted before anybody hears whether it was right.

        Args:
            subject: the card's pseudonym.
            pin: as it was typed; empty asks only whether the card has one.
        """
        ...

    def set(self, subject: str, pin: str, who: str) -> None:
        """Give a card a PIN, in place of the one that it has."""
        ...

    def reset(self, subject: str, who: str) -> None:
        """Take a card's PIN away."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A desk's counter, as the hub stands behind it.

    Attributes:
        device: the desk.
        terminal: its number, as cards' journals name it.
        keys: the town's.
        book: what was meant and what was done.
        pins: of the cards.
        subject: gives the pseudonym of card id and issue.
        draw: randomness.
        now_s: Unix seconds.
        day: of the town's calendar, as `citizen_card.holder.day_of` counts.
        fares: gives those in force at the desk; None where there are none.
        form: of the holder file, that new cards get, and others with their next deed.
    """

    device: str
    terminal: int
    keys: CardKeys
    book: DeedBook
    pins: Pins
    subject: Callable[[bytes, int], str]
    draw: Callable[[int], bytes]
    now_s: int
    day: int
    fares: Callable[[], Fares | None]
    form: int = FIRST_FORM
