"""Strict JSON for what arrives: one object, no duplicate member, no NaN, UTF-8.

Two readers that disagree about a message are two truths about a citizen's money. So what other parsers let
pass (a member twice, NaN, a number beyond every float, half of a surrogate pair, a byte order mark) is an
error here. Whatever is read can be written again: `encode` does not fail on it.

Source: RFC 8259; docs/PROTOCOL.md, section Lines and frames.
"""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, NoReturn, cast

from shared.model.errors import InputError
from shared.model.fields import INTEGER_MAX, whole
from shared.protocol import limits


class ParseError(InputError):
    """The bytes are not one strict JSON object with the members that belong there."""


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read one strict JSON object.

    Args:
        raw: UTF-8 bytes.

    Raises:
        ParseError: not UTF-8, not JSON, not an object, a member twice, NaN or Infinity, half of a surrogate
            pair, or deeper than NESTING_MAX.
    """
    try:
        text = raw.decode("utf-8", "strict").strip(_SPACE)
        value, end = _decode(text)
        if end != len(text):
            message = "more than one value"
            raise ValueError(message)
        members = as_object(value, "message")
        if "\\u" in text:
            _encode(members).encode()  # fails on half of a surrogate pair, which only an escape can spell
        if text.count("{") + text.count("[") > limits.NESTING_MAX:
            _check_depth(members, limits.NESTING_MAX)
    except (ValueError, RecursionError) as error:
        raise ParseError(ParseError.__doc__) from error
    return members


def number(members: Mapping[str, Any], name: str, least: int = 0) -> int:
    """Return the whole number `name`, from `least` on.

    Raises:
        InputError: it is missing, no whole number, or out of range.
    """
    return whole(members, name, least, INTEGER_MAX)


def as_object(value: object, name: str) -> dict[str, Any]:
    """Return a member's value where it is an object.

    Raises:
        ParseError: it is something else.
    """
    if type(value) is not dict:
        message = f"The member {name} must be an object."
        raise ParseError(message)
    return cast("dict[str, Any]", value)


def as_list(value: object, name: str) -> list[Any]:
    """Return a member's value where it is a list.

    Raises:
        ParseError: it is something else.
    """
    if type(value) is not list:
        message = f"The member {name} must be a list."
        raise ParseError(message)
    return cast("list[Any]", value)


def octets(members: Mapping[str, Any], name: str, length: int) -> bytes:
    """Return the hexadecimal member `name` as `length` bytes.

    Raises:
        ParseError: it is missing, not lower-case hexadecimal, or of another length.
    """
    value = members.get(name)
    if type(value) is str and len(value) == 2 * length and value == value.lower():
        try:
            return bytes.fromhex(value)
        except ValueError:
            pass
    message = f"The member {name} must be {2 * length} lower-case hexadecimal digits."
    raise ParseError(message)


def encode(members: Mapping[str, Any]) -> bytes:
    """Write one object without spaces and without a newline; text stays readable UTF-8."""
    return _encode(members).encode()


def check_json(value: object) -> None:
    """See that a value can be written as JSON that everyone reads.

    Raises:
        ParseError: NaN, half of a surrogate pair, deeper than NESTING_MAX, or no JSON at all.
    """
    try:
        parse_object(encode({"value": value}))
    except (ValueError, TypeError, RecursionError) as error:
        raise ParseError(ParseError.__doc__) from error


def quote(value: str) -> str:
    """Return `value` as a JSON string."""
    return _encode(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "a member stands twice"
        raise ValueError(message)
    return members


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        message = "a number is beyond every float"
        raise ValueError(message)
    return value


def _check_depth(value: object, left: int) -> None:
    if type(value) is dict:
        inside = list(cast("dict[str, object]", value).values())
    elif type(value) is list:
        inside = cast("list[object]", value)
    else:
        return
    if left == 0:
        message = "the message is too deep"
        raise ValueError(message)
    for each in inside:
        _check_depth(each, left - 1)


_decode: Final = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique
).raw_decode
_SPACE: Final = " \t\n\r"
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
