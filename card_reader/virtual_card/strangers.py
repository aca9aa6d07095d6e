"""Cards that are none of ours: a bank's, a telephone, another town's, one that only stores.

Each has its number in the air, its answer to reset, and what it answers to selections. They are as much of
such cards as a terminal sees that asks them once.

Source: ISO/IEC 14443-3, 6.5.4; EMV Contactless Book B, 3.3.2; PC/SC part 3, 3.1.3.2.3.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_PAYMENT: Final = b"2PAY.SYS.DDF01"
_NOT_FOUND: Final = b"\x6a\x82"
_LIST: Final = (
    bytes.fromhex("6f23840e325041592e5359532e4444463031a511bf0c0e610c4f07a0000000041010870101") + b"\x90\x00"
)
"""One application, as such a card lists it."""


@dataclass(frozen=True)
class Kind:
    """One kind of stranger.

    Attributes:
        atr: its answer to reset, as a reader makes it.
        number: in the air; where it begins with 08 and has 4 bytes, the rest is drawn at each presentation.
        answers: to a selection, by name; another is not found.
        is_storage: it takes no commands.
    """

    atr: bytes
    number: bytes
    answers: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    is_storage: bool = False


KINDS: Final = {
    "bank": Kind(
        bytes.fromhex("3B8E800180318066B1840C016E01830090001C"), bytes.fromhex("C40B2F1A"), {_PAYMENT: _LIST}
    ),
    "bank_random": Kind(
        bytes.fromhex("3B8E800180318066B1840C016E01830090001C"), b"\x08\0\0\0", {_PAYMENT: _LIST}
    ),
    "phone": Kind(bytes.fromhex("3B80800101"), b"\x08\0\0\0"),
    "wallet": Kind(bytes.fromhex("3B80800101"), b"\x08\0\0\0", {_PAYMENT: _LIST}),
    "town": Kind(bytes.fromhex("3B8180018080"), bytes.fromhex("04AA11BB22CC33")),
    "storage": Kind(
        bytes.fromhex("3B8F8001804F0CA000000306030001000000006A"), bytes.fromhex("11223344"), is_storage=True
    ),
}
"""By the words of the virtual card's input."""


class Stranger:
    """One of them in a field; what `faults.Field` asks of a card.

    Args:
        kind: which.
        draw: its randomness.
    """

    def __init__(self, kind: Kind, draw: Callable[[int], bytes]) -> None:
        self.atr = kind.atr
        self.number = kind.number
        self.asked = 0
        self._kind = kind
        self._draw = draw

    def power(self, *, on: bool) -> None:
        """Bring it into the field or take it out."""
        if on and self.number[0] == 0x08 and len(self.number) == 4:
            self.number = b"\x08" + self._draw(3)

    def transmit(self, command: bytes) -> bytes:
        """Answer a command."""
        self.asked += 1
        if self._kind.is_storage:
            return b""
        if command[:3] != b"\x00\xa4\x04" or len(command) < 6:
            return b"\x6d\x00"
        return self._kind.answers.get(command[5 : 5 + command[4]], _NOT_FOUND)
