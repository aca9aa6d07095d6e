"""The fares: what a ride costs, by fare product (bundle `fares`).

    {"products":[{"product":"sencillo","name":{"es":"Billete sencillo"},"amount_minor":130,"currency":"EUR"}]}

`product` is what a tap names; what a tap costs is `tap`, where the town has cards (`tariff`).
Not here: who may have which product, and what is booked (what the tap says).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from shared.model import fields
from shared.model.errors import InputError
from shared.model.money import Money
from shared.model.payment import PAYMENT_MINOR_MAX, PRODUCT_LENGTH_MAX
from shared.model.tariff import Tariff
from shared.model.wording import Wording, wording

PRODUCTS_MAX = 500
NAME_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FareProduct:
    """One price.

    Attributes:
        product: names it, in a tap too.
        name: what passengers read.
        price: of one ride; may be nothing.
        extra: what this version does not know.
    """

    product: str
    name: Wording
    price: Money
    extra: Mapping[str, object]

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
        )

    def to_data(self) -> dict[str, object]:
        """One of `products`."""
        return {
            "product": self.product,
            "name": self.name.to_data(),
            "amount_minor": self.price.amount_minor,
            "currency": self.price.currency,
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
        return cls(products=products, extra=fields.unknown(data, _FARES_FIELDS), tap=tap)

    def to_data(self) -> dict[str, object]:
        """The bundle's body, unknown fields included."""
        tap = None if self.tap is None else self.tap.to_data()
        return {"products": [one.to_data() for one in self.products], **fields.present(tap=tap), **self.extra}


def _price(data: Mapping[str, object]) -> Money:
    amount_minor = fields.whole(data, "amount_minor", 0, PAYMENT_MINOR_MAX)
    try:
        return Money(amount_minor, fields.text(data, "currency", 3))
    except InputError as error:
        raise InputError(f"currency: {error}") from error


_PRODUCT_FIELDS = frozenset({"product", "name", "amount_minor", "currency"})
_FARES_FIELDS = frozenset({"products", "tap"})
