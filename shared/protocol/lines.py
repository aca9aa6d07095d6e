"""Lines: what an outbox stores and a frame carries, in the very same bytes.

An event line begins with `seq` and, where it is signed, ends with `sig`. A gap line stands for numbers that
are not there any more and says why. This page composes and reads both; what `sealed` holds is the business of
`sealing`, what `sig` proves that of `signing`.

Source: docs/PROTOCOL.md, section Lines and frames; CloudEvents 1.0 for `id type time subject data`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from shared.model.attachment import Envelope, read_envelopes
from shared.model.fields import text
from shared.model.ids import check_event_id
from shared.protocol import chain, limits
from shared.protocol.parsing import ParseError, encode, number, octets, parse_object, quote


class GapReason(StrEnum):
    """Why numbers are missing."""

    EVICTED = "evicted"
    """The lane was full and its oldest lines gave way."""
    EXPIRED = "expired"
    """The keep window had passed."""
    COMPACTED = "compacted"
    """A newer line says the same of the same thing; nothing is lost."""
    CORRUPT = "corrupt"
    """The disk gave back other bytes than it was given."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers `seq` to `gap_to` are not there; the chain goes on from `head`."""

    seq: int
    gap_to: int
    reason: GapReason
    head: bytes

    def encode(self) -> bytes:
        """Return the gap line's bytes."""
        return b'{"seq":%d,"gap_to":%d,"reason":"%s","head":"%s"}' % (
            self.seq,
            self.gap_to,
            self.reason.encode(),
            self.head.hex().encode(),
        )


@dataclass(frozen=True, slots=True)
class Line:
    """An event line, read and checked, its `data` still sealed where the stream seals."""

    seq: int
    id: str
    type: str
    members: Mapping[str, Any]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Stamp:
    """When and in which life of the device a line was made.

    Attributes:
        time: RFC 3339, UTC, by the device's own clock.
        boot: the boot counter.
        uptime_ms: monotonic time since that boot.
        clock_age_s: seconds since the clock last agreed with the hub's; None if it never did in this boot.
    """

    time: str
    boot: int
    uptime_ms: int
    clock_age_s: int | None = None


def compose(
    seq: int,
    event_id: str,
    event_type: str,
    stamp: Stamp,
    subject: str | None,
    payload: tuple[str, Any],
    envelopes: Sequence[Envelope] = (),
) -> bytes:
    """Return an event line's bytes, unsigned.

    Args:
        seq: the number that the outbox will give it.
        event_id: UUIDv7.
        event_type: for example `payment.captured`.
        stamp: time and life of the device.
        subject: pseudonym of a person or card, or a plain key; None where there is none.
        payload: `("sealed", text)` or `("data", object)`.
        envelopes: of the bodies that travel apart.

    Raises:
        ParseError: the line is longer than LINE_BYTES_MAX.
    """
    age = "" if stamp.clock_age_s is None else f'"clock_age_s":{stamp.clock_age_s},'
    about = "" if subject is None else f'"subject":{quote(subject)},'
    name, value = payload
    body = f'"{value}"'.encode() if name == "sealed" else encode(value)
    apart = ",".join(encode(one.to_data()).decode() for one in envelopes)
    apart = f',"attachments":[{apart}]' if apart else ""
    line = b'{"seq":%d,"id":"%s","type":"%s","time":"%s",%s"boot":%d,"uptime_ms":%d,%s"%s":%s%s}' % (
        seq,
        event_id.encode(),
        event_type.encode(),
        stamp.time.encode(),
        age.encode(),
        stamp.boot,
        stamp.uptime_ms,
        about.encode(),
        name.encode(),
        body,
        apart.encode(),
    )
    if len(line) > limits.LINE_BYTES_MAX:
        message = f"A line has at most {limits.LINE_BYTES_MAX} bytes; shorten the text."
        raise ParseError(message)
    return line


def read_gap(raw: bytes) -> Gap | None:
    """Return the gap that a line stands for, or None where it is an event line.

    Raises:
        InputError: it begins like a gap line and is none.
    """
    if _GAP_START.match(raw) is None:
        return None
    members = parse_object(raw)
    seq = number(members, "seq", 1)
    gap_to = number(members, "gap_to", seq)
    try:
        reason = GapReason(members.get("reason", ""))
    except ValueError as error:
        message = "A gap line gives a reason of its own; update the device."
        raise ParseError(message) from error
    return Gap(seq, gap_to, reason, octets(members, "head", chain.LENGTH))


def read_line(raw: bytes, seq: int) -> Line:
    """Read an event line that stands at number `seq`.

    Raises:
        InputError: too long, not strict JSON, another number, no UUIDv7, or a member of the wrong kind.
    """
    if len(raw) > limits.LINE_BYTES_MAX:
        message = f"A line has at most {limits.LINE_BYTES_MAX} bytes."
        raise ParseError(message)
    members = parse_object(raw)
    if number(members, "seq", 1) != seq or not raw.startswith(b'{"seq":'):
        message = "The line's number is not the one that its place gives it."
        raise ParseError(message)
    event_id = check_event_id(members.get("id"))
    if "subject" in members:
        text(members, "subject", limits.SUBJECT_LENGTH_MAX)
    if "attachments" in members:
        read_envelopes(members)
    return Line(seq, event_id, text(members, "type", limits.EVENT_TYPE_LENGTH_MAX), members, raw)


_GAP_START: Final = re.compile(rb'\{"seq":\d+,"gap_to":')
