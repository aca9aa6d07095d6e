"""A body beside an event: a photograph that is too long for a line, sealed to the hub and sent apart.

An event's line carries an *envelope*, which anyone on the way may read: what travels, and how long it is. The
event's sealed data carries the same with the key and the hash of the plain body, which only the hub can open.

Not here: how a body is sealed (`shared.protocol.attachment`) and where it lies (`shared.adapters`, the hub).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, cast

from shared.model import fields
from shared.model.errors import InputError

ATTACHMENTS_MAX = 5
"""Bodies of one event: as many as a Spanish registry takes with one application."""
SEALED_BYTES_MAX = 10 * 1024 * 1024
"""A sealed body: a photograph of a phone has half of it after it was made upright."""
SHA256_FORM = re.compile(r"[0-9a-f]{64}")
MEDIA_TYPES = frozenset({"image/jpeg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What travels, as its event's line says.

    Attributes:
        sha256: of the sealed body, 64 lower-case hex digits; its name everywhere.
        size: bytes of the sealed body.
        media_type: of the plain body.
    """

    sha256: str
    size: int
    media_type: str

    @classmethod
    def from_data(cls, data: object) -> Self:
        """Reads an envelope.

        Raises:
            InputError: it is none, too long, or of a kind that nobody takes.
        """
        members = _members(data)
        envelope = cls(
            sha256=_hex(members, "sha256"),
            size=fields.whole(members, "size", 1, SEALED_BYTES_MAX),
            media_type=fields.text(members, "media_type", 64),
        )
        if envelope.media_type not in MEDIA_TYPES:
            raise InputError(f"media_type is one of {', '.join(sorted(MEDIA_TYPES))}; correct the sender")
        return envelope

    def to_data(self) -> dict[str, object]:
        """The envelope's members."""
        return {"sha256": self.sha256, "size": self.size, "media_type": self.media_type}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A body as its event's sealed data says.

    Attributes:
        envelope: what travels.
        key: 32 bytes, fresh for this body.
        plain_sha256: of the plain body, 64 lower-case hex digits.
    """

    envelope: Envelope
    key: bytes
    plain_sha256: str

    @classmethod
    def from_data(cls, data: object) -> Self:
        """Reads an attachment.

        Raises:
            InputError: it is none.
        """
        members = _members(data)
        return cls(
            envelope=Envelope.from_data(members),
            key=bytes.fromhex(_hex(members, "key")),
            plain_sha256=_hex(members, "plain_sha256"),
        )

    def to_data(self) -> dict[str, object]:
        """The attachment's members."""
        return {**self.envelope.to_data(), "key": self.key.hex(), "plain_sha256": self.plain_sha256}


def read_envelopes(members: Mapping[str, object]) -> Sequence[Envelope]:
    """Reads the member `attachments` of a line; none where it is absent.

    Raises:
        InputError: it is no list of at most `ATTACHMENTS_MAX` different envelopes.
    """
    envelopes = [Envelope.from_data(item) for item in _items(members)]
    _check_apart(envelopes)
    return envelopes


def read_attachments(members: Mapping[str, object]) -> Sequence[Attachment]:
    """Reads the member `attachments` of an event's data; none where it is absent.

    Raises:
        InputError: it is no list of at most `ATTACHMENTS_MAX` different attachments.
    """
    attachments = [Attachment.from_data(item) for item in _items(members)]
    _check_apart([one.envelope for one in attachments])
    return attachments


def _items(members: Mapping[str, object]) -> list[object]:
    value = members.get("attachments")
    if value is None:
        return []
    items = cast("list[object]", value) if isinstance(value, list) else []
    if not 0 < len(items) <= ATTACHMENTS_MAX:
        raise InputError(f"attachments is a list of 1 to {ATTACHMENTS_MAX}; correct the sender")
    return items


def _check_apart(envelopes: Sequence[Envelope]) -> None:
    if len({one.sha256 for one in envelopes}) != len(envelopes):
        raise InputError("attachments names a body twice; correct the sender")


def _members(data: object) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise InputError("an attachment is an object; correct the sender")
    return cast("Mapping[str, object]", data)


def _hex(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if type(value) is not str or SHA256_FORM.fullmatch(value) is None:
        raise InputError(f"{name} is 64 lower-case hexadecimal digits; correct the sender")
    return value
