"""Money: a whole number of minor units in one currency.

    >>> fare = Money(150, "EUR")
    >>> str(fare * 3 + Money.parse("38,00 €"))
    '42,50 €'
    >>> [str(share) for share in Money(1000, "EUR").allocate(1, 1, 1)]
    ['3,34 €', '3,33 €', '3,33 €']

Rules:
- An amount is an `int` of minor units (cents). A float is refused, and so is a bool, though Python calls it
  an int.
- Two currencies never meet in one sum or comparison; nothing here converts one into another.
- A division that loses a cent does not exist: `allocate` hands out every last one.

Not here: rates of exchange, rounding, taxes. How many decimals a currency has: ISO 4217:2015, list one.
"""

import re
from dataclasses import dataclass
from typing import Self

from shared.model.errors import InputError

EURO = "EUR"
AMOUNT_MINOR_MAX = 10**15
"""Ten million million euros: more is a fault of the sender, and every database counts that far."""

_NOT_TWO_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DECIMALS = {code: decimals for decimals, codes in _NOT_TWO_DECIMALS.items() for code in codes.split()}
_CURRENCY = re.compile(r"[A-Z]{3}")
_WRITTEN = re.compile(
    r"(-?)(\d{1,3}(?:\.\d{3})+|\d{1,16})(?:,(\d{1,4}))?[ \u00a0\u202f]?(€|[A-Z]{3})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of money; negative is owed.

    Args:
        amount_minor: whole minor units, e.g. cents; at most `AMOUNT_MINOR_MAX` either way.
        currency: ISO 4217 code, three capital letters.

    Raises:
        InputError: the amount is not an int or too large, or the currency is no code.
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise InputError("an amount is a whole number of minor units; give 4250 for 42,50 €")
        if not -AMOUNT_MINOR_MAX <= self.amount_minor <= AMOUNT_MINOR_MAX:
            raise InputError("an amount of this size is a mistake; check the sender")
        if type(self.currency) is not str or not _CURRENCY.fullmatch(self.currency):
            raise InputError("a currency is an ISO 4217 code of three capital letters, e.g. EUR")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads an amount as Spain writes it: `42,50 €`, `1.234,50 €`, `-0,05 €`, `42 EUR`.

        Raises:
            InputError: the text is not written so, or has more decimals than the currency.
        """
        written = _WRITTEN.fullmatch(text.strip())
        if not written:
            raise InputError("an amount is written with a decimal comma and its currency, e.g. 42,50 €")
        sign, whole, cents, mark = written.groups(default="")
        currency = EURO if mark == "€" else mark
        decimals = _DECIMALS.get(currency, 2)
        if len(cents) > decimals:
            raise InputError(f"{currency} has {decimals} decimals; write no more than that")
        return cls(int(sign + whole.replace(".", "") + cents.ljust(decimals, "0")), currency)

    def __str__(self) -> str:
        """The amount as Spain writes it: `-1.234,50 €`; a currency other than the euro by its code."""
        decimals = _DECIMALS.get(self.currency, 2)
        whole, cents = divmod(abs(self.amount_minor), 10**decimals)
        sign = "-" if self.amount_minor < 0 else ""
        grouped = f"{whole:,}".replace(",", ".")
        comma = f",{cents:0{decimals}}" if decimals else ""
        return f"{sign}{grouped}{comma} {'€' if self.currency == EURO else self.currency}"

    def __add__(self, other: Self) -> Self:
        return type(self)(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.amount_minor - self._same(other), self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.amount_minor, self.currency)

    def __mul__(self, times: int) -> Self:
        if type(times) is not int:
            raise InputError("money is multiplied by a whole number; to share it out use allocate")
        return type(self)(self.amount_minor * times, self.currency)

    def __bool__(self) -> bool:
        return self.amount_minor != 0

    def __lt__(self, other: Self) -> bool:
        return self.amount_minor < self._same(other)

    def __le__(self, other: Self) -> bool:
        return self.amount_minor <= self._same(other)

    def allocate(self, *weights: int) -> tuple[Self, ...]:
        """Shares the amount out in proportion to the weights, without losing a cent.

        The cents that are left over go one each to the shares that were cut most, the earlier one first.

        Args:
            *weights: whole numbers from 0, at least one above.

        Raises:
            InputError: a weight is no whole number or negative, or all are 0.
        """
        if any(type(weight) is not int or weight < 0 for weight in weights) or not any(weights):
            raise InputError("weights are whole numbers from 0, at least one above; give 1, 1, 1 for thirds")
        sign, total = (-1 if self.amount_minor < 0 else 1), abs(self.amount_minor)
        shares, cuts = zip(*(divmod(total * weight, sum(weights)) for weight in weights), strict=True)
        most_cut = sorted(range(len(cuts)), key=lambda place: -cuts[place])[: total - sum(shares)]
        return tuple(
            type(self)(sign * (share + (place in most_cut)), self.currency)
            for place, share in enumerate(shares)
        )

    def _same(self, other: Self) -> int:
        """The other's amount, if it is money of this currency."""
        if type(other) is not type(self):
            raise InputError("money is added to and compared with money only")
        if other.currency != self.currency:
            raise InputError(f"{self.currency} and {other.currency} do not mix; keep them in separate sums")
        return other.amount_minor
