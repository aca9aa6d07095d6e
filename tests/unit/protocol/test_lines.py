"""Lines: composed, read, and told from gaps."""

import json

import pytest

from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.lines import Gap, GapReason, Stamp, compose, read_gap, read_line
from shared.protocol.parsing import ParseError

ID = "01930d3e-8a00-7000-8000-000000000001"
STAMP = Stamp("2026-11-21T10:15:00Z", 312, 81_230_000, 420)
LINE = compose(7, ID, "tap.charged", STAMP, "card-1", ("data", {"counter": 1}))
HEAD = bytes(range(8))


@pytest.mark.sentence("L-1")
def test_line_has_its_members_in_order_and_no_space() -> None:
    assert LINE == (
        b'{"seq":7,"id":"01930d3e-8a00-7000-8000-000000000001","type":"tap.charged",'
        b'"time":"2026-11-21T10:15:00Z","clock_age_s":420,"boot":312,"uptime_ms":81230000,'
        b'"subject":"card-1","data":{"counter":1}}'
    )


@pytest.mark.sentence("D-4")
def test_line_of_a_clock_that_never_agreed_says_no_age() -> None:
    line = compose(1, ID, "device.state", Stamp("2026-11-21T10:15:00Z", 1, 1), None, ("data", {}))
    assert "clock_age_s" not in json.loads(line)
    assert json.loads(LINE)["clock_age_s"] == 420


@pytest.mark.sentence("K-2")
def test_line_that_is_sealed_has_no_data() -> None:
    members = json.loads(compose(1, ID, "tap.charged", STAMP, None, ("sealed", "c7.1.AAAA")))
    assert members["sealed"] == "c7.1.AAAA"
    assert "data" not in members
    assert "subject" not in members


@pytest.mark.sentence("L-6")
def test_line_up_to_the_limit_is_composed_and_a_longer_one_refused() -> None:
    def long(length: int) -> bytes:
        return compose(1, ID, "tap.charged", STAMP, None, ("sealed", "A" * length))

    rest = len(long(0))
    assert len(long(limits.LINE_BYTES_MAX - rest)) == limits.LINE_BYTES_MAX == 16_384
    with pytest.raises(ParseError, match="shorten"):
        long(limits.LINE_BYTES_MAX - rest + 1)


@pytest.mark.sentence("L-6")
def test_line_beyond_the_limit_is_not_read_either() -> None:
    with pytest.raises(ParseError):
        read_line(LINE[:-1] + b',"pad":"' + b"A" * limits.LINE_BYTES_MAX + b'"}', 7)


@pytest.mark.sentence("L-6")
def test_limits_of_microcontrollers_and_frames_are_those_of_the_page() -> None:
    assert (limits.MICRO_LINE_BYTES_MAX, limits.MICRO_FRAME_LINES_MAX, limits.MICRO_FRAME_BYTES_MAX) == (
        1_024,
        20,
        4_096,
    )
    assert (limits.FRAME_LINES_MAX, limits.FRAME_BYTES_MAX) == (200, 65_536)


def test_line_at_its_place_is_read_and_keeps_its_bytes() -> None:
    line = read_line(LINE, 7)
    assert (line.seq, line.id, line.type, line.raw) == (7, ID, "tap.charged", LINE)
    assert line.members["data"] == {"counter": 1}


@pytest.mark.sentence("L-1")
def test_line_keeps_members_that_are_not_known() -> None:
    assert read_line(LINE[:-1] + b',"colour":"red"}', 7).members["colour"] == "red"


@pytest.mark.sentence("L-1")
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(LINE.replace(b'"seq":7', b'"seq":8'), id="another number"),
        pytest.param(LINE.replace(b'"seq":7', b'"seq":7.0'), id="a float for a number"),
        pytest.param(LINE.replace(b'{"seq":7,', b"{")[:-1] + b',"seq":7}', id="seq is not first"),
        pytest.param(b" " + LINE, id="a space before"),
        pytest.param(LINE.replace(b'"boot"', b'"seq":7,"boot"'), id="seq twice"),
        pytest.param(LINE.replace(b"-7000-", b"-4000-"), id="an id of another version"),
        pytest.param(LINE.replace(ID.encode(), ID.upper().encode()), id="an id in upper case"),
        pytest.param(LINE.replace(b'"tap.charged"', b'""'), id="no type"),
        pytest.param(LINE.replace(b'"tap.charged"', b'"%s"' % (b"t" * 65)), id="a type too long"),
        pytest.param(LINE.replace(b'"card-1"', b'"%s"' % (b"s" * 129)), id="a subject too long"),
        pytest.param(LINE.replace(b'"card-1"', b"null"), id="a subject that is none"),
        pytest.param(LINE.replace(b'"card-1"', b'"\\u0000"'), id="a subject with NUL"),
    ],
)
def test_line_that_is_malformed_is_refused(raw: bytes) -> None:
    with pytest.raises(InputError):
        read_line(raw, 7)


def test_line_with_true_for_one_is_refused() -> None:
    with pytest.raises(InputError):
        read_line(LINE.replace(b'"seq":7', b'"seq":true'), 1)


@pytest.mark.sentence("L-4")
@pytest.mark.parametrize("reason", ["evicted", "expired", "compacted", "corrupt"])
def test_gap_of_every_reason_is_read_back(reason: str) -> None:
    gap = Gap(1042, 1099, GapReason(reason), HEAD)
    assert gap.encode() == (
        b'{"seq":1042,"gap_to":1099,"reason":"%s","head":"0001020304050607"}' % reason.encode()
    )
    assert read_gap(gap.encode()) == gap


@pytest.mark.sentence("L-4")
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"seq":3,"gap_to":2,"reason":"evicted","head":"0001020304050607"}', id="backwards"),
        pytest.param(b'{"seq":0,"gap_to":2,"reason":"evicted","head":"0001020304050607"}', id="from nothing"),
        pytest.param(b'{"seq":3,"gap_to":4,"reason":"bored","head":"0001020304050607"}', id="another reason"),
        pytest.param(b'{"seq":3,"gap_to":4,"reason":[],"head":"0001020304050607"}', id="a list for a reason"),
        pytest.param(b'{"seq":3,"gap_to":4,"head":"0001020304050607"}', id="no reason"),
        pytest.param(b'{"seq":3,"gap_to":4,"reason":"evicted","head":"00"}', id="a short head"),
        pytest.param(b'{"seq":3,"gap_to":4,"reason":"evicted"}', id="no head"),
        pytest.param(b'{"seq":3,"gap_to":99999999999999999999,"reason":"evicted"}', id="beyond every number"),
        pytest.param(b'{"seq":3,"gap_to":4', id="cut short"),
    ],
)
def test_gap_that_is_malformed_is_refused(raw: bytes) -> None:
    with pytest.raises(InputError):
        read_gap(raw)


def test_event_line_is_no_gap() -> None:
    assert read_gap(LINE) is None
    assert read_gap(b"") is None
    assert read_gap(b'{"seq":1,"id":"x","gap_to":4}') is None
