"""What a clerk, an inspector or a kiosk asks to be done with the card in the field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from card_reader.citizen_card.holder import DAY_MAX
from card_reader.citizen_card.issuing import HIGHEST_MINOR
from shared.model import fields
from shared.model.card_number import CARD_NUMBER_LENGTH, is_card_number
from shared.model.card_pin import PIN_LENGTH, check_new_pin, is_pin
from shared.model.errors import InputError
from shared.model.ids import check_event_id
from shared.model.payment import (
    CONCEPT_LENGTH_MAX,
    PAYMENT_MINOR_MAX,
    REFERENCE_LENGTH_MAX,
    CreditMethod,
    Method,
)
from shared.model.said import WHO_LENGTH_MAX, WHY_LENGTH_MAX
from shared.model.tariff import CODE_MAX

CATEGORY_MAX: Final = 255
LOWEST_MINOR: Final = -500
"""How far below zero a card may be told to go at issue; the ledger's floor is the same."""


class Do(StrEnum):
    """What is to be done."""

    READ = "read"
    ISSUE = "issue"
    REPLACE = "replace"
    """A blank card becomes the next issue of a lost one, with its money."""
    TOP_UP = "top_up"
    CHARGE = "charge"
    SELL = "sell"
    """A pass or a ticket of several rides is put on the card."""
    REFUND = "refund"
    BLOCK = "block"
    UNBLOCK = "unblock"
    MINE = "mine"
    """What a citizen asks of their own card at a kiosk."""
    LOST = "lost"
    """What a citizen who has lost a card asks at a kiosk, by the number that is printed on it and its PIN."""
    PIN_SET = "pin_set"
    PIN_RESET = "pin_reset"
    """The card has no PIN any more."""


MONEY: Final = frozenset({Do.TOP_UP, Do.CHARGE})
"""What needs an amount."""
NEEDS_GOOD: Final = MONEY | {Do.SELL}
"""What is done with no card that is blocked or has expired."""
MAKES: Final = frozenset({Do.ISSUE, Do.REPLACE})
"""What needs a blank card."""
READS: Final = frozenset({Do.READ, Do.MINE})
"""What changes nothing on a card, and is done whatever was open."""
PIN_DEEDS: Final = frozenset({Do.PIN_SET, Do.PIN_RESET})
"""What changes a PIN, and nothing on the card."""
SUBJECT_LENGTH_MAX: Final = 64
MAY: Final[Mapping[str, frozenset[Do]]] = {
    "desk": frozenset(Do) - {Do.LOST},
    "inspector": frozenset({Do.READ}),
    "kiosk": frozenset({Do.MINE, Do.LOST}),
}
"""What a device of each kind may ask; a device of another kind asks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order; asked again under its id it is not done again.

    Attributes:
        id: drawn by who asks, as the id of an event.
        do: what.
        who: asks, by the name of the account.
        amount_minor: of a top-up or a charge; of a sale its price, which the hub alone says. Cents.
        method: how a top-up is paid, and a refund is handed out.
        concept: what a charge is for.
        reference: of a charge.
        why: of a block or unblock, in words that name nobody.
        history: the whole journal is read.
        category: of the rider of a new card.
        category_until: its last day; 0 is for ever.
        category_from: its first day; 0 is always.
        valid_until: last day of a new card.
        is_nobodys: a new card belongs to whoever holds it.
        lowest_minor: how far a new card goes below zero.
        replaces: pseudonym of the card that a new one replaces.
        pin: of the card, as somebody typed it; empty where none was given. It is never kept with the order.
        number: that is printed on a lost card; never kept with the order.
        product: that is sold, by its number.
        paid_by: how a sale is paid.
        first_day: from which a pass is to be good; 0 is today.
    """

    id: str
    do: Do
    who: str
    amount_minor: int = 0
    method: CreditMethod = CreditMethod.CASH
    concept: str = ""
    reference: str = ""
    why: str = ""
    history: bool = False
    category: int = 0
    category_until: int = 0
    category_from: int = 0
    valid_until: int = 0
    is_nobodys: bool = False
    lowest_minor: int = 0
    replaces: str = ""
    pin: str = field(default="", repr=False)
    number: str = field(default="", repr=False)
    product: int = 0
    paid_by: Method = Method.CASH
    first_day: int = 0

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Read an order.

        Raises:
            InputError: a member is missing, of another type or out of range.
        """
        do = fields.choice(data, "do", Do)
        needs = fields.whole(data, "amount_minor", 1, HIGHEST_MINOR) if do in MONEY else 0
        is_charge, is_issue, is_sale = do is Do.CHARGE, do in MAKES, do is Do.SELL
        if is_sale and "amount_minor" in data:  # as the hub keeps it
            needs = fields.whole(data, "amount_minor", 0, PAYMENT_MINOR_MAX)
        return cls(
            id=check_event_id(data.get("id")),
            do=do,
            who=fields.text(data, "who", WHO_LENGTH_MAX),
            amount_minor=needs,
            method=fields.choice(data, "method", CreditMethod) if "method" in data else CreditMethod.CASH,
            concept=fields.text(data, "concept", CONCEPT_LENGTH_MAX) if is_charge else "",
            reference=fields.text(data, "reference", REFERENCE_LENGTH_MAX) if is_charge else "",
            why=fields.text_or_none(data, "why", WHY_LENGTH_MAX) or "",
            history=data.get("history") is True,
            category=fields.whole(data, "category", 0, CATEGORY_MAX) if is_issue else 0,
            category_until=fields.whole(data, "category_until", 0, DAY_MAX) if is_issue else 0,
            category_from=fields.whole(data, "category_from", 0, DAY_MAX)
            if is_issue and "category_from" in data
            else 0,
            valid_until=fields.whole(data, "valid_until", 1, DAY_MAX) if is_issue else 0,
            is_nobodys=data.get("is_nobodys") is True,
            lowest_minor=fields.whole(data, "lowest_minor", LOWEST_MINOR, 0) if is_issue else 0,
            replaces=fields.text(data, "replaces", SUBJECT_LENGTH_MAX) if do is Do.REPLACE else "",
            pin=_pin(data, do),
            number=_number(data) if do is Do.LOST else "",
            product=fields.whole(data, "product", 1, CODE_MAX) if is_sale else 0,
            paid_by=fields.choice(data, "paid_by", Method) if is_sale else Method.CASH,
            first_day=fields.whole(data, "first_day", 0, DAY_MAX) if is_sale else 0,
        )

    def to_data(self) -> dict[str, Any]:
        """The order as it is kept; a PIN is not."""
        said: dict[str, Any] = {"id": self.id, "do": self.do.value, "who": self.who}
        said |= {"method": self.method.value, "history": self.history, "is_nobodys": self.is_nobodys}
        said |= fields.present(why=self.why or None)
        if self.do in MONEY:
            said["amount_minor"] = self.amount_minor
        if self.do is Do.CHARGE:
            said |= {"concept": self.concept, "reference": self.reference}
        if self.do in MAKES:
            said |= {"category": self.category, "category_until": self.category_until}
            said |= fields.present(category_from=self.category_from or None)
            said |= {"valid_until": self.valid_until, "lowest_minor": self.lowest_minor}
        if self.do is Do.REPLACE:
            said["replaces"] = self.replaces
        if self.do is Do.SELL:
            said |= {"amount_minor": self.amount_minor}
            said |= {"product": self.product, "paid_by": self.paid_by.value, "first_day": self.first_day}
        return said


def _pin(data: Mapping[str, object], do: Do) -> str:
    """Read a PIN; a sentence about a wrong one never has it in it."""
    if do is Do.PIN_SET:
        return check_new_pin(fields.text(data, "pin", PIN_LENGTH))
    if do is Do.LOST:
        given: str | None = fields.text(data, "pin", PIN_LENGTH)
    else:
        given = fields.text_or_none(data, "pin", PIN_LENGTH) if do is Do.MINE else None
    if given is not None and not is_pin(given):
        raise InputError(f"a PIN is {PIN_LENGTH} digits; correct the sender")
    return given or ""


def _number(data: Mapping[str, object]) -> str:
    given = fields.text(data, "number", CARD_NUMBER_LENGTH)
    if not is_card_number(given):
        raise InputError(
            f"a card's number is {CARD_NUMBER_LENGTH} digits, the last a check; correct the sender"
        )
    return given


def check_may(kind: str, order: Order) -> None:
    """Make sure that a device of a kind may ask for this.

    Raises:
        InputError: it may not.
    """
    if order.do not in MAY.get(kind, frozenset[Do]()):
        raise InputError("this device may not ask for that; enrol it with the kind that does (desk)")
