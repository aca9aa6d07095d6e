"""Keys of a link: one secret per device, one derived key for each direction.

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
    if len(secret) != SECRET_BYTES:
        message = "A device's secret has 32 bytes; enrol the device again."
        raise InputError(message)
    return LinkKeys(up=_link_key(secret, b"vt1 up"), down=_link_key(secret, b"vt1 down"))


def _link_key(secret: bytes, info: bytes) -> LinkKey:
    key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=b"", info=info).derive(secret)
    return LinkKey(key_id(key), key)
