"""The fares: what a ride costs, by fare product (bundle `fares`).

    {"products":[{"product":"sencillo","name":{"es":"Billete sencillo"},"amount_minor":130,"currency":"EUR"}]}

`product` is what a tap names; what a tap costs is `tap`, where the town has cards (`tariff`). What is sold at
desks says what it puts on a card: `"card":{"days":30,"zones":[1,2]}` a pass (no zones: everywhere),
`"card":{"rides":10}` a ticket. It is then one of the `passes`, or of the `rides`, of `tap`.
Not here: who may have which product, and what is booked (what the tap says).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from shared.model import fields
from shared.model.errors import InputError
from shared.model.money import EURO, Money
from shared.model.payment import PAYMENT_MINOR_MAX, PRODUCT_LENGTH_MAX
from shared.model.tariff import Tariff
from shared.model.wording import Wording, wording

PRODUCTS_MAX = 500
PASS_DAYS_MAX = 400
"""A pass is for a year and a month at most: more is a slip of the pen."""
RIDES_SOLD_MAX = 100
ZONES_MAX = 16
NAME_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCard:
    """What a product puts on a card when it is sold: days of a pass, or rides of a ticket.

    Attributes:
        days: that the pass is good for; 0 of a ticket.
        zones: 1 to 16, in which the pass is good; empty: everywhere.
        rides: of the ticket; 0 of a pass.
        extra: what this version does not know.
    """

    days: int
    zones: Sequence[int]
    rides: int
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads `card` of a product.

        Raises:
            InputError: it is neither a pass nor a ticket, or both; a field is wrong or out of range.
        """
        is_pass, is_ticket = data.get("days") is not None, data.get("rides") is not None
        if is_pass == is_ticket:
            raise InputError("a product has either days or rides; correct the sender")
        zones = fields.wholes(data, "zones", ZONES_MAX, 1, ZONES_MAX) if data.get("zones") is not None else ()
        if zones and is_ticket:
            raise InputError("zones belong to a pass; leave them out of a ticket")
        return cls(
            days=fields.whole(data, "days", 1, PASS_DAYS_MAX) if is_pass else 0,
            zones=tuple(sorted(set(zones))),
            rides=fields.whole(data, "rides", 1, RIDES_SOLD_MAX) if is_ticket else 0,
            extra=fields.unknown(data, _CARD_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """`card` of a product."""
        said = fields.present(days=self.days or None, rides=self.rides or None)
        return {**said, **({"zones": list(self.zones)} if self.zones else {}), **self.extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class FareProduct:
    """One price.

    Attributes:
        product: names it, in a tap too.
        name: what passengers read.
        price: of one ride, or of the whole where it is sold at desks; may be nothing.
        card: what it puts on a card; None where it is not sold at desks.
        extra: what this version does not know.
    """

    product: str
    name: Wording
    price: Money
    extra: Mapping[str, object]
    card: OnCard | None = None

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads one of `products`.

        Raises:
            InputError: a field is missing, of another type, too long or out of range.
        """
        return cls(
            product=fields.text(data, "product", PRODUCT_LENGTH_MAX),
            name=wording(data, "name", NAME_LENGTH_MAX),
            price=_price(data),
            extra=fields.unknown(data, _PRODUCT_FIELDS),
            card=None if data.get("card") is None else fields.nested(data, "card", OnCard.from_data),
        )

    def to_data(self) -> dict[str, object]:
        """One of `products`."""
        return {
            "product": self.product,
            "name": self.name.to_data(),
            "amount_minor": self.price.amount_minor,
            "currency": self.price.currency,
            **fields.present(card=None if self.card is None else self.card.to_data()),
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fares:
    """Every price, in the order in which they are offered.

    Attributes:
        products: at least one, each once.
        tap: what a tap on a card costs; None where the town has no cards.
        extra: what this version does not know.
    """

    products: Sequence[FareProduct]
    extra: Mapping[str, object]
    tap: Tariff | None = None

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the bundle's body.

        Raises:
            InputError: there is no product, one is wrong or stands twice; the sentence names the place.
        """
        products = fields.each(data, "products", PRODUCTS_MAX, FareProduct.from_data)
        if not products:
            raise InputError("products has at least one entry; correct the sender")
        fields.once("products", [one.product for one in products], "product")
        tap = None if data.get("tap") is None else fields.nested(data, "tap", Tariff.from_data)
        for one in products:
            _check_sold(one, tap)
        return cls(products=products, extra=fields.unknown(data, _FARES_FIELDS), tap=tap)

    def to_data(self) -> dict[str, object]:
        """The bundle's body, unknown fields included."""
        tap = None if self.tap is None else self.tap.to_data()
        return {"products": [one.to_data() for one in self.products], **fields.present(tap=tap), **self.extra}

    def on_card(self, number: int) -> FareProduct | None:
        """Return the product of a number that is sold at desks; None where there is none."""
        found = (one for one in self.products if one.card is not None and one.product == str(number))
        return next(found, None)


def _check_sold(one: FareProduct, tap: Tariff | None) -> None:
    """See that what is sold is what taps take for a pass or a ticket, and is priced in the card's money."""
    if one.card is None:
        return
    kind = frozenset[int]() if tap is None else tap.passes if one.card.days else tap.rides
    if one.product not in {str(number) for number in kind}:
        name = "passes" if one.card.days else "rides"
        raise InputError(f"product {one.product} is sold and is none of {name} of tap; correct the sender")
    if one.price.currency != EURO:
        raise InputError(f"product {one.product} is sold at desks, which take EUR; correct the sender")


def _price(data: Mapping[str, object]) -> Money:
    amount_minor = fields.whole(data, "amount_minor", 0, PAYMENT_MINOR_MAX)
    try:
        return Money(amount_minor, fields.text(data, "currency", 3))
    except InputError as error:
        raise InputError(f"currency: {error}") from error


_CARD_FIELDS = frozenset({"days", "zones", "rides"})
_PRODUCT_FIELDS = frozenset({"product", "name", "amount_minor", "currency", "card"})
_FARES_FIELDS = frozenset({"products", "tap"})
