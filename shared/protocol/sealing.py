"""Sealing: a device cannot read back what it took.

Whoever takes the citizen's words opens a context: a random key, sealed to the hub (HPKE), kept in memory and
forgotten with the citizen's session. Each event's data is encrypted under it and bound to its place in the
outbox, so a sealed text can be neither read on the device nor moved to another line. What is asked of the hub
while somebody waits is sealed alike, and answered under the same context.

The suite is named `SUITE`: RFC 9180 base mode with the hybrid KEM ML-KEM-768 + X25519 (what is recorded
today stays closed to a quantum computer tomorrow), HKDF-SHA256 and AES-256-GCM. Lines use AES-256-GCM-SIV
(RFC 8452), because a machine image that is rolled back repeats its counters.

Source: docs/PROTOCOL.md, section Keys.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from shared.model.errors import InputError
from shared.protocol import limits

SUITE: Final = "mlkem768x25519-hkdfsha256-aes256gcm"
CONTEXT_KEY_BYTES: Final = 32


class SealError(InputError):
    """What is sealed cannot be opened: another key, another place in the outbox, or damage."""


@dataclass(frozen=True, slots=True)
class SealedContext:
    """A context as it travels: its id and `<suite>.<base64url of the HPKE message>`."""

    id: str
    sealed: str


class SealingContext:
    """The sealing end of one citizen's session; forget the object and nobody but the hub can read."""

    def __init__(self, key: "HubSealingPublicKey", device: str, context_id: str, context_key: bytes) -> None:
        """Open a context.

        Args:
            key: the hub's public sealing key.
            device: the device's name; the context opens for no other.
            context_id: a fresh name, 1 to 16 letters and digits.
            context_key: 32 random bytes.
        """
        self._device = device
        self._cipher = AESGCMSIV(context_key)
        self._count = 0
        self.context = SealedContext(context_id, key.seal(device, context_id, context_key))

    def seal(self, place: str, data: bytes) -> str:
        """Encrypt an event's data for one place in the outbox.

        Args:
            place: from `place_of`.
            data: JSON bytes.

        Returns:
            `<context>.<n>.<ciphertext>`, the value of the line's member `sealed`.
        """
        self._count += 1
        ciphertext = self._cipher.encrypt(_nonce(self._count), data, place.encode())
        return f"{self.context.id}.{self._count}.{_to_text(ciphertext)}"

    def open_answer(self, place: str, answer: str) -> bytes:
        """Return what the hub answered under this context.

        Raises:
            SealError: it is an answer to something else, or damaged.
        """
        try:
            return self._cipher.decrypt(_ANSWER_NONCE, _from_text(answer), place.encode())
        except (InvalidTag, ValueError) as error:
            raise SealError(SealError.__doc__) from error


class OpenedContext:
    """The hub's end of a context."""

    def __init__(self, context_key: bytes) -> None:
        """Take the context's key."""
        self._cipher = AESGCMSIV(context_key)

    def open(self, place: str, sealed: str) -> bytes:
        """Return the data of an event.

        Raises:
            SealError: it was sealed for another place or under another context, or is damaged.
        """
        try:
            _, count, ciphertext = sealed.split(".")
            return self._cipher.decrypt(_nonce(_count(count)), _from_text(ciphertext), place.encode())
        except (InvalidTag, ValueError, OverflowError) as error:
            raise SealError(SealError.__doc__) from error

    def answer(self, place: str, data: bytes) -> str:
        """Encrypt the one answer under this context; only who opened the context reads it."""
        return _to_text(self._cipher.encrypt(_ANSWER_NONCE, data, place.encode()))


class HubSealingPublicKey:
    """What a device knows of the hub's sealing key."""

    def __init__(self, raw: bytes) -> None:
        """Read the key's 1,216 raw bytes: ML-KEM-768, then X25519.

        Raises:
            SealError: they are no such key.
        """
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC_BYTES])
            self._key = MLKEM768X25519PublicKey(
                mlkem, X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC_BYTES:])
            )
        except ValueError as error:
            raise SealError(SealError.__doc__) from error
        self.raw = raw

    def seal(self, device: str, context_id: str, context_key: bytes) -> str:
        """Seal a context's key to the hub."""
        return f"{SUITE}.{_to_text(_suite().encrypt(context_key, self._key, info=_info(device, context_id)))}"


class HubSealingKey:
    """The hub's sealing key; its private half stays in the key folder."""

    def __init__(self, raw: bytes) -> None:
        """Read the key's 96 raw bytes: the ML-KEM-768 seed, then the X25519 scalar.

        Raises:
            SealError: they are no such key.
        """
        try:
            self._mlkem = MLKEM768PrivateKey.from_seed_bytes(raw[:_MLKEM_SEED_BYTES])
            self._x25519 = X25519PrivateKey.from_private_bytes(raw[_MLKEM_SEED_BYTES:])
        except ValueError as error:
            raise SealError(SealError.__doc__) from error
        self._key = MLKEM768X25519PrivateKey(self._mlkem, self._x25519)
        self.raw = raw

    @classmethod
    def generate(cls) -> "HubSealingKey":
        """Make a new key."""
        seed = MLKEM768PrivateKey.generate().private_bytes_raw()
        return cls(seed + X25519PrivateKey.generate().private_bytes_raw())

    def public(self) -> HubSealingPublicKey:
        """Return what devices are given."""
        return HubSealingPublicKey(
            self._mlkem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes_raw()
        )

    def open(self, device: str, context: SealedContext) -> OpenedContext:
        """Open a context of `device`.

        Raises:
            SealError: another suite, another device, another key, or damage.
        """
        suite, _, message = context.sealed.partition(".")
        if suite != SUITE or len(context.id) > limits.CONTEXT_ID_LENGTH_MAX:
            raise SealError(SealError.__doc__)
        try:
            key = _suite().decrypt(_from_text(message), self._key, info=_info(device, context.id))
        except (InvalidTag, ValueError) as error:
            raise SealError(SealError.__doc__) from error
        if len(key) != CONTEXT_KEY_BYTES:
            raise SealError(SealError.__doc__)
        return OpenedContext(key)


def place_of(device: str, stream: str, epoch: str, seq: int, event_id: str, event_type: str) -> str:
    """Return the place that an event's data is bound to: the associated data of its seal."""
    return f"{device}|{stream}|{epoch}|{seq}|{event_id}|{event_type}"


def context_of(sealed: str) -> str:
    """Return the id of the context under which a line's data is sealed."""
    return sealed.partition(".")[0]


def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def _info(device: str, context_id: str) -> bytes:
    return f"vt1 context|{device}|{context_id}".encode()


def _nonce(count: int) -> bytes:
    return count.to_bytes(12, "big")


def _count(digits: str) -> int:
    count = int(digits)
    if str(count) != digits:
        message = "the count is not written as we write it"
        raise ValueError(message)
    return count


def _to_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _from_text(value: str) -> bytes:
    raw = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    if _to_text(raw) != value:  # the decoder passes over what is foreign; another reader might not
        message = "the text is not written as we write it"
        raise ValueError(message)
    return raw


_ANSWER_NONCE: Final = b"\xff" * 12
"""Above every count of what is asked."""
_MLKEM_PUBLIC_BYTES: Final = 1184
_MLKEM_SEED_BYTES: Final = 64
