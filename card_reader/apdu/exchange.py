"""Wrapping and chaining: DESFire's own commands in the form of ISO/IEC 7816-4, their answers put together.

    90 <instruction> 00 00 [<length> <data>] 00   →   <body> 91 <status>

Rules:
- What a card says is data. An answer that is too short, too long or endless is `Unknown`, never an exception.
- An answer in several parts (status AF) is one answer, at most `PARTS_MAX` of them.
- A command is sent in one APDU: none of ours is longer. One that is would be our own mistake, and raises.

Source: ISO/IEC 7816-4, 5.1; NXP MF2DLHX0, section "ISO/IEC 7816-4 wrapping of native commands".
"""

from typing import Final, NamedTuple

from card_reader.apdu.outcome import Done, Doubt, NotSent, Outcome, Refused, Talk, Unknown
from card_reader.apdu.status import Status
from shared.model.errors import InputError

DATA_BYTES_MAX: Final = 255
"""Of a command: what one length byte says."""
ANSWER_BYTES_MAX: Final = 258
"""Of a response APDU: 256 and its status word."""
PARTS_MAX: Final = 8
"""Of one answer: GetVersion has three; a card that goes on and on is left."""
_STATUS_BYTES: Final = 2


class Answer(NamedTuple):
    """A response APDU, taken apart."""

    body: bytes
    status: int


def wrapped(instruction: int, data: bytes = b"") -> bytes:
    """Return a native command as a command APDU.

    Raises:
        InputError: the data is longer than an APDU holds.
    """
    if len(data) > DATA_BYTES_MAX:
        raise InputError(f"a command has at most {DATA_BYTES_MAX} bytes of data; write less at once")
    length = bytes([len(data)]) if data else b""
    return bytes([0x90, instruction, 0, 0]) + length + data + b"\0"


def send(command: bytes) -> Talk[Outcome[Answer]]:
    """Send one APDU; the answer is whole, whatever its status."""
    heard = yield command
    if not isinstance(heard, bytes):
        return heard
    if not _STATUS_BYTES <= len(heard) <= ANSWER_BYTES_MAX:
        return Unknown(Doubt.MALFORMED)
    body, status = heard[:-_STATUS_BYTES], heard[-_STATUS_BYTES:]
    return Done(Answer(body, int.from_bytes(status, "big")))


def native(instruction: int, data: bytes = b"") -> Talk[Outcome[bytes]]:
    """Send a native command and put the parts of its answer together."""
    body = b""
    for part in range(PARTS_MAX):
        sent = yield from send(wrapped(Status.MORE & 0xFF) if part else wrapped(instruction, data))
        match sent:
            case Done(Answer(more, Status.MORE)):
                body += more
            case Done(Answer(last, Status.OK)):
                return Done(body + last)
            case Done(Answer(_, status)):
                return Refused(status)
            case NotSent() if part:
                return Unknown(Doubt.NO_ANSWER)
            case NotSent() | Refused() | Unknown():
                return sent
    return Unknown(Doubt.MALFORMED)


def select(df_name: bytes) -> Talk[Outcome[None]]:
    """Select an application by its name (ISO/IEC 7816-4, 11.2.2)."""
    sent = yield from send(b"\x00\xa4\x04\x0c" + bytes([len(df_name)]) + df_name)
    match sent:
        case Done(Answer(_, Status.ISO_OK)):
            return Done(None)
        case Done(Answer(_, status)):
            return Refused(status)
        case failed:
            return failed
