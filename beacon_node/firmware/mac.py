"""What a node signs and checks with its link keys: MAC lines, derived keys, chain values.

MicroPython has no hmac module, so RFC 2104 stands here, over hashlib's SHA-256. A message is never put
together for its MAC: what is hashed is handed in by pieces.

`hkdf` is the identity's own.

Source: docs/PROTOCOL.md, sections Topics, Keys, Lines and frames; RFC 2104; RFC 5869.
"""

from binascii import b2a_base64, hexlify
from hashlib import sha256

from beacon_node.firmware.identity import hkdf

__all__ = ["CHAIN", "MAC_LINE", "genesis", "hkdf", "hmac", "key_id", "link", "mac_line", "opened", "token"]
BLOCK = 64
CHAIN = 8
MAC_LINE = 44
"""`~hmac-sha256.`, eight digits, a dot, 22 characters."""
_PREFIX = b"~hmac-sha256."


def hmac(key: bytes, *pieces: bytes) -> bytes:
    """Return HMAC-SHA256 of the pieces, one after the other."""
    if len(key) > BLOCK:
        key = sha256(key).digest()
    key = key + bytes(BLOCK - len(key))
    inner = sha256(bytes(b ^ 0x36 for b in key))
    for piece in pieces:
        inner.update(piece)
    outer = sha256(bytes(b ^ 0x5C for b in key))
    outer.update(inner.digest())
    return outer.digest()


def key_id(key: bytes) -> str:
    """Return a derived key's public name: 8 hex digits."""
    return hexlify(sha256(key).digest()[:4]).decode()


def token(raw: bytes) -> bytes:
    """Return base64url without padding."""
    return b2a_base64(raw).strip().rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")


def mac_line(key: bytes, topic: str, *pieces: bytes) -> bytes:
    """Return the MAC line of a body that is handed in by pieces and ends in a newline."""
    tag = hmac(key, topic.encode(), b"\0", *pieces)[:16]
    return _PREFIX + key_id(key).encode() + b"." + token(tag)


def opened(key: bytes, topic: str, message: bytes) -> bytes | None:
    """Return the body of a message whose MAC holds, or None.

    Every character of the tag is compared, whether or not one before it differed.
    """
    body, line = message[:-MAC_LINE], message[-MAC_LINE:]
    if body[-1:] != b"\n":
        return None
    own = mac_line(key, topic, body)
    differs = len(own) ^ len(line)
    for a, b in zip(own, line):
        differs |= a ^ b
    return None if differs else bytes(body)


def genesis(device: str, stream: str, epoch: str) -> bytes:
    """Return the chain value before an epoch's first line."""
    return sha256(("vt1|%s|%s|%s" % (device, stream, epoch)).encode()).digest()[:CHAIN]


def link(previous: bytes, line: bytes) -> bytes:
    """Return the chain value after a line."""
    following = sha256(previous)
    following.update(line)
    return following.digest()[:CHAIN]
