"""Reading the fields of a `data` object: type, length and range are checked, or it is an `InputError`.

A bool is no int here, and NaN is no number. Text holds neither NUL nor half a surrogate pair: no database
could store them, and an event that cannot be stored would block its lane. A message names the field, never
its value.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from shared.model.errors import InputError

Choice = TypeVar("Choice", bound=StrEnum)

INTEGER_MAX = 2**53 - 1
"""What every JSON reader keeps exactly (RFC 8259, section 6) and every database stores."""


def text(data: Mapping[str, object], name: str, length_max: int) -> str:
    """A text of 1 to `length_max` characters.

    Raises:
        InputError: it is missing, no text, empty, too long, or cannot be stored.
    """
    value = data.get(name)
    if type(value) is not str or not 0 < len(value) <= length_max:
        raise InputError(f"{name} is a text of 1 to {length_max} characters; correct the sender")
    if not is_storable(value):
        raise InputError(f"{name} has a character that cannot be stored; correct the sender")
    return value


def text_or_none(data: Mapping[str, object], name: str, length_max: int) -> str | None:
    """The same, or None where the field is absent or null.

    Raises:
        InputError: it is there and is no such text.
    """
    return None if data.get(name) is None else text(data, name, length_max)


def whole(data: Mapping[str, object], name: str, minimum: int, maximum: int) -> int:
    """A whole number from `minimum` to `maximum`.

    Raises:
        InputError: it is missing, no whole number, or out of range.
    """
    value = data.get(name)
    if type(value) is not int or not minimum <= value <= maximum:
        raise InputError(f"{name} is a whole number from {minimum} to {maximum}; correct the sender")
    return value


def degrees_or_none(data: Mapping[str, object], name: str, limit: int) -> float | None:
    """An angle from `-limit` to `limit` degrees, or None where the field is absent or null.

    Raises:
        InputError: it is there and is no such angle.
    """
    value = data.get(name)
    if value is None:
        return None
    if (type(value) is not float and type(value) is not int) or not -limit <= value <= limit:
        raise InputError(f"{name} is a number from -{limit} to {limit} degrees; correct the sender")
    return float(value)


def choice(data: Mapping[str, object], name: str, members: type[Choice]) -> Choice:
    """One member of a closed set.

    Raises:
        InputError: it is missing or none of them.
    """
    value = data.get(name)
    try:
        return members(value)
    except ValueError:
        raise InputError(f"{name} is one of {', '.join(members)}; correct the sender") from None


def unknown(data: Mapping[str, object], known: Collection[str]) -> Mapping[str, object]:
    """The fields that this version does not know: kept and passed on."""
    return {name: value for name, value in data.items() if name not in known}


def present(**optional: object) -> dict[str, object]:
    """The fields that are not None, to be written out."""
    return {name: value for name, value in optional.items() if value is not None}


def is_storable(value: str) -> bool:
    """Whether every database can store a text: no NUL in it, and no half of a surrogate pair."""
    if "\0" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
