"""AES-128 as the card does it, from the bare block cipher up: CBC, CMAC, the keys of sessions.

Source: RFC 4493 (CMAC, step by step); NXP MF2DLHX0, sections "Secure messaging" and "Transaction MAC".
"""

from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

BLOCK = 16


def block(key: bytes, plain: bytes) -> bytes:
    """One block, or several each for itself."""
    return _engines(key)[0].update(plain)


def unblock(key: bytes, secret: bytes) -> bytes:
    """The other way."""
    return _engines(key)[1].update(secret)


def blocks(text: bytes) -> list[bytes]:
    """A text in pieces of a block."""
    return [text[at : at + BLOCK] for at in range(0, len(text), BLOCK)]


def xor(one: bytes, other: bytes) -> bytes:
    """Exclusive or of two texts of one length."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")


def enchain(key: bytes, start: bytes, plain: bytes) -> bytes:
    """CBC, piece by piece."""
    secret = b""
    for piece in blocks(plain):
        start = block(key, xor(piece, start))
        secret += start
    return secret


def unchain(key: bytes, start: bytes, secret: bytes) -> bytes:
    """The other way."""
    pieces = blocks(secret)
    return b"".join(
        xor(unblock(key, piece), before) for piece, before in zip(pieces, [start, *pieces], strict=False)
    )


def cmac(key: bytes, message: bytes) -> bytes:
    """RFC 4493, section 2.4."""
    k1 = _shifted(block(key, bytes(BLOCK)))
    pieces = blocks(message) or [b""]
    last = pieces.pop()
    filled = (last + b"\x80").ljust(BLOCK, b"\0")
    last = xor(last, k1) if len(last) == BLOCK else xor(filled, _shifted(k1))
    return enchain(key, bytes(BLOCK), b"".join(pieces) + last)[-BLOCK:]


def cut(mac: bytes) -> bytes:
    """What of a MAC goes over the air: each second byte, beginning with the second."""
    return bytes(mac[place] for place in range(1, BLOCK, 2))


def fill(text: bytes) -> bytes:
    """80, then zeros up to a whole block."""
    text += b"\x80"
    while len(text) % BLOCK:
        text += b"\0"
    return text


def unfill(text: bytes) -> bytes:
    """The other way; a text that was not filled is taken for empty."""
    return text[: text.rindex(b"\x80")] if b"\x80" in text[-BLOCK:] else b""


def of_session(key: bytes, a: bytes, b: bytes) -> tuple[bytes, bytes]:
    """The keys for secrets and for MACs, of both sides' random numbers."""
    text = b"\x00\x01\x00\x80" + a[0:2] + xor(a[2:8], b[0:6]) + b[6:16] + a[8:16]
    return cmac(key, b"\xa5\x5a" + text), cmac(key, b"\x5a\xa5" + text)


@lru_cache(maxsize=256)
def _engines(key: bytes) -> tuple[CipherContext, CipherContext]:
    """The block cipher under one key; without chaining it remembers nothing from one block to the next."""
    cipher = Cipher(algorithms.AES(key), modes.ECB())
    return cipher.encryptor(), cipher.decryptor()


def _shifted(value: bytes) -> bytes:
    """One bit to the left; what falls out comes back as 87."""
    whole = int.from_bytes(value, "big") << 1
    carry = whole >> 128
    return ((whole & ((1 << 128) - 1)) ^ (0x87 * carry)).to_bytes(BLOCK, "big")
