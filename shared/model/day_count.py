"""What a terminal counted itself on a day of the town (`taps.counted`): the first column of an audit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from shared.model import fields
from shared.model.errors import InputError
from shared.model.money import AMOUNT_MINOR_MAX, Money

TAPS_MAX = 1_000_000
"""More on one terminal and day is a fault of it."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TapsCounted:
    """How many taps a terminal made on a day; a later word about the day replaces an earlier one.

    Attributes:
        day: of the town, by the cards' records; `2026-11-21`.
        taps: that happened, those that were taken back and what took them back included.
        amount: what left purses, less what came back.
        since_ms: since when its book counts, Unix epoch: what was before is not in it.
        extra: what this version does not know.
    """

    day: str
    taps: int
    amount: Money
    since_ms: int
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type or out of range.
        """
        day = fields.text(data, "day", 10)
        if not _DAY.fullmatch(day):
            raise InputError("day is a date such as 2026-11-21; correct the sender")
        amount_minor = fields.whole(data, "amount_minor", -AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)
        return cls(
            day=day,
            taps=fields.whole(data, "taps", 0, TAPS_MAX),
            amount=Money(amount_minor, fields.text(data, "currency", 3)),
            since_ms=fields.whole(data, "since_ms", 0, fields.INTEGER_MAX),
            extra=fields.unknown(data, _FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {
            "day": self.day,
            "taps": self.taps,
            "amount_minor": self.amount.amount_minor,
            "currency": self.amount.currency,
            "since_ms": self.since_ms,
            **self.extra,
        }


_FIELDS = frozenset({"day", "taps", "amount_minor", "currency", "since_ms"})
