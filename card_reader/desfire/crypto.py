"""The primitives of EV2 secure messaging: AES-128, its CMAC, and the shapes in which DESFire uses them.

Source: NIST SP 800-38B and RFC 4493 (CMAC); NXP MF2DLHX0, section "Secure messaging" (truncation, padding).
"""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
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


def mixed(one: bytes, other: bytes) -> bytes:
    """Exclusive or of two texts of one length."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
