"""Strict JSON: what two readers could read differently is refused."""

import pytest

from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.parsing import (
    ParseError,
    as_list,
    as_object,
    encode,
    number,
    octets,
    parse_object,
    quote,
)


@pytest.mark.sentence("L-1")
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[1]", id="a list"),
        pytest.param(b'{"a":1} {"b":2}', id="two objects"),
        pytest.param(b'{"a":1,"a":2}', id="a member twice"),
        pytest.param(b'{"a":1,"a" :2}', id="a member twice, once with a space"),
        pytest.param(b'{"a":1,"\\u0061":2}', id="a member twice, once escaped"),
        pytest.param(b'{"a":{"b" :1,"b" :2}}', id="a member twice, inside"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":-Infinity}', id="infinity"),
        pytest.param(b'{"a":1e999}', id="a number beyond every float"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="a number of 5,000 digits"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="a byte order mark"),
        pytest.param('{"a":"ñ"}'.encode("latin-1"), id="Latin-1"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="half of a surrogate pair in the bytes"),
        pytest.param(b'{"a":"\\ud800"}', id="half of a surrogate pair as an escape"),
        pytest.param(b'{"a":01}', id="a leading zero"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":1,}', id="a comma too many"),
        pytest.param(b'{"a":"\n"}', id="a newline inside a text"),
    ],
)
def test_message_that_is_no_strict_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parse_object(raw)


def test_text_that_looks_like_members_is_read() -> None:
    members = {"a": '":":', "b": {"a": '"a":1'}, "c": "\u00f1 \U0001f600", "d": -1.5e300}
    assert parse_object(encode(members)) == members


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_up_to_the_limit_is_read_and_beyond_it_refused(opening: bytes, closing: bytes) -> None:
    def nested(depth: int) -> bytes:
        inside = opening * (depth - 1) + b"1" + closing * (depth - 1)
        return b'{"a":%s}' % inside

    assert parse_object(nested(limits.NESTING_MAX))
    for depth in (limits.NESTING_MAX + 1, 500, 100_000):
        with pytest.raises(ParseError):
            parse_object(nested(depth))


def test_many_objects_side_by_side_are_not_deep() -> None:
    assert len(parse_object(encode({"a": [{}] * 1000}))["a"]) == 1000


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, 2**53, [1]])
def test_number_of_another_kind_or_out_of_range_is_refused(value: object) -> None:
    with pytest.raises(InputError):
        number({"n": value}, "n")


def test_number_is_read_from_its_least_on() -> None:
    assert number({"n": 2**53 - 1}, "n") == 2**53 - 1
    with pytest.raises(InputError):
        number({"n": 0}, "n", 1)


@pytest.mark.parametrize("value", ["0A", "0", "000", "0g", 0, None, "0 ", "\u0660\u0661"])
def test_octets_that_are_not_lower_case_hexadecimal_of_the_length_are_refused(value: object) -> None:
    with pytest.raises(ParseError):
        octets({"h": value}, "h", 1)


def test_octets_are_read() -> None:
    assert octets({"h": "00ff"}, "h", 2) == b"\x00\xff"


def test_object_and_list_are_told_apart() -> None:
    assert as_object({"a": 1}, "m") == {"a": 1}
    assert as_list([1], "m") == [1]
    for wrong in ([], None, "a"):
        with pytest.raises(ParseError):
            as_object(wrong, "m")
    for wrong in ({}, None, "a"):
        with pytest.raises(ParseError):
            as_list(wrong, "m")


def test_text_stays_readable_in_what_is_written() -> None:
    assert encode({"calle": "Ñandú", "n": 1}) == '{"calle":"Ñandú","n":1}'.encode()
    assert quote('a"ñ') == '"a\\"ñ"'
