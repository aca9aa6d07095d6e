"""Frames: a header and the lines of one epoch that follow one another.

A frame is newline-delimited JSON, the header first. A frame without lines keeps a session alive and says
where the epoch stands.

Source: docs/PROTOCOL.md, section Lines and frames.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.model.fields import text
from shared.protocol import chain, limits
from shared.protocol.parsing import ParseError, as_object, encode, number, octets, parse_object

VERSION: Final = 1
SESSION_LENGTH: Final = 22
"""A session is 16 random bytes, base64url."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Some lines of one epoch.

    Attributes:
        session: the session in which it is sent.
        epoch: 8 hex digits; empty where the lane has no epoch yet.
        first: number of the first line (where there is none: the number that comes next).
        prev: chain value before `first`.
        oldest: the first number that the device still has.
        highest: the last number that is durable on the device.
        boot: boot counter.
        uptime_ms: monotonic time since that boot.
        contexts: sealed contexts that the lines need, by their id.
        lines: the lines, in the bytes that the outbox stores, without newline.
    """

    session: str
    epoch: str
    first: int
    prev: bytes
    oldest: int
    highest: int
    boot: int
    uptime_ms: int
    contexts: Mapping[str, str]
    lines: tuple[bytes, ...]


def encode_frame(frame: Frame) -> bytes:
    """Return the frame's body, ending in a newline, without its MAC line."""
    header: dict[str, object] = {
        "v": VERSION,
        "session": frame.session,
        "epoch": frame.epoch,
        "first": frame.first,
        "count": len(frame.lines),
        "prev": frame.prev.hex(),
        "oldest": frame.oldest,
        "highest": frame.highest,
        "boot": frame.boot,
        "uptime_ms": frame.uptime_ms,
    }
    if frame.contexts:
        header["contexts"] = dict(frame.contexts)
    return b"\n".join((encode(header), *frame.lines, b""))


def decode_frame(body: bytes) -> Frame:
    """Read a frame's body; its lines stay bytes.

    Raises:
        InputError: the header is malformed, the lines are not as many as it says, or a limit is passed.
    """
    if len(body) > limits.FRAME_BYTES_MAX:
        message = f"A frame has at most {limits.FRAME_BYTES_MAX} bytes."
        raise ParseError(message)
    head, *lines = body.split(b"\n")
    members = parse_object(head)
    if number(members, "v") != VERSION:
        message = "The frame speaks another version of the protocol; update the hub or the device."
        raise ParseError(message)
    if (
        not lines
        or lines.pop() != b""
        or len(lines) != number(members, "count")
        or len(lines) > limits.FRAME_LINES_MAX
    ):
        message = "The frame does not have the lines that its header counts."
        raise ParseError(message)
    epoch = members.get("epoch")
    return Frame(
        session=text(members, "session", SESSION_LENGTH),
        epoch="" if epoch == "" else check_epoch(epoch),
        first=number(members, "first", 1),
        prev=octets(members, "prev", chain.LENGTH),
        oldest=number(members, "oldest", 1),
        highest=number(members, "highest"),
        boot=number(members, "boot"),
        uptime_ms=number(members, "uptime_ms"),
        contexts=_contexts(members.get("contexts", {})),
        lines=tuple(lines),
    )


def check_epoch(value: object) -> str:
    """Return the name of an epoch if it is one.

    Raises:
        ParseError: it is not 8 lower-case hexadecimal digits.
    """
    if type(value) is not str or len(value) != _EPOCH_LENGTH or set(value) - _HEX:
        message = "An epoch has 8 lower-case hexadecimal digits."
        raise ParseError(message)
    return value


def _contexts(value: object) -> Mapping[str, str]:
    contexts = as_object(value, "contexts")
    if not all(type(sealed) is str for sealed in contexts.values()):
        message = "The member contexts must map ids to sealed contexts."
        raise ParseError(message)
    return contexts


_EPOCH_LENGTH: Final = 8
_HEX: Final = frozenset("0123456789abcdef")
