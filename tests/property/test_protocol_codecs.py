"""Codecs under any input: what was written is read back, and anything else is refused or means the same.

A reader may raise `InputError` and nothing else, whatever the bytes: that is what keeps a bad message from
stopping the hub.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.errors import InputError
from shared.model.event import Stream
from shared.model.fields import INTEGER_MAX
from shared.protocol import limits
from shared.protocol.acknowledgement import (
    Acknowledgement,
    StreamAck,
    Welcome,
    decode_answer,
    encode_acknowledgement,
    encode_welcome,
)
from shared.protocol.birth import Birth, LaneState, ListedEpoch, decode_birth, encode_birth
from shared.protocol.frame import Frame, decode_frame, encode_frame
from shared.protocol.keys import derive
from shared.protocol.lines import Gap, GapReason, Stamp, compose, read_gap, read_line
from shared.protocol.mac import MacError, open_message, seal_message
from shared.protocol.parsing import ParseError, encode, parse_object

whole = st.integers(0, INTEGER_MAX)
positive = st.integers(1, INTEGER_MAX)
octets = st.binary(min_size=8, max_size=8)
epochs = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)
tokens = st.from_regex(r"[A-Za-z0-9_-]{22}", fullmatch=True)
storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
values = st.recursive(
    scalars,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(storable, inside, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(storable, values, max_size=6)

frames = st.builds(
    Frame,
    session=tokens,
    epoch=epochs | st.just(""),
    first=positive,
    prev=octets,
    oldest=positive,
    highest=whole,
    boot=whole,
    uptime_ms=whole,
    contexts=st.dictionaries(storable, storable, max_size=3),
    lines=st.lists(st.binary(max_size=60).filter(lambda raw: b"\n" not in raw), max_size=5).map(tuple),
)


@st.composite
def listed_epochs(draw: st.DrawFn) -> ListedEpoch:
    last = draw(st.integers(0, INTEGER_MAX - 1))
    oldest = draw(st.integers(1, last + 1))
    return ListedEpoch(epoch=draw(epochs), oldest=oldest, last=last, head=draw(octets))


lanes = st.builds(
    LaneState,
    epochs=st.lists(listed_epochs(), max_size=4, unique_by=lambda item: item.epoch),
    acked=st.dictionaries(epochs, whole, max_size=4),
    waiting_ms=whole,
    bytes=whole,
    capacity=whole,
)
births = st.builds(
    Birth,
    nonce=tokens,
    session=st.none() | tokens,
    incarnation=whole,
    boot=whole,
    uptime_ms=whole,
    reset=st.text(st.characters(exclude_categories=["Cs"]), max_size=32),
    firmware=st.text(st.characters(exclude_categories=["Cs"]), max_size=64),
    lanes=st.dictionaries(st.sampled_from(Stream), lanes, max_size=4),
    extra=st.dictionaries(storable.map(lambda name: f"x-{name}"), values, max_size=3),
)
welcomes = st.builds(Welcome, nonce=tokens, session=tokens, incarnation=whole, time_ms=whole, hold_s=whole)
acknowledgements = st.builds(
    Acknowledgement,
    incarnation=whole,
    n=whole,
    session=tokens,
    streams=st.dictionaries(
        st.sampled_from(Stream),
        st.builds(StreamAck, epoch=epochs, acked=whole, head=st.none() | octets, credit=whole),
    ),
    time_ms=whole,
    fenced=st.booleans(),
    missing=st.lists(storable, max_size=3).map(tuple),
    versions=objects,
)
gaps = st.builds(
    lambda seq, more, reason, head: Gap(seq, seq + more, reason, head),
    st.integers(1, 2**40),
    st.integers(0, 2**40),
    st.sampled_from(GapReason),
    octets,
)

quick = settings(max_examples=50, deadline=None)

READERS: dict[str, Callable[[bytes], Any]] = {
    "frame": decode_frame,
    "birth": decode_birth,
    "answer": decode_answer,
    "line": lambda raw: read_line(raw, 1),
    "gap": read_gap,
    "object": parse_object,
}


# ---- there and back ---------------------------------------------------------------------------------------


@quick
@given(frames)
def test_frame_is_read_back(frame: Frame) -> None:
    assert decode_frame(encode_frame(frame)) == frame


@quick
@given(births)
def test_birth_is_read_back(birth: Birth) -> None:
    assert decode_birth(encode_birth(birth)) == birth


@quick
@given(welcomes)
def test_welcome_is_read_back(welcome: Welcome) -> None:
    assert decode_answer(encode_welcome(welcome)) == welcome


@quick
@given(acknowledgements)
def test_acknowledgement_is_read_back(ack: Acknowledgement) -> None:
    assert decode_answer(encode_acknowledgement(ack)) == ack


@quick
@given(gaps)
def test_gap_is_read_back(gap: Gap) -> None:
    assert read_gap(gap.encode()) == gap


@quick
@given(st.integers(1, INTEGER_MAX), storable, st.none() | storable, objects, whole, st.none() | whole)
def test_line_is_read_back(
    seq: int, kind: str, subject: str | None, data: dict[str, Any], uptime_ms: int, age_s: int | None
) -> None:
    event_id = "01930d3e-8a00-7000-8000-000000000001"
    stamp = Stamp("2026-11-21T10:15:00Z", 1, uptime_ms, age_s)
    kind = kind.encode("ascii", "ignore").decode().replace('"', "").replace("\\", "") or "t"
    kind = "".join(c for c in kind if c.isprintable()) or "t"
    raw = compose(seq, event_id, kind, stamp, subject, ("data", data))
    line = read_line(raw, seq)
    assert (line.seq, line.id, line.type, line.raw) == (seq, event_id, kind, raw)
    assert (line.members["data"], line.members.get("subject")) == (data, subject)


@pytest.mark.sentence("L-1")
@quick
@given(objects)
def test_object_is_read_back_and_written_the_same_again(members: dict[str, Any]) -> None:
    raw = encode(members)
    assert parse_object(raw) == members
    assert encode(parse_object(raw)) == raw


# ---- anything else ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", READERS)
@quick
@given(
    raw=st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_bytes_of_any_kind_are_refused_or_read(reader: str, raw: bytes) -> None:
    refused_or(READERS[reader], raw)


@pytest.mark.sentence("L-1")
@quick
@given(st.text(st.sampled_from('{}[]":,\\u0dDa81eE.+- \tntruefalsN\ud800ñ'), max_size=60))
def test_text_that_is_almost_json_is_refused_or_can_be_written_again(text: str) -> None:
    try:
        members = parse_object(text.encode("utf-8", "surrogatepass"))
    except ParseError:
        return
    assert parse_object(encode(members)) == members
    assert members == json.loads(text)


@pytest.mark.parametrize("reader", ["frame", "birth", "answer"])
@quick
@given(st.data())
def test_message_cut_anywhere_is_refused(reader: str, data: st.DataObject) -> None:
    body = data.draw(bodies(reader))
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    if reader != "frame" and cut == body[:-1]:  # only the last newline is missing, and nothing depends on it
        assert READERS[reader](cut) == READERS[reader](body)
    else:
        with pytest.raises(InputError):
            READERS[reader](cut)


@pytest.mark.sentence("L-1")
@pytest.mark.parametrize("reader", ["frame", "birth", "answer"])
@quick
@given(st.data())
def test_message_with_a_member_twice_is_refused(reader: str, data: st.DataObject) -> None:
    body = data.draw(bodies(reader))
    head, _, rest = body.partition(b"\n")
    name = data.draw(st.sampled_from(sorted(json.loads(head))))
    space = data.draw(st.sampled_from([b"", b" ", b"\t", b"\r"]))
    twice = b"{%s%s:%s,%s" % (encode_name(name), space, encode_value(json.loads(head)[name]), head[1:])
    with pytest.raises(InputError):
        READERS[reader](twice + b"\n" + rest)


@pytest.mark.parametrize("reader", ["frame", "birth", "answer"])
@quick
@given(st.data())
def test_message_with_a_byte_changed_is_refused_or_read_as_what_it_says(
    reader: str, data: st.DataObject
) -> None:
    """The MAC finds the change; a reader that is given such bytes all the same does not fall."""
    body = bytearray(data.draw(bodies(reader)))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= 1 << data.draw(st.integers(0, 7))
    refused_or(READERS[reader], bytes(body))


@pytest.mark.sentence("T-4")
@quick
@given(frames, st.data())
def test_message_under_its_mac_is_opened_whole_or_not_at_all(frame: Frame, data: st.DataObject) -> None:
    key, topic = derive(bytes(32)).up, "vt/1/kiosk-7/up/payments"
    message = seal_message(key, topic, encode_frame(frame))
    at, bit = data.draw(st.integers(0, len(message) - 1)), data.draw(st.integers(0, 7))
    changed = message[:at] + bytes([message[at] ^ 1 << bit]) + message[at + 1 :]
    assert open_message({key.id: key.key}, topic, message) == encode_frame(frame)
    for other in (changed, message[:at], message + b"\n"):
        with pytest.raises(MacError):
            open_message({key.id: key.key}, topic, other)


@pytest.mark.sentence("L-1")
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"a":[', b'[{"a":'])
@quick
@given(depth=st.integers(limits.NESTING_MAX + 1, 50_000))
def test_nesting_of_any_depth_is_refused_without_falling(opening: bytes, depth: int) -> None:
    for reader in READERS.values():
        assert refused_or(reader, b'{"seq":1,"a":' + opening * depth) is None
    closing = {b"[": b"]", b"{": b"}"}
    end = b"".join(closing[bytes([c])] for c in reversed(opening) if bytes([c]) in closing)
    with pytest.raises(ParseError):
        parse_object(b'{"a":' + opening * depth + b"1" + end * depth + b"}")


def refused_or(reader: Callable[[bytes], Any], raw: bytes) -> Any:  # noqa: ANN401  whatever was read
    """What was read, or None where it was refused; anything but a refusal is a failure."""
    try:
        return reader(raw)
    except InputError:
        return None


def bodies(reader: str) -> st.SearchStrategy[bytes]:
    match reader:
        case "frame":
            return frames.map(encode_frame)
        case "birth":
            return births.map(encode_birth)
        case _:
            return welcomes.map(encode_welcome) | acknowledgements.map(encode_acknowledgement)


def encode_name(name: str) -> bytes:
    return json.dumps(name).encode()


def encode_value(value: object) -> bytes:
    return encode({"v": value})[5:-1]
