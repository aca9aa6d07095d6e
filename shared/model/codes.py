"""Codes: short names that people type and that stand in addresses: a place, a district, an interest.

Rule: small letters, digits and hyphens, so that a code is spelled in one way alone and fits every address.
"""

from collections.abc import Mapping
from typing import Final

from shared.model.errors import InputError

PLACE_LENGTH_MIN: Final = 4
PLACE_LENGTH_MAX: Final = 12
"""`https://host/b/<place>` has to fit the 17 bytes of an Eddystone-URL frame, or nearly."""
DISTRICT_LENGTH_MAX: Final = 17
"""`beacon-notices-<district>` names a bundle, which has at most 32 characters."""
INTEREST_LENGTH_MAX: Final = 32
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def is_code(value: object, length_min: int, length_max: int) -> bool:
    """Whether something is a code of that length."""
    return type(value) is str and length_min <= len(value) <= length_max and _LETTERS.issuperset(value)


def place(data: Mapping[str, object], name: str) -> str:
    """The code of a place.

    Raises:
        InputError: it is missing or none.
    """
    return _code(data, name, PLACE_LENGTH_MIN, PLACE_LENGTH_MAX)


def district(data: Mapping[str, object], name: str) -> str:
    """The code of a district.

    Raises:
        InputError: it is missing or none.
    """
    return _code(data, name, 1, DISTRICT_LENGTH_MAX)


def interest(data: Mapping[str, object], name: str) -> str:
    """The code of an interest.

    Raises:
        InputError: it is missing or none.
    """
    return _code(data, name, 1, INTEREST_LENGTH_MAX)


def _code(data: Mapping[str, object], name: str, length_min: int, length_max: int) -> str:
    value = data.get(name)
    if type(value) is not str or not is_code(value, length_min, length_max):
        raise InputError(f"{name} is {length_min} to {length_max} of a-z, 0-9 and hyphen; correct the sender")
    return value
