"""Reading the fields of a `data` object: type, length and range are checked, or it is an `InputError`.

A bool is no int here, and NaN is no number. What lies deeper is named by its place, `items[3].title.es`. Text
holds neither NUL nor half a surrogate pair: no database
could store them, and an event that cannot be stored would block its lane. A message names the field, never
its value.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar, cast

from shared.model.errors import InputError
from shared.model.instants import from_rfc3339

Choice = TypeVar("Choice", bound=StrEnum)
T = TypeVar("T")

INSTANT_LENGTH_MAX = 40

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


def flag(data: Mapping[str, object], name: str) -> bool:
    """True or false.

    Raises:
        InputError: it is missing or something else.
    """
    value = data.get(name)
    if type(value) is not bool:
        raise InputError(f"{name} is true or false; correct the sender")
    return value


def instant_ms(data: Mapping[str, object], name: str) -> int:
    """An instant in RFC 3339, as Unix milliseconds.

    Raises:
        InputError: it is missing, or no instant with its offset.
    """
    written = text(data, name, INSTANT_LENGTH_MAX)
    try:
        return from_rfc3339(written)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def instant_ms_or_none(data: Mapping[str, object], name: str) -> int | None:
    """The same, or None where the field is absent or null.

    Raises:
        InputError: it is there and is no such instant.
    """
    return None if data.get(name) is None else instant_ms(data, name)


def nested(data: Mapping[str, object], name: str, read: Callable[[Mapping[str, object]], T]) -> T:
    """What an object in a field says; what is wrong in it is told with its place, such as `title.es`.

    Raises:
        InputError: it is missing, no object, or `read` does not take it.
    """
    value = data.get(name)
    if not isinstance(value, Mapping):
        raise InputError(f"{name} is an object; correct the sender")
    return _placed(f"{name}.", cast("Mapping[str, object]", value), read)


def each(
    data: Mapping[str, object], name: str, count_max: int, read: Callable[[Mapping[str, object]], T]
) -> tuple[T, ...]:
    """What a list of objects says, one after the other; what is wrong is told as `items[3].title`.

    Raises:
        InputError: it is missing, no list, too long, or `read` does not take one of them.
    """
    found: list[T] = []
    for number, value in enumerate(_listed(data, name, count_max)):
        if not isinstance(value, Mapping):
            raise InputError(f"{name}[{number}] is an object; correct the sender")
        found.append(_placed(f"{name}[{number}].", cast("Mapping[str, object]", value), read))
    return tuple(found)


def each_or_none(
    data: Mapping[str, object], name: str, count_max: int, read: Callable[[Mapping[str, object]], T]
) -> tuple[T, ...] | None:
    """The same, or None where the field is absent or null.

    Raises:
        InputError: it is there and is no such list.
    """
    return None if data.get(name) is None else each(data, name, count_max, read)


def texts(data: Mapping[str, object], name: str, count_max: int, length_max: int) -> tuple[str, ...]:
    """A list of texts.

    Raises:
        InputError: it is missing, no list, too long, or one of them is no such text.
    """
    listed = _listed(data, name, count_max)
    return tuple(text({place: value}, place, length_max) for place, value in _places(name, listed))


def wholes(
    data: Mapping[str, object], name: str, count_max: int, minimum: int, maximum: int
) -> tuple[int, ...]:
    """Reads a list of whole numbers.

    Raises:
        InputError: it is no list, too long, or a number is out of range; the sentence names the place.
    """
    listed = _listed(data, name, count_max)
    return tuple(whole({place: value}, place, minimum, maximum) for place, value in _places(name, listed))


def once(name: str, keys: Sequence[str], key: str) -> None:
    """See that no entry of a list has the key of another.

    Raises:
        InputError: one has; the sentence names the later one.
    """
    seen: set[str] = set()
    for number, value in enumerate(keys):
        if value in seen:
            raise InputError(f"{name}[{number}].{key} is the one of an entry before it; correct the sender")
        seen.add(value)


def _listed(data: Mapping[str, object], name: str, count_max: int) -> Sequence[object]:
    value = data.get(name)
    if type(value) is not list or len(cast("list[object]", value)) > count_max:
        raise InputError(f"{name} is a list of at most {count_max} entries; correct the sender")
    return cast("list[object]", value)


def _places(name: str, listed: Sequence[object]) -> Iterator[tuple[str, object]]:
    return ((f"{name}[{number}]", value) for number, value in enumerate(listed))


def _placed(place: str, value: Mapping[str, object], read: Callable[[Mapping[str, object]], T]) -> T:
    try:
        return read(value)
    except InputError as error:
        raise InputError(f"{place}{error}") from error
