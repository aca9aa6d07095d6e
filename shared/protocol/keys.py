"""Keys of a link: one secret per device, one derived key for each direction.

A beacon has one more, of another length: its *air key*, from which its identifiers in the air follow.

Source: RFC 5869 (HKDF) with SHA-256 and an empty salt; docs/PROTOCOL.md, section Keys.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.model.errors import InputError

SECRET_BYTES: Final = 32
KEY_BYTES: Final = 32
AIR_KEY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class LinkKey:
    """A MAC key and its public name."""

    id: str
    key: bytes

    def __repr__(self) -> str:
        """Name the key without showing it."""
        return f"LinkKey({self.id})"


@dataclass(frozen=True, slots=True)
class LinkKeys:
    """Both directions of a device's link."""

    up: LinkKey
    down: LinkKey


def key_id(key: bytes) -> str:
    """Return the public name of a derived key: the first 8 hex digits of its SHA-256."""
    return sha256(key).hexdigest()[:8]


def derive(secret: bytes) -> LinkKeys:
    """Derive both link keys from a device's 32-byte secret.

    Raises:
        InputError: the secret has another length.
    """
    return LinkKeys(up=_link_key(secret, b"vt1 up"), down=_link_key(secret, b"vt1 down"))


def air_key(secret: bytes) -> bytes:
    """Derive a beacon's air key, 16 bytes, from its 32-byte secret; new link keys leave it as it is.

    Raises:
        InputError: the secret has another length.
    """
    return _derived(secret, b"vt1 air")[:AIR_KEY_BYTES]


def _link_key(secret: bytes, info: bytes) -> LinkKey:
    key = _derived(secret, info)
    return LinkKey(key_id(key), key)


def _derived(secret: bytes, info: bytes) -> bytes:
    if len(secret) != SECRET_BYTES:
        message = "A device's secret has 32 bytes; enrol the device again."
        raise InputError(message)
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=b"", info=info).derive(secret)
