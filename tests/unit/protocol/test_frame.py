"""Frames: a header that counts its lines, and the lines in their very bytes."""

from dataclasses import replace

import pytest

from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.frame import Frame, check_epoch, decode_frame, encode_frame
from shared.protocol.parsing import ParseError

FRAME = Frame(
    session="s" * 22,
    epoch="9f3c2a1b",
    first=1041,
    prev=bytes(range(8)),
    oldest=1002,
    highest=1099,
    boot=312,
    uptime_ms=81_234_567,
    contexts={"c7": "suite.AAAA"},
    lines=(b'{"seq":1041}', '{"seq":1042,"ñ":1}'.encode()),
)
EMPTY = replace(FRAME, contexts={}, lines=(), first=1100)


@pytest.mark.sentence("L-5")
def test_frame_has_a_header_that_counts_its_lines_and_then_their_bytes() -> None:
    assert encode_frame(FRAME) == (
        b'{"v":1,"session":"ssssssssssssssssssssss","epoch":"9f3c2a1b","first":1041,"count":2,'
        b'"prev":"0001020304050607","oldest":1002,"highest":1099,"boot":312,"uptime_ms":81234567,'
        b'"contexts":{"c7":"suite.AAAA"}}\n{"seq":1041}\n' + FRAME.lines[1] + b"\n"
    )


def test_frame_is_read_back_as_it_was_written() -> None:
    assert decode_frame(encode_frame(FRAME)) == FRAME


@pytest.mark.sentence("L-10")
def test_frame_without_lines_and_epoch_is_read_back() -> None:
    nothing = replace(EMPTY, epoch="", first=1, oldest=1, highest=0)
    assert decode_frame(encode_frame(EMPTY)) == EMPTY
    assert decode_frame(encode_frame(nothing)) == nothing


def test_frame_keeps_lines_that_are_no_json() -> None:
    odd = replace(FRAME, lines=(b"\xff\xfe", b"", b"~"))
    assert decode_frame(encode_frame(odd)).lines == odd.lines


@pytest.mark.sentence("L-6")
def test_frame_up_to_its_limits_is_read_and_beyond_them_refused() -> None:
    full = replace(FRAME, lines=(b"x",) * limits.FRAME_LINES_MAX)
    assert decode_frame(encode_frame(full)) == full
    with pytest.raises(ParseError):
        decode_frame(encode_frame(replace(full, lines=(*full.lines, b"x"))))
    room = limits.FRAME_BYTES_MAX - len(encode_frame(replace(FRAME, lines=(b"",))))
    largest = replace(FRAME, lines=(b"x" * room,))
    assert len(encode_frame(largest)) == limits.FRAME_BYTES_MAX
    assert decode_frame(encode_frame(largest)) == largest
    with pytest.raises(ParseError):
        decode_frame(encode_frame(replace(FRAME, lines=(b"x" * (room + 1),))))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"v":1', b'"v":2', id="another version"),
        pytest.param(b'"v":1', b'"v":true', id="true for a version"),
        pytest.param(b'"count":2', b'"count":1', id="fewer counted"),
        pytest.param(b'"count":2', b'"count":3', id="more counted"),
        pytest.param(b'"count":2', b'"count":2.0', id="a float for a count"),
        pytest.param(b'"first":1041', b'"first":0', id="from nothing"),
        pytest.param(b'"oldest":1002', b'"oldest":0', id="oldest before one"),
        pytest.param(b'"highest":1099', b'"highest":-1', id="highest below nothing"),
        pytest.param(b'"highest":1099', b'"highest":9007199254740992', id="beyond what JSON keeps"),
        pytest.param(b'"prev":"0001020304050607"', b'"prev":"000102030405060G"', id="prev is no hexadecimal"),
        pytest.param(b'"epoch":"9f3c2a1b"', b'"epoch":"9F3C2A1B"', id="an epoch in upper case"),
        pytest.param(b'"epoch":"9f3c2a1b",', b"", id="no epoch"),
        pytest.param(b"ssssssssssssssssssssss", b"s" * 23, id="a session too long"),
        pytest.param(b'{"c7":"suite.AAAA"}', b'{"c7":1}', id="a context that is no text"),
        pytest.param(b'{"c7":"suite.AAAA"}', b"[]", id="contexts that are no object"),
        pytest.param(b'"boot":312', b'"boot":312,"boot":312', id="a member twice"),
    ],
)
def test_frame_with_a_bad_header_is_refused(old: bytes, new: bytes) -> None:
    body = encode_frame(FRAME)
    assert old in body
    with pytest.raises(InputError):
        decode_frame(body.replace(old, new, 1))


def test_frame_whose_last_line_does_not_end_is_refused() -> None:
    for body in (encode_frame(FRAME)[:-1], encode_frame(EMPTY)[:-1], b""):
        with pytest.raises(ParseError):
            decode_frame(body)


@pytest.mark.sentence("L-2")
@pytest.mark.parametrize(
    "value", ["9f3c2a1", "9f3c2a1bb", "9F3C2A1B", "9f3c2a1g", "", None, 12345678, "\uff19f3c2a1b"]
)
def test_epoch_that_is_not_eight_digits_is_refused(value: object) -> None:
    with pytest.raises(ParseError):
        check_epoch(value)


@pytest.mark.sentence("L-2")
def test_epoch_of_eight_digits_is_one() -> None:
    assert check_epoch("9f3c2a1b") == "9f3c2a1b"
