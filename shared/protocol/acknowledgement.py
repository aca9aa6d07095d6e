"""What the hub says on a device's acknowledgement topic: welcomes and acknowledgements.

A welcome answers a birth and offers a session. An acknowledgement says how far the hub holds each stream, and
the newest one is the truth even where it says less than the device remembers.

Source: docs/PROTOCOL.md, section Session.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.model.event import Stream
from shared.model.fields import text
from shared.protocol import chain
from shared.protocol.frame import SESSION_LENGTH, VERSION, check_epoch
from shared.protocol.parsing import ParseError, as_list, as_object, encode, number, octets, parse_object


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The offer of a session.

    Attributes:
        nonce: the birth's nonce, or the session of the frame that it answers.
        session: the offer: 16 random bytes, base64url.
        incarnation: of the hub.
        time_ms: the hub's clock, Unix epoch.
        hold_s: how long to wait before the first frame, drawn at random.
    """

    nonce: str
    session: str
    incarnation: int
    time_ms: int
    hold_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAck:
    """How far the hub holds one stream.

    Attributes:
        epoch: the oldest that is not complete, else the open one; epochs before it are complete.
        acked: the hub's watermark in it.
        head: the hub's chain value there; None while the hub decides by ids.
        credit: lines that may be in flight.
    """

    epoch: str
    acked: int
    head: bytes | None
    credit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """The hub's word on what it has committed.

    Attributes:
        incarnation: of the hub.
        n: rises within an incarnation.
        session: counts in this session alone.
        streams: the streams that it speaks of.
        time_ms: the hub's clock, Unix epoch.
        fenced: the device takes no new money until an acknowledgement clears this.
        missing: attachments that the hub lacks.
        versions: newest versions of twin and bundles.
    """

    incarnation: int
    n: int
    session: str
    streams: Mapping[Stream, StreamAck]
    time_ms: int
    fenced: bool = False
    missing: tuple[str, ...] = ()
    versions: Mapping[str, Any] = field(default_factory=dict[str, Any])


def encode_welcome(welcome: Welcome) -> bytes:
    """Return the welcome's body, ending in a newline, without its MAC line."""
    return b"%s\n" % encode(
        {
            "v": VERSION,
            "nonce": welcome.nonce,
            "session": welcome.session,
            "incarnation": welcome.incarnation,
            "time_ms": welcome.time_ms,
            "hold_s": welcome.hold_s,
        }
    )


def encode_acknowledgement(ack: Acknowledgement) -> bytes:
    """Return the acknowledgement's body, ending in a newline, without its MAC line."""
    return b"%s\n" % encode(
        {
            "v": VERSION,
            "incarnation": ack.incarnation,
            "n": ack.n,
            "session": ack.session,
            "streams": {
                stream.value: {
                    "epoch": s.epoch,
                    "acked": s.acked,
                    "head": None if s.head is None else s.head.hex(),
                    "credit": s.credit,
                }
                for stream, s in ack.streams.items()
            },
            "time_ms": ack.time_ms,
            "fenced": ack.fenced,
            "missing": list(ack.missing),
            "versions": dict(ack.versions),
        }
    )


def decode_answer(body: bytes) -> Welcome | Acknowledgement:
    """Read what came on the acknowledgement topic.

    Raises:
        InputError: it is malformed.
    """
    members = parse_object(body.removesuffix(b"\n"))
    if number(members, "v") != VERSION:
        message = "The hub speaks another version of the protocol; update the device."
        raise ParseError(message)
    if "nonce" in members:
        return Welcome(
            nonce=text(members, "nonce", SESSION_LENGTH),
            session=text(members, "session", SESSION_LENGTH),
            incarnation=number(members, "incarnation"),
            time_ms=number(members, "time_ms"),
            hold_s=number(members, "hold_s"),
        )
    streams = as_object(members.get("streams"), "streams")
    if type(members.get("fenced")) is not bool:
        message = "An acknowledgement says whether the device is fenced."
        raise ParseError(message)
    known = {s.value: s for s in Stream}
    return Acknowledgement(
        incarnation=number(members, "incarnation"),
        n=number(members, "n"),
        session=text(members, "session", SESSION_LENGTH),
        streams={known[name]: _stream(value) for name, value in streams.items() if name in known},
        time_ms=number(members, "time_ms"),
        fenced=members["fenced"],
        missing=tuple(str(name) for name in as_list(members.get("missing", []), "missing")),
        versions=as_object(members.get("versions", {}), "versions"),
    )


def _stream(value: object) -> StreamAck:
    members = as_object(value, "stream")
    return StreamAck(
        epoch=check_epoch(members.get("epoch")),
        acked=number(members, "acked"),
        head=None if members.get("head") is None else octets(members, "head", chain.LENGTH),
        credit=number(members, "credit"),
    )
