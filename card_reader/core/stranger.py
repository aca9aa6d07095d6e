"""What a card is that is none of ours: a bank's, a telephone, another town's. At most one more command.

    random number, bare answer to reset   → a telephone
    a payment application answers         → a bank card
    random number                         → a telephone
    anything else                         → a card that is not valid here

Rules:
- Nothing of it is kept, and nothing is asked of it but whether a payment application is there.
- A telephone draws its number anew each time, and says nothing of itself in its answer to reset. Some bank
  cards draw their number too, but name themselves. What is taken for the other is told the same thing to do.
- A card that can only be read and written (storage) is given no command at all: its reader could not send it.

Source: ISO/IEC 14443-3, 6.5.4 (random numbers); PC/SC part 3, 3.1.3.2.3 (answers to reset that readers make);
EMV Contactless Book B, 3.3.2 (2PAY.SYS.DDF01).
"""

from typing import Final

from card_reader.apdu.exchange import Answer, send
from card_reader.apdu.outcome import Done, Doubt, NotSent, Talk, Unknown
from card_reader.apdu.status import Status
from card_reader.core.decision import No

RANDOM_BYTES: Final = 4
RANDOM_FIRST: Final = 0x08
_PAYMENT: Final = b"\x00\xa4\x04\x00\x0e2PAY.SYS.DDF01\x00"
_FOUND: Final = 0x6F
"""What a description of an application begins with."""
_STORAGE: Final = bytes.fromhex("A000000306")
"""Stands in the answer to reset of a card without commands."""


def stranger(number: bytes, atr: bytes) -> Talk[No]:
    """Find out what a card is that is none of ours.

    Args:
        number: its number in the air; empty where the reader does not know it.
        atr: its answer to reset; empty where nobody knows it.
    """
    if is_storage(atr):
        return No.FOREIGN_CARD
    is_random = len(number) == RANDOM_BYTES and number[0] == RANDOM_FIRST
    if is_random and _is_bare(atr):
        return No.PHONE
    sent = yield from send(_PAYMENT)
    match sent:
        case Done(Answer(body, Status.ISO_OK)) if body[:1] == bytes([_FOUND]):
            return No.BANK_CARD
        case NotSent() | Unknown(Doubt.NO_ANSWER):
            return No.REMOVED
        case _:
            return No.PHONE if is_random else No.FOREIGN_CARD


def is_storage(atr: bytes) -> bool:
    """Tell whether a card takes no commands."""
    return _STORAGE in atr


def _is_bare(atr: bytes) -> bool:
    """Whether an answer to reset says nothing of the card: no historical bytes."""
    return len(atr) > 1 and not atr[1] & 0x0F
