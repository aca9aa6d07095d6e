"""The journal: one record for each deed. The newest is the card's state, those before are its history.

     0  1  form of the record: 1             24  2  product
     1  1  deed                              26  4  amount, signed: what left the purse is negative
     2  4  counter of the card               30  4  balance afterwards, signed
     6  4  time, seconds of Unix             34  4  until when a transfer is free, seconds of Unix
    10  4  terminal                          38  1  transfers left
    14  4  mark: drawn for this deed         39  1  how many may transfer
    18  2  line                              40  2  day of the cap
    20  2  stop                              42  2  spent on that day
    22  1  zone                              44  1  rides left
    23  1  passengers                        45  2  product of the rides
                                             47  1  room to grow

Rules:
- Numbers are big-endian; amounts are cents.
- Counter, terminal and mark together are one deed's alone: by them a terminal knows its own again.
- A deed carries on what it does not change (`Record.then`): a top-up ends no transfer.
"""

import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from hashlib import sha256
from typing import Any, Final, Self, cast

from card_reader.citizen_card.errors import CardDataError
from card_reader.citizen_card.layout import RECORD_BYTES

FORM: Final = 1
MARK_BYTES: Final = 4
COUNTER_MAX: Final = 2**32 - 1
CAP_MINOR_MAX: Final = 0xFFFF
PASSENGERS_MAX: Final = 255
_RECORD: Final = struct.Struct(">BBIII4sHHBBHiiIBBHHBHB")


class Deed(IntEnum):
    """What was done with the card."""

    ISSUED = 1
    RIDE = 2
    TRANSFER = 3
    TOPPED_UP = 4
    PURCHASE = 5
    REFUNDED = 6
    CANCELLED = 7
    """The last ride was undone by the driver."""
    BLOCKED = 8
    UNBLOCKED = 9
    BOUGHT = 10
    """A pass or rides were put on the card."""


RIDES: Final = frozenset({Deed.RIDE, Deed.TRANSFER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record.

    Attributes:
        deed: what was done.
        counter: of the card: how many deeds this makes.
        at_s: when, by the terminal's clock; Unix seconds.
        terminal: which one did it, by its number.
        mark: drawn for this deed, 4 bytes.
        line: of the bus; 0 where there is none.
        stop: the same.
        zone: 1 to 16; 0 where there is none.
        passengers: how many it was for.
        product: by which they ride; 0 where none.
        amount_minor: what the purse gained; negative, what left it.
        balance_minor: what is in the purse afterwards.
        transfer_until_s: until when changing costs nothing; 0 where it never does.
        transfers_left: how often.
        party: how many may change together.
        cap_day: the day to which the next belongs.
        cap_spent_minor: what the holder's own rides cost on that day.
        rides: left of a multi-ride ticket.
        rides_product: which one.
        form: of the record.
        spare: what this version does not know; one byte.
    """

    deed: Deed
    counter: int
    at_s: int
    terminal: int
    mark: bytes
    line: int = 0
    stop: int = 0
    zone: int = 0
    passengers: int = 0
    product: int = 0
    amount_minor: int = 0
    balance_minor: int = 0
    transfer_until_s: int = 0
    transfers_left: int = 0
    party: int = 0
    cap_day: int = 0
    cap_spent_minor: int = 0
    rides: int = 0
    rides_product: int = 0
    form: int = FORM
    spare: int = 0

    @classmethod
    def from_bytes(cls, record: bytes) -> Self:
        """Read a record.

        Raises:
            CardDataError: it is nothing that the town writes.
        """
        if len(record) != RECORD_BYTES or not record[0] or record[1] not in set(Deed):
            raise CardDataError(CardDataError.__doc__)
        values: dict[str, Any] = dict(zip(_FIELDS, _RECORD.unpack(record), strict=True))
        values["deed"] = Deed(record[1])
        return cls(**values)

    def to_bytes(self) -> bytes:
        """The record.

        Raises:
            CardDataError: a number does not fit.
        """
        if len(self.mark) != MARK_BYTES:
            raise CardDataError(CardDataError.__doc__)
        try:
            return _RECORD.pack(*(getattr(self, name) for name in _FIELDS))
        except struct.error:
            raise CardDataError(CardDataError.__doc__) from None

    def then(self, *, deed: Deed, at_s: int, terminal: int, mark: bytes, amount_minor: int) -> Self:
        """Return the record of the next deed: the purse moves by an amount, all else is carried on.

        Args:
            deed: what is done.
            at_s: now; Unix seconds.
            terminal: who does it.
            mark: drawn for it, 4 bytes.
            amount_minor: what the purse gains; negative, what leaves it.
        """
        moved: dict[str, Any] = {
            "counter": self.counter + 1,
            "amount_minor": amount_minor,
            "balance_minor": self.balance_minor + amount_minor,
        }
        elsewhere = {"line": 0, "stop": 0, "zone": 0, "passengers": 0, "product": 0}
        return replace(self, deed=deed, at_s=at_s, terminal=terminal, mark=mark, **elsewhere, **moved)

    def with_ride(self, **ride: int) -> Self:
        """Return the record with what a ride adds, by the names of its fields."""
        return replace(self, **cast("Any", ride))

    def is_same_deed(self, other: "Record") -> bool:
        """Tell whether two records are of one deed."""
        return (self.counter, self.terminal, self.mark) == (other.counter, other.terminal, other.mark)


def terminal_number(device: str) -> int:
    """Return the number by which a card's journal names a terminal, or a desk, from the device's name."""
    return int.from_bytes(sha256(device.encode()).digest()[:4], "big")


_FIELDS: Final = (
    "form",
    "deed",
    "counter",
    "at_s",
    "terminal",
    "mark",
    "line",
    "stop",
    "zone",
    "passengers",
    "product",
    "amount_minor",
    "balance_minor",
    "transfer_until_s",
    "transfers_left",
    "party",
    "cap_day",
    "cap_spent_minor",
    "rides",
    "rides_product",
    "spare",
)
