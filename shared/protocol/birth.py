"""Births: how a device says who it is now and what it holds.

Source: docs/PROTOCOL.md, section Session. Members that this version does not know are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.model.event import Stream
from shared.model.fields import text
from shared.protocol import chain, limits
from shared.protocol.frame import SESSION_LENGTH, VERSION, check_epoch
from shared.protocol.parsing import ParseError, as_list, as_object, encode, number, octets, parse_object


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEpoch:
    """An epoch that is still on the device.

    Attributes:
        epoch: 8 hex digits.
        oldest: the first number that the device still has (`last`+1 where it has none).
        last: the last number that is durable.
        head: chain value at `last`.
    """

    epoch: str
    oldest: int
    last: int
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneState:
    """One lane in a birth.

    Attributes:
        epochs: oldest first; the last one is open.
        acked: the device's own watermark, by epoch.
        waiting_ms: age of the oldest unacknowledged line.
        bytes: what is stored and unacknowledged.
        capacity: the lane's quota in bytes.
    """

    epochs: Sequence[ListedEpoch] = ()
    acked: Mapping[str, int] = field(default_factory=dict[str, int])
    waiting_ms: int = 0
    bytes: int = 0
    capacity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """A birth; it counts only when it repeats a session that the hub has just offered.

    Attributes:
        nonce: fresh for every birth without a session; a welcome echoes it.
        session: the offered session; None in the first birth of a connection.
        incarnation: the highest of the hub that the device has seen.
        boot: boot counter.
        uptime_ms: monotonic time since that boot; rises from birth to birth.
        reset: why the device started.
        firmware: version of the software.
        lanes: what each lane holds.
        extra: further members, as they came.
    """

    nonce: str
    session: str | None
    incarnation: int
    boot: int
    uptime_ms: int
    reset: str = "unknown"
    firmware: str = ""
    lanes: Mapping[Stream, LaneState] = field(default_factory=dict[Stream, LaneState])
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


def encode_birth(birth: Birth) -> bytes:
    """Return the birth's body, ending in a newline, without its MAC line."""
    members: dict[str, Any] = {"v": VERSION, "nonce": birth.nonce}
    if birth.session is not None:
        members["session"] = birth.session
    members |= {
        "incarnation": birth.incarnation,
        "boot": birth.boot,
        "reset": birth.reset,
        "uptime_ms": birth.uptime_ms,
        "firmware": birth.firmware,
        **birth.extra,
        "streams": {stream.value: _lane_members(lane) for stream, lane in birth.lanes.items()},
    }
    return encode(members) + b"\n"


def decode_birth(body: bytes) -> Birth:
    """Read a birth's body.

    Raises:
        InputError: it is malformed, or lists epochs that cannot be.
    """
    members = parse_object(body.removesuffix(b"\n"))
    if number(members, "v") != VERSION:
        message = "The birth speaks another version of the protocol; update the hub or the device."
        raise ParseError(message)
    session = text(members, "session", SESSION_LENGTH) if "session" in members else None
    streams = as_object(members.get("streams"), "streams")
    known = {s.value: s for s in Stream}
    return Birth(
        nonce=text(members, "nonce", SESSION_LENGTH),
        session=session,
        incarnation=number(members, "incarnation"),
        boot=number(members, "boot"),
        uptime_ms=number(members, "uptime_ms"),
        reset=str(members.get("reset", "unknown"))[:32],
        firmware=str(members.get("firmware", ""))[:64],
        lanes={known[name]: _lane(lane) for name, lane in streams.items() if name in known},
        extra={name: value for name, value in members.items() if name not in _OWN},
    )


def _lane_members(lane: LaneState) -> dict[str, Any]:
    return {
        "epochs": [
            {"epoch": e.epoch, "oldest": e.oldest, "last": e.last, "head": e.head.hex()} for e in lane.epochs
        ],
        "acked": dict(lane.acked),
        "waiting_ms": lane.waiting_ms,
        "bytes": lane.bytes,
        "capacity": lane.capacity,
    }


def _lane(value: object) -> LaneState:
    lane = as_object(value, "lane")
    acked = as_object(lane.get("acked", {}), "acked")
    epochs = [_listed(item) for item in as_list(lane.get("epochs"), "epochs")]
    if len(epochs) > limits.EPOCHS_LISTED_MAX or len({e.epoch for e in epochs}) != len(epochs):
        message = f"A lane lists at most {limits.EPOCHS_LISTED_MAX} epochs, each once."
        raise ParseError(message)
    counts = {"waiting_ms": 0, "bytes": 0, "capacity": 0, **lane}
    return LaneState(
        epochs=epochs,
        acked={epoch: number(acked, epoch) for epoch in acked},
        waiting_ms=number(counts, "waiting_ms"),
        bytes=number(counts, "bytes"),
        capacity=number(counts, "capacity"),
    )


def _listed(value: object) -> ListedEpoch:
    item = as_object(value, "epoch")
    last, oldest = number(item, "last"), number(item, "oldest", 1)
    if oldest > last + 1:
        message = "A listed epoch's oldest line cannot come after the one that follows its last."
        raise ParseError(message)
    return ListedEpoch(
        epoch=check_epoch(item.get("epoch")),
        oldest=oldest,
        last=last,
        head=octets(item, "head", chain.LENGTH),
    )


_OWN = frozenset(
    {"v", "nonce", "session", "incarnation", "boot", "reset", "uptime_ms", "firmware", "streams"}
)
