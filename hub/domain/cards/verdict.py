"""What came of an order at a desk, as it is told to whoever asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Self

from card_reader.citizen_card.holder import Holder
from card_reader.citizen_card.journal import Record
from hub.domain.cards.orders import Do
from hub.domain.cards.register import CardState


class Said(StrEnum):
    """What came of it; docs/CARD.md has a row for each."""

    DONE = "done"
    UNKNOWN = "unknown"
    """The card may have done it: hold it there again."""
    SETTLED = "settled"
    """Something earlier was settled, and nothing more was done."""
    REMOVED = "removed"
    """The card left too early: nothing was done."""
    FOREIGN_CARD = "foreign_card"
    NOT_GENUINE = "not_genuine"
    UNREADABLE = "unreadable"
    WRONG_VERSION = "wrong_version"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    NO_BALANCE = "no_balance"
    UNKNOWN_CARD = "unknown_card"
    """It holds the town's keys, and the register does not know it."""
    NOT_IN_USE = "not_in_use"
    """It was replaced or refunded."""
    NOT_BLOCKED = "not_blocked"
    TOO_MUCH = "too_much"
    """The purse would hold more than it may."""
    NOTHING_LEFT = "nothing_left"
    LIMIT = "limit"
    """The card itself refuses the amount."""
    ALREADY_ISSUED = "already_issued"
    NO_SUCH_CARD = "no_such_card"
    """The register does not know the card that is to be replaced."""
    NO_SUCH_PRODUCT = "no_such_product"
    """The fares in force at the desk sell nothing of that number."""
    NO_ROOM = "no_room"
    """The card holds as many passes or rides as it can, or another ticket."""
    NO_MATCH = "no_match"
    """No card that could be blocked has this number and this PIN; which of the two it is nobody hears."""
    TOO_MANY = "too_many"
    """Too many such pairs led nowhere at this kiosk."""
    NUMBER_IN_USE = "number_in_use"
    """The card is empty, and the register has its number in use."""


_OUTCOMES: Final = {
    Said.DONE: "done",
    Said.UNKNOWN: "unknown",
    Said.SETTLED: "not_sent",
    Said.REMOVED: "not_sent",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What was read of a card.

    Attributes:
        holder: who and what it is for.
        records: of its journal, the newest first; one at least.
    """

    holder: Holder
    records: tuple[Record, ...]

    @property
    def last(self) -> Record:
        """The newest record: the card's state."""
        return self.records[0]

    def with_newest(self, record: Record) -> Self:
        """What stands on it after a deed."""
        return replace(self, records=(record,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of an order.

    Attributes:
        said: the word for it.
        image: what stands on the card, as far as it could be read.
        state: how the register has it; None where that plays no part.
        before: what was settled that had been open; None where nothing was.
        happened: whether that had happened; None where nobody can tell.
        number: that is printed on the card; empty where nobody is told.
        words: what a citizen is told of the card, in place of its bytes; None at a desk.
    """

    said: Said
    image: Image | None = None
    state: CardState | None = None
    before: Do | None = None
    happened: bool | None = None
    number: str = field(default="", repr=False)
    words: Mapping[str, Any] | None = field(default=None, repr=False)

    def to_data(self) -> dict[str, Any]:
        """Return it as it travels; bytes in hexadecimal, as they stand on the card."""
        data: dict[str, Any] = {"outcome": _OUTCOMES.get(self.said, "refused"), "said": self.said.value}
        if self.image is not None:
            data["holder"] = self.image.holder.to_bytes().hex()
            data["records"] = [record.to_bytes().hex() for record in self.image.records]
        if self.number:
            data["number"] = self.number
        if self.words is not None:
            data["card"] = dict(self.words)
        if self.state is not None:
            data["state"] = self.state.value
        if self.before is not None:
            data |= {"before": self.before.value, "happened": self.happened}
        return data
