"""The hash chain of an epoch: eight bytes that say "everything up to here is what you think it is".

`c(0) = SHA-256("vt1|device|stream|epoch")[:8]`, `c(n) = SHA-256(c(n-1) | line n)[:8]`. A gap line is not
hashed: the value after it (`head`) is adopted. Eight bytes find accidents and rolled-back disks; forgery is
the MAC's concern.

Source: docs/PROTOCOL.md, section Lines and frames.
"""

from hashlib import sha256
from typing import Final

LENGTH: Final = 8


def genesis(device: str, stream: str, epoch: str) -> bytes:
    """Return c(0), the value before an epoch's first line."""
    return sha256(f"vt1|{device}|{stream}|{epoch}".encode()).digest()[:LENGTH]


def link(previous: bytes, line: bytes) -> bytes:
    """Return the value after `line` (its exact bytes, without newline)."""
    return sha256(previous + line).digest()[:LENGTH]
