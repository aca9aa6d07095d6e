"""What a ride on a card costs, and what a terminal may allow by itself (`tap` of the bundle `fares`).

    {"currency":"EUR","prices":[{"category":0,"amount_minor":130},{"category":1,"amount_minor":65}],
     "passes":[20],"rides":[30],"transfer":{"window_s":3600,"count":2,"same_line":false},
     "cap_day_minor":390,"tolerance_minor":130,"passback_s":120,"passengers_max":8}

Products and categories are numbers here, as they stand on a card.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from shared.model import fields
from shared.model.errors import InputError
from shared.model.money import EURO, Money

CATEGORIES_MAX: Final = 64
CODES_MAX: Final = 500
CODE_MAX: Final = 0xFFFF
RIDE_MINOR_MAX: Final = 10_000
"""One ride costs a hundred euros at most: more is a slip of the pen."""
CAP_MINOR_MAX: Final = 0xFFFF
"""What the journal of a card counts up to."""
WINDOW_S_MAX: Final = 86_400
PASSBACK_S_MAX: Final = 3_600
TRANSFERS_MAX: Final = 9
PASSENGERS_MAX: Final = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Changing without paying again.

    Attributes:
        window_s: seconds from the ride that was paid.
        count: how often.
        same_line: also to another bus of the line.
    """

    window_s: int
    count: int
    same_line: bool

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads `transfer`.

        Raises:
            InputError: a field is missing, of another type or out of range.
        """
        return cls(
            window_s=fields.whole(data, "window_s", 1, WINDOW_S_MAX),
            count=fields.whole(data, "count", 1, TRANSFERS_MAX),
            same_line=fields.flag(data, "same_line"),
        )

    def to_data(self) -> dict[str, object]:
        """`transfer`."""
        return {"window_s": self.window_s, "count": self.count, "same_line": self.same_line}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """The rules of a tap.

    Attributes:
        prices: of one ride by rider category; 0, everybody, is among them.
        passes: products that are period passes.
        rides: products that are multi-ride tickets.
        transfer: changing without paying again; None where there is none.
        cap_day: what a holder's own rides cost on one day at most; None without a cap.
        tolerance: how far below zero a purse that holds something may go by one tap.
        passback_s: for how long a card that comes again to its terminal is taken as the same presentation.
        passengers_max: on one card at once.
        extra: what this version does not know.
    """

    prices: Mapping[int, Money]
    passes: frozenset[int]
    rides: frozenset[int]
    transfer: Transfer | None
    cap_day: Money | None
    tolerance: Money
    passback_s: int
    passengers_max: int
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads `tap` of the bundle.

        Raises:
            InputError: a field is missing, of another type or out of range, or everybody has no price.
        """
        currency = fields.text(data, "currency", 3)
        if currency != EURO:
            raise InputError("currency is EUR: the purse of a card holds nothing else; correct the sender")
        prices = dict(fields.each(data, "prices", CATEGORIES_MAX, _price))
        if 0 not in prices:
            raise InputError("prices has one for category 0, which is everybody; correct the sender")
        has_transfer, has_cap = data.get("transfer") is not None, data.get("cap_day_minor") is not None
        return cls(
            prices=prices,
            passes=frozenset(fields.wholes(data, "passes", CODES_MAX, 1, CODE_MAX)),
            rides=frozenset(fields.wholes(data, "rides", CODES_MAX, 1, CODE_MAX)),
            transfer=fields.nested(data, "transfer", Transfer.from_data) if has_transfer else None,
            cap_day=_amount(data, "cap_day_minor", CAP_MINOR_MAX) if has_cap else None,
            tolerance=_amount(data, "tolerance_minor", RIDE_MINOR_MAX),
            passback_s=fields.whole(data, "passback_s", 0, PASSBACK_S_MAX),
            passengers_max=fields.whole(data, "passengers_max", 1, PASSENGERS_MAX),
            extra=fields.unknown(data, _FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """`tap` of the bundle."""
        return {
            "currency": EURO,
            "prices": [
                {"category": category, "amount_minor": price.amount_minor}
                for category, price in sorted(self.prices.items())
            ],
            "passes": sorted(self.passes),
            "rides": sorted(self.rides),
            **fields.present(
                transfer=None if self.transfer is None else self.transfer.to_data(),
                cap_day_minor=None if self.cap_day is None else self.cap_day.amount_minor,
            ),
            "tolerance_minor": self.tolerance.amount_minor,
            "passback_s": self.passback_s,
            "passengers_max": self.passengers_max,
            **self.extra,
        }

    def price_for(self, category: int) -> Money:
        """The price of one ride; a category that the fares do not know pays what everybody pays."""
        return self.prices.get(category, self.prices[0])


def _price(data: Mapping[str, object]) -> tuple[int, Money]:
    return fields.whole(data, "category", 0, 255), _amount(data, "amount_minor", RIDE_MINOR_MAX)


def _amount(data: Mapping[str, object], name: str, maximum: int) -> Money:
    return Money(fields.whole(data, name, 0, maximum), EURO)


_FIELDS: Final = frozenset(
    {
        "currency",
        "prices",
        "passes",
        "rides",
        "transfer",
        "cap_day_minor",
        "tolerance_minor",
        "passback_s",
        "passengers_max",
    }
)
