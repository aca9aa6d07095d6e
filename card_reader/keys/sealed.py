"""A key store in software: the town's keys in memory, and on the disk only sealed under the device's secret.

    file = SoftwareKeys(keys).sealed(secret, device, draw)
    keys = SoftwareKeys.opened(file, secret, device)

     0   4  "VTCK"      5  12  nonce, drawn
     4   1  form: 1    17   n  AES-256-GCM of the keys: number, version, 16 bytes, for each

Rules:
- The key that seals is derived from the device's secret, for this use alone, and bound to the device's name:
  a file that is carried to another device opens nowhere.
- A key is in no message, no log, no `repr`. Whoever can read this process's memory has it: that is what a
  store in hardware is for.
- A terminal in a bus is given tap keys and no others. Who loads a store decides that, not the store.
- The hub's own keys lie in the same form (`hub.keys.card_keys`).

Source: NIST SP 800-38D (GCM); RFC 5869 (HKDF).
"""

from collections.abc import Callable, Mapping
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from card_reader.citizen_card import layout
from card_reader.desfire.crypto import KEY_BYTES
from card_reader.keys.errors import CardKeysError, NoCardKeyError

KEYS_MAX: Final = 1_530
"""Six keys in 255 versions each, at the hub; a terminal has two or three."""
SECRET_BYTES_MIN: Final = 16
_HEAD: Final = b"VTCK\x01"
_NONCE_BYTES: Final = 12
_ENTRY: Final = 2 + KEY_BYTES
_USE: Final = b"Ventanilla card keys at rest"
_BYTE: Final = range(256)

Place = tuple[int, int]
"""Number and version of a key."""


class SoftwareKeys:
    """The town's keys of one terminal; implements `KeyStore`.

    Args:
        keys: of 16 bytes each, by number and version.

    Raises:
        CardKeysError: one has another length or place, or there are too many.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Mapping[Place, bytes]) -> None:
        fits = all(
            len(key) == KEY_BYTES and place[0] in _BYTE and place[1] in _BYTE for place, key in keys.items()
        )
        if not fits or len(keys) > KEYS_MAX:
            raise CardKeysError(CardKeysError.__doc__)
        self._keys = dict(keys)

    @classmethod
    def opened(cls, file: bytes, secret: bytes, device: str) -> Self:
        """Open a store.

        Args:
            file: as it lies on the disk.
            secret: the device's.
            device: its name.

        Raises:
            CardKeysError: it is no store, another device's, or was changed.
        """
        start = len(_HEAD) + _NONCE_BYTES
        if not file.startswith(_HEAD) or len(file) < start:
            raise CardKeysError(CardKeysError.__doc__)
        try:
            plain = AESGCM(_sealing_key(secret)).decrypt(
                file[len(_HEAD) : start], file[start:], _bound(device)
            )
        except InvalidTag:
            raise CardKeysError(CardKeysError.__doc__) from None
        if len(plain) % _ENTRY:
            raise CardKeysError(CardKeysError.__doc__)
        entries = (plain[at : at + _ENTRY] for at in range(0, len(plain), _ENTRY))
        return cls({(entry[0], entry[1]): entry[2:] for entry in entries})

    def sealed(self, secret: bytes, device: str, draw: Callable[[int], bytes]) -> bytes:
        """Return the store as it may lie on a disk.

        Args:
            secret: the device's.
            device: its name.
            draw: randomness.

        Raises:
            CardKeysError: the secret is too short to be one.
        """
        plain = b"".join(bytes(place) + key for place, key in sorted(self._keys.items()))
        nonce = draw(_NONCE_BYTES)
        return _HEAD + nonce + AESGCM(_sealing_key(secret)).encrypt(nonce, plain, _bound(device))

    def added(self, keys: Mapping[Place, bytes]) -> Self:
        """Return a store that holds these keys too.

        Raises:
            CardKeysError: one has another length or place, or there are too many.
        """
        return type(self)(self._keys | dict(keys))

    def towns_own(self, number: int) -> dict[int, bytes]:
        """Return the town's own keys of a number, by version: to load another store with."""
        return {version: key for (held, version), key in self._keys.items() if held == number}

    def versions(self, number: int) -> tuple[int, ...]:
        """Return which versions of a key there are, the newest first."""
        return tuple(sorted((version for held, version in self._keys if held == number), reverse=True))

    def card_key(self, card_uid: bytes, number: int, version: int) -> bytes:
        """Return one card's own key.

        Raises:
            NoCardKeyError: the store does not hold it.
        """
        master = self._keys.get((number, version))
        if master is None:
            raise NoCardKeyError(NoCardKeyError.__doc__)
        return layout.card_key(master, card_uid, number)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._keys)} keys)"


def _sealing_key(secret: bytes) -> bytes:
    if len(secret) < SECRET_BYTES_MIN:
        raise CardKeysError(CardKeysError.__doc__)
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_USE).derive(secret)


def _bound(device: str) -> bytes:
    return _HEAD + device.encode()
