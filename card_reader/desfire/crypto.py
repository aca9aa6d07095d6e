"""The primitives of EV2 secure messaging: AES-128, its CMAC, and the shapes in which DESFire uses them.

Source: NIST SP 800-38B and RFC 4493 (CMAC); NXP MF2DLHX0, section "Secure messaging" (truncation, padding).
"""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.constant_time import bytes_eq

BLOCK_BYTES: Final = 16
KEY_BYTES: Final = 16
MAC_BYTES: Final = 8
ZERO_BLOCK: Final = bytes(BLOCK_BYTES)


def cmac(key: bytes, message: bytes) -> bytes:
    """Return the AES-CMAC of a message, 16 bytes."""
    made = CMAC(algorithms.AES(key))
    made.update(message)
    return made.finalize()


def short_mac(key: bytes, message: bytes) -> bytes:
    """Return what DESFire sends of a CMAC: the 8 bytes at its odd places (the second, the fourth, …)."""
    return cmac(key, message)[1::2]


def is_same(one: bytes, other: bytes) -> bool:
    """Compare two MACs in a time that does not tell where they differ."""
    return bytes_eq(one, other)


class Signer:
    """One key's AES-CMAC, for many texts: it is set up once, and copied for each.

    Args:
        key: 16 bytes.
    """

    __slots__ = ("_begun",)

    def __init__(self, key: bytes) -> None:
        self._begun = CMAC(algorithms.AES(key))

    def cmac(self, message: bytes) -> bytes:
        """Return the AES-CMAC of a message, 16 bytes."""
        made = self._begun.copy()
        made.update(message)
        return made.finalize()

    def short_mac(self, message: bytes) -> bytes:
        """Return what DESFire sends of it."""
        return self.cmac(message)[1::2]


class Chain:
    """One key's AES-128 in CBC mode, for many texts: what costs most of a short text is to set the cipher up.

    A running cipher goes on from the block before, so the first block of a text is given with that block and
    the text's own vector mixed in: the bytes are those of a cipher that was begun with the vector.

    Args:
        key: 16 bytes.
    """

    __slots__ = ("_cipher", "_decryptor", "_encryptor", "_last", "_last_read")

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(ZERO_BLOCK))
        self._encryptor: CipherContext | None = None
        self._decryptor: CipherContext | None = None
        self._last = self._last_read = ZERO_BLOCK

    def encrypt(self, vector: bytes, plain: bytes) -> bytes:
        """Encrypt whole blocks, one at least."""
        if self._encryptor is None:
            self._encryptor = self._cipher.encryptor()
        first = _mixed(plain[:BLOCK_BYTES], vector, self._last)
        secret = self._encryptor.update(first + plain[BLOCK_BYTES:])
        self._last = secret[-BLOCK_BYTES:]
        return secret

    def decrypt(self, vector: bytes, secret: bytes) -> bytes:
        """Decrypt whole blocks, one at least."""
        if self._decryptor is None:
            self._decryptor = self._cipher.decryptor()
        plain = self._decryptor.update(secret)
        first = _mixed(plain[:BLOCK_BYTES], vector, self._last_read)
        self._last_read = secret[-BLOCK_BYTES:]
        return first + plain[BLOCK_BYTES:]


def encrypt(key: bytes, vector: bytes, plain: bytes) -> bytes:
    """Encrypt whole blocks with AES-128 in CBC mode."""
    made = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return made.update(plain) + made.finalize()


def decrypt(key: bytes, vector: bytes, secret: bytes) -> bytes:
    """Decrypt whole blocks with AES-128 in CBC mode."""
    made = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    return made.update(secret) + made.finalize()


def padded(plain: bytes) -> bytes:
    """Fill up with 80 00 … to whole blocks, always by a byte at least (ISO/IEC 9797-1, method 2)."""
    return plain + b"\x80" + bytes(-(len(plain) + 1) % BLOCK_BYTES)


def unpadded(filled: bytes) -> bytes | None:
    """Return what was padded, or None where no padding is found in the last block."""
    bare = filled.rstrip(b"\0")
    if not bare.endswith(b"\x80") or len(filled) - len(bare) >= BLOCK_BYTES:
        return None
    return bare[:-1]


def rotated(block: bytes) -> bytes:
    """Turn a block left by one byte, as the two sides do to show that they could read it."""
    return block[1:] + block[:1]


def _mixed(block: bytes, vector: bytes, before: bytes) -> bytes:
    one, other = int.from_bytes(block, "big"), int.from_bytes(vector, "big")
    return (one ^ other ^ int.from_bytes(before, "big")).to_bytes(BLOCK_BYTES, "big")


def mixed(one: bytes, other: bytes) -> bytes:
    """Exclusive or of two texts of one length."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
