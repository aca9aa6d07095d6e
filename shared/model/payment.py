"""What devices report of money: fees taken, taps charged or undone, purses credited, payments reversed.

These are facts of the past: money has moved when they arrive. Whether and how they are booked is decided by
`hub.domain.payments`. Whose card or purse it was stands in the event's `subject`, a pseudonym, never here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypedDict

from shared.model import fields
from shared.model.errors import InputError
from shared.model.ids import check_event_id
from shared.model.money import Money

PAYMENT_MINOR_MAX = 1_000_000_000
"""Ten million euros in one payment: more is a fault of the device."""
COUNTER_MAX = 2**32 - 1
REFERENCE_LENGTH_MAX = 64
CONCEPT_LENGTH_MAX = 64
PRODUCT_LENGTH_MAX = 64
PLACE_LENGTH_MAX = 64
REASON_LENGTH_MAX = 200
PASSENGERS_MAX = 99
CARD_RECORD_BYTES = 48
CARD_SEAL_BYTES = 8


class Method(StrEnum):
    """How it was paid."""

    CARD = "card"
    CASH = "cash"
    PURSE = "purse"


class CreditMethod(StrEnum):
    """How a purse was credited; never out of a purse."""

    CARD = "card"
    CASH = "cash"


class DenyListWord(StrEnum):
    """What goes along in a payment's `deny_list`, where a device had something to say of its card."""

    LISTED = "listed"
    """The card stood on it, and the money had moved already when the device was told."""
    EXPIRED = "expired"
    """The list was too old to rely on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCaptured:
    """A fee, tax or fine was paid at a device (`payment.captured`).

    Attributes:
        reference: of what is paid.
        concept: what kind of thing it is.
        amount: paid.
        method: how.
        counter: of the card's deeds, where its purse paid; None where that is not known.
        extra: what this version does not know.
    """

    reference: str
    concept: str
    amount: Money
    method: Method
    counter: int | None = None
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type, too long or out of range.
        """
        return cls(
            reference=fields.text(data, "reference", REFERENCE_LENGTH_MAX),
            concept=fields.text(data, "concept", CONCEPT_LENGTH_MAX),
            amount=_amount(data),
            method=fields.choice(data, "method", Method),
            counter=None if data.get("counter") is None else fields.whole(data, "counter", 0, COUNTER_MAX),
            extra=fields.unknown(data, _PAYMENT_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {
            "reference": self.reference,
            "concept": self.concept,
            "amount_minor": self.amount.amount_minor,
            "currency": self.amount.currency,
            "method": self.method.value,
            **fields.present(counter=self.counter),
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDeed:
    """What a terminal says of a deed of a card, whatever came of it.

    Attributes:
        counter: of the card's deeds.
        amount: what left the purse, or what came back into it; may be nothing.
        line: of the bus.
        stop: where it was.
        zone: the stop's.
        passengers: how many it was for.
        record: the card's record of it, as it stands on the card (docs/CARD.md), in hexadecimal.
        seal: the card's signature under it; None where the card could not be asked any more.
        extra: what this version does not know.
    """

    counter: int
    amount: Money
    line: str | None = None
    stop: str | None = None
    zone: str | None = None
    passengers: int | None = None
    record: str | None = None
    seal: str | None = None
    extra: Mapping[str, object]

    def _data(self, **own: str | None) -> dict[str, object]:
        """The event's data with the members of its own type, unknown fields included."""
        said = fields.present(
            line=self.line,
            stop=self.stop,
            zone=self.zone,
            passengers=self.passengers,
            record=self.record,
            seal=self.seal,
        )
        money = {"amount_minor": self.amount.amount_minor, "currency": self.amount.currency}
        return {"counter": self.counter, **money, **fields.present(**own), **said, **self.extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class TapCharged(CardDeed):
    """A card was charged at a reader (`tap.charged`); nothing, where a pass or a transfer was ridden on.

    Attributes:
        product: by which they ride.
    """

    product: str

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type, too long or out of range.
        """
        return cls(product=fields.text(data, "product", PRODUCT_LENGTH_MAX), **_deed(data, "product"))

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return self._data(product=self.product)


@dataclass(frozen=True, slots=True, kw_only=True)
class TapCancelled(CardDeed):
    """A driver undid a card's last tap on the card itself (`tap.cancelled`): the purse has its money again.

    It is a deed of the card as the tap was, with a counter, a record and a seal of its own.

    Attributes:
        reverses: id of the event of the tap, of the same device.
    """

    reverses: str

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type, too long or out of range.
        """
        return cls(reverses=check_event_id(data.get("reverses")), **_deed(data, "reverses"))

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return self._data(reverses=self.reverses)


@dataclass(frozen=True, slots=True, kw_only=True)
class TapUndecided(CardDeed):
    """A terminal cannot tell whether a deed happened (`tap.undecided`): the card no longer says.

    It has the id that the event of the deed would have, so the hub takes one of the two, and no money moves.

    Attributes:
        product: by which they would ride; None where a tap was to be taken back.
        reverses: id of the event of the tap that was to be taken back; None of a tap.
    """

    product: str | None = None
    reverses: str | None = None

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type, too long or out of range.
        """
        said = cls(
            product=fields.text_or_none(data, "product", PRODUCT_LENGTH_MAX),
            reverses=None if data.get("reverses") is None else check_event_id(data["reverses"]),
            **_deed(data, "product", "reverses"),
        )
        if said.record is None:
            raise InputError("record is missing: it says which deed nobody knows of; correct the sender")
        return said

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return self._data(product=self.product, reverses=self.reverses)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurseCredited:
    """A purse was topped up at a device (`purse.credited`); it moves the card's counter as a tap does."""

    counter: int
    amount: Money
    method: CreditMethod
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type, too long or out of range.
        """
        return cls(
            counter=fields.whole(data, "counter", 0, COUNTER_MAX),
            amount=_amount(data),
            method=fields.choice(data, "method", CreditMethod),
            extra=fields.unknown(data, _CREDIT_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {
            "counter": self.counter,
            "amount_minor": self.amount.amount_minor,
            "currency": self.amount.currency,
            "method": self.method.value,
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReversed:
    """A device undid one of its own payments, taps or credits (`payment.reversed`)."""

    reverses: str
    reason: str
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type or too long.
        """
        return cls(
            reverses=check_event_id(data.get("reverses")),
            reason=fields.text(data, "reason", REASON_LENGTH_MAX),
            extra=fields.unknown(data, _REVERSAL_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {"reverses": self.reverses, "reason": self.reason, **self.extra}


def _amount(data: Mapping[str, object], minimum: int = 1) -> Money:
    amount_minor = fields.whole(data, "amount_minor", minimum, PAYMENT_MINOR_MAX)
    return Money(amount_minor, fields.text(data, "currency", 3))


class _Deed(TypedDict):
    """The members of `CardDeed`."""

    counter: int
    amount: Money
    line: str | None
    stop: str | None
    zone: str | None
    passengers: int | None
    record: str | None
    seal: str | None
    extra: Mapping[str, object]


def _deed(data: Mapping[str, object], *own: str) -> _Deed:
    """Read what every deed says; `own` are the other members that its type knows."""
    is_alone = data.get("passengers") is None
    return _Deed(
        counter=fields.whole(data, "counter", 0, COUNTER_MAX),
        amount=_amount(data, 0),
        line=fields.text_or_none(data, "line", PLACE_LENGTH_MAX),
        stop=fields.text_or_none(data, "stop", PLACE_LENGTH_MAX),
        zone=fields.text_or_none(data, "zone", PLACE_LENGTH_MAX),
        passengers=None if is_alone else fields.whole(data, "passengers", 1, PASSENGERS_MAX),
        record=_hexadecimal(data, "record", CARD_RECORD_BYTES),
        seal=_hexadecimal(data, "seal", CARD_SEAL_BYTES),
        extra=fields.unknown(data, _DEED_FIELDS | frozenset(own)),
    )


def _hexadecimal(data: Mapping[str, object], name: str, count: int) -> str | None:
    said = fields.text_or_none(data, name, 2 * count)
    if said is not None and (len(said) != 2 * count or set(said) - _HEXADECIMAL):
        raise InputError(f"{name} is {count} bytes in hexadecimal; correct the sender")
    return said


_PAYMENT_FIELDS = frozenset({"reference", "concept", "amount_minor", "currency", "method", "counter"})
_HEXADECIMAL = frozenset("0123456789abcdef")
_DEED_FIELDS = frozenset(
    {"counter", "amount_minor", "currency", "line", "stop", "zone", "passengers", "record", "seal"}
)
_CREDIT_FIELDS = frozenset({"counter", "amount_minor", "currency", "method"})
_REVERSAL_FIELDS = frozenset({"reverses", "reason"})
