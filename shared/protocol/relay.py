"""A card at a desk, as desk and hub speak of it: the desk has the reader, the hub has the keys.

    POST /device/{device}/cards/talks          {"uid":"04…","order":{…}}
    POST /device/{device}/cards/talks/{name}   {"n":1,"heard":"…9100"}  or  {"n":1,"failed":"no_answer"}

    ← {"talk":"…","n":2,"command":"90…"}       the next command for the card
    ← {"verdict":{…}}                          the end of the talk

A kiosk's screen has no key to ask with, and its owner has no business with what is asked. So a kiosk seals an
order to the hub, the card's number with it, and reads the verdict under the same context:

    POST /device/{device}/cards/talks   {"context":{"id":"…","sealed":"…"},"sealed":"…"}
    ← {"sealed":"…"}                    the end of the talk

A body ends in a MAC line under the device's K_up, over the path and all of the body (`shared.protocol.mac`).
What orders and verdicts say is `hub.domain.cards`; bytes are hexadecimal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from shared.model import fields
from shared.model.errors import InputError
from shared.protocol.limits import CONTEXT_ID_LENGTH_MAX
from shared.protocol.parsing import as_object, encode, parse_object
from shared.protocol.sealing import SealedContext

UID_BYTES_MAX: Final = 10
ANSWER_BYTES_MAX: Final = 258
"""Of a response APDU."""
BODY_BYTES_MAX: Final = 4_096
"""An order is a few hundred bytes, sealed 2,200 more; an answer of a card at most 600 characters."""
SEALED_LENGTH_MAX: Final = 2_048
CONTEXT_LENGTH_MAX: Final = 2_048
VERDICT_LENGTH_MAX: Final = 16_384
"""Of a sealed one, in characters."""
COMMANDS_MAX: Final = 96
"""Of one talk: a card that is made takes 23, one that is read whole and gets new keys 25."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBegin:
    """An order that only the hub reads.

    Attributes:
        context: under which it is sealed.
        sealed: a body of `Begin`.
    """

    context: SealedContext
    sealed: str

    @classmethod
    def from_members(cls, said: Mapping[str, object]) -> Self:
        """Read it.

        Raises:
            InputError: it is malformed.
        """
        context = as_object(said.get("context"), "context")
        return cls(
            context=SealedContext(
                fields.text(context, "id", CONTEXT_ID_LENGTH_MAX),
                fields.text(context, "sealed", CONTEXT_LENGTH_MAX),
            ),
            sealed=fields.text(said, "sealed", SEALED_LENGTH_MAX),
        )

    def to_members(self) -> dict[str, Any]:
        """It as it travels."""
        return {"context": {"id": self.context.id, "sealed": self.context.sealed}, "sealed": self.sealed}


class Failed(StrEnum):
    """What became of a command that has no answer."""

    NOT_SENT = "not_sent"
    """The card cannot have seen it."""
    NO_ANSWER = "no_answer"
    """The card may have done it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """An order for the card in the field.

    Attributes:
        uid: its number in the air; empty for a lost card, which is in no field.
        order: as it is asked.
    """

    uid: bytes
    order: Mapping[str, object]

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Read it.

        Raises:
            InputError: it is malformed.
        """
        said = parse_object(body)
        uid = _octets(said, "uid", UID_BYTES_MAX) if "uid" in said else b""
        return cls(uid=uid, order=as_object(said.get("order"), "order"))

    def to_body(self) -> bytes:
        """It as it travels, without its MAC line."""
        uid = {"uid": self.uid.hex()} if self.uid else {}
        return encode({**uid, "order": dict(self.order)}) + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one command.

    Attributes:
        n: which one, from 1.
        heard: the card's answer; what failed, where there is none.
    """

    n: int
    heard: bytes | Failed

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Read it.

        Raises:
            InputError: it is malformed.
        """
        said = parse_object(body)
        n = fields.whole(said, "n", 1, COMMANDS_MAX)
        if "failed" in said:
            return cls(n=n, heard=fields.choice(said, "failed", Failed))
        return cls(n=n, heard=_octets(said, "heard", ANSWER_BYTES_MAX))

    def to_body(self) -> bytes:
        """It as it travels, without its MAC line."""
        came: dict[str, Any] = (
            {"failed": self.heard.value} if isinstance(self.heard, Failed) else {"heard": self.heard.hex()}
        )
        return encode({"n": self.n, **came}) + b"\n"


def order_place(device: str) -> str:
    """Return what a kiosk's sealed order is bound to."""
    return f"{device}|cards|order"


def verdict_place(device: str) -> str:
    """Return what the sealed verdict is bound to."""
    return f"{device}|cards|verdict"


def talks_path(device: str) -> str:
    """Return where a device begins a talk."""
    return f"/device/{device}/cards/talks"


def mac_topic(path: str) -> str:
    """Return what a body's MAC covers in place of a topic."""
    return f"POST {path}"


def _octets(said: Mapping[str, object], name: str, bytes_max: int) -> bytes:
    written = fields.text(said, name, 2 * bytes_max)
    try:
        return bytes.fromhex(written)
    except ValueError:
        raise InputError(f"{name} is hexadecimal; correct the sender") from None
