"""The PIN of a card: what it looks like, and how often it may be missed.

It is typed at a desk and at a kiosk, and checked by the hub alone (`hub.relay.pin_book`).
"""

from enum import StrEnum
from itertools import pairwise
from typing import Final

from shared.model.errors import InputError

PIN_LENGTH: Final = 4
TRIES_MAX: Final = 3
"""Wrong ones in a row; then it is locked until somebody comes to a desk."""


class PinWord(StrEnum):
    """How it stands between a card and whoever holds it."""

    NONE = "none"
    """The card has none."""
    ASKED = "asked"
    """It has one, and none was given."""
    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"


def is_pin(text: str) -> bool:
    """Tell whether a text is four digits."""
    return len(text) == PIN_LENGTH and text.isascii() and text.isdecimal()


def check_new_pin(text: str) -> str:
    """Return a PIN that a card may get.

    Raises:
        InputError: it is not four digits, or the first that a finder would try.
    """
    if not is_pin(text):
        raise InputError(f"a PIN is {PIN_LENGTH} digits; choose another one")
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(text)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        raise InputError("a finder tries this PIN first, as 1234 or 0000; choose another one")
    return text
