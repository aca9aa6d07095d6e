"""Signatures over payment lines: what an auditor can check years later without trusting the hub.

Ed25519 over `vt1|device|stream|epoch|0x00|the line before ,"sig"`. The device signs at append; the hub keeps
bytes and signature and verifies them outside the ingest path, before settlement.

Source: RFC 8032; docs/PROTOCOL.md, section Lines and frames.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.model.errors import InputError


class SignatureError(InputError):
    """A payment line's signature is missing or does not hold; keep the line and call the auditor."""


def signing_key_id(key: Ed25519PublicKey) -> str:
    """Return the public name of a signing key: the first 8 hex digits of its SHA-256."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:8]


class LineSigner:
    """Signs lines with one device's key."""

    def __init__(self, device: str, key: Ed25519PrivateKey) -> None:
        """Take the device's name and its private key."""
        self._device = device
        self._key = key
        self._id = signing_key_id(key.public_key()).encode()

    def sign(self, stream: str, epoch: str, line: bytes) -> bytes:
        """Return `line` with `sig` as its last member."""
        signature = self._key.sign(_signed_bytes(self._device, stream, epoch, line[:-1]))
        return b'%s%s%s.%s"}' % (line[:-1], _MARK, self._id, _to_text(signature))


def verify_line(key: Ed25519PublicKey, device: str, stream: str, epoch: str, line: bytes) -> None:
    """Check a signed line.

    Raises:
        SignatureError: there is no signature, it is by another key, or it does not hold.
    """
    start = line.rfind(_MARK)
    key_id, _, tail = line[start + len(_MARK) :].partition(b".")
    if start < 0 or not tail.endswith(b'"}') or key_id != signing_key_id(key).encode():
        raise SignatureError(SignatureError.__doc__)
    try:
        signature = urlsafe_b64decode(tail[:-2] + b"==")
        key.verify(signature, _signed_bytes(device, stream, epoch, line[:start]))
        if _to_text(signature) != tail[:-2]:  # the decoder passes over what is foreign; another's might not
            raise SignatureError(SignatureError.__doc__)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError(SignatureError.__doc__) from error


def _signed_bytes(device: str, stream: str, epoch: str, before_sig: bytes) -> bytes:
    return b"vt1|%s|%s|%s|\0|%s" % (device.encode(), stream.encode(), epoch.encode(), before_sig)


def _to_text(signature: bytes) -> bytes:
    return urlsafe_b64encode(signature).rstrip(b"=")


_MARK: Final = b',"sig":"ed25519.'
