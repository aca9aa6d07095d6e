"""The number that is printed on a card: twelve digits, by which its holder names it without having it.

It is drawn at random by the hub, and says nothing of the card: neither its number in the air nor its id. The
last digit checks the others.

Source: ISO/IEC 7812-1, annex B (Luhn).
"""

from typing import Final

from shared.model.errors import InputError

CARD_NUMBER_LENGTH: Final = 12
CARD_NUMBERS: Final = 10 ** (CARD_NUMBER_LENGTH - 1)
"""How many there are."""
_GROUP: Final = 4


def card_number(drawn: int) -> str:
    """Return a card's number.

    Args:
        drawn: at random, from 0 to below `CARD_NUMBERS`.

    Raises:
        InputError: it is out of that range.
    """
    if not 0 <= drawn < CARD_NUMBERS:
        raise InputError(f"a card's number is drawn below {CARD_NUMBERS}; draw another")
    body = str(drawn).zfill(CARD_NUMBER_LENGTH - 1)
    return f"{body}{-_sum(f'{body}0') % 10}"


def is_card_number(text: str) -> bool:
    """Tell whether a text is twelve digits of which the last checks the others."""
    is_digits = len(text) == CARD_NUMBER_LENGTH and text.isascii() and text.isdecimal()
    return is_digits and _sum(text) % 10 == 0


def grouped(number: str) -> str:
    """Return it as it is printed and read: `1234 5678 9017`."""
    return " ".join(number[at : at + _GROUP] for at in range(0, len(number), _GROUP))


def _sum(digits: str) -> int:
    """Every second digit from the right counts twice, and a double of two digits as their sum."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return sum(int(digit) for digit in digits[-1::-2]) + sum(doubled)
