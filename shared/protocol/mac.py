"""The MAC line: the last line of every message but the hub's state hint.

`~hmac-sha256.<key id>.<base64url of the first 16 bytes of HMAC-SHA256(K, topic | 0x00 | body)>`, where the
body is every byte before this line, its newline included. A message whose MAC does not hold has no effect.

Source: RFC 2104; docs/PROTOCOL.md, section Topics.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from shared.model.errors import InputError
from shared.protocol.keys import LinkKey

_PREFIX: Final = b"~hmac-sha256."
_TAG_BYTES: Final = 16
_KEY_ID_END: Final = len(_PREFIX) + 8
_LINE_BYTES: Final = _KEY_ID_END + 1 + 22


class MacError(InputError):
    """The message's MAC does not hold: it is forged, damaged or under a key that is not in use."""


def seal_message(key: LinkKey, topic: str, body: bytes) -> bytes:
    """Return `body` (which ends in a newline) with its MAC line."""
    return b"%s%s%s.%s" % (body, _PREFIX, key.id.encode(), _tag(key.key, topic, body))


def open_message(keys: Mapping[str, bytes], topic: str, message: bytes) -> bytes:
    """Return the body of a message whose MAC holds under one of `keys` (key id -> key).

    Raises:
        MacError: no MAC line, an unknown key, or a wrong tag.
    """
    body, line = message[:-_LINE_BYTES], message[-_LINE_BYTES:]
    if (
        not line.startswith(_PREFIX)
        or line[_KEY_ID_END : _KEY_ID_END + 1] != b"."
        or not body.endswith(b"\n")
    ):
        raise MacError(MacError.__doc__)
    key = keys.get(key_id_of(message))
    if key is None or not hmac.compare_digest(line[_KEY_ID_END + 1 :], _tag(key, topic, body)):
        raise MacError(MacError.__doc__)
    return body


def key_id_of(message: bytes) -> str:
    """Return the id of the key that a message says it is under; one that was opened is."""
    return message[-_LINE_BYTES:][len(_PREFIX) : _KEY_ID_END].decode("ascii", "replace")


def _tag(key: bytes, topic: str, body: bytes) -> bytes:
    tag = hmac.digest(key, b"%s\0%s" % (topic.encode(), body), "sha256")[:_TAG_BYTES]
    return urlsafe_b64encode(tag).rstrip(b"=")
