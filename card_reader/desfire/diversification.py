"""A card's own keys out of a master key: AN10922 for AES-128.

    diversified(master, uid + application + system)

Rules:
- What identifies the card (1 to 31 bytes) is filled up to 32 bytes *before* the subkey is chosen. A plain
  CMAC of a short text chooses otherwise, and is another key.
- A card's key tells nothing of the master key or of another card's.

Source: NXP AN10922, section 2.2 (AES-128) and its table 2.
"""

from collections.abc import Callable
from typing import Final

from card_reader.desfire.crypto import BLOCK_BYTES, ZERO_BLOCK, Chain, mixed
from shared.model.errors import InputError

INPUT_BYTES_MAX: Final = 31
_CONSTANT: Final = b"\x01"
_REDUCTION: Final = 0x87
_TOP_BIT: Final = 1 << 127


def diversified(master: bytes, identifies: bytes) -> bytes:
    """Return the key of one card.

    Args:
        master: 16 bytes, kept where keys are kept.
        identifies: what is the card's alone, 1 to 31 bytes.

    Raises:
        InputError: nothing identifies the card, or too much.
    """
    chain = Chain(master)
    return diversified_by(lambda plain: chain.encrypt(ZERO_BLOCK, plain), identifies)


def diversified_by(encrypt: Callable[[bytes], bytes], identifies: bytes) -> bytes:
    """Return the key of one card, where the master key is used and not seen.

    Args:
        encrypt: encrypts whole blocks under the master key, with AES-128 in CBC mode and a vector of zeros.
        identifies: what is the card's alone, 1 to 31 bytes.

    Raises:
        InputError: nothing identifies the card, or too much.
    """
    if not 1 <= len(identifies) <= INPUT_BYTES_MAX:
        raise InputError(f"a card's key is made of 1 to {INPUT_BYTES_MAX} bytes; shorten what identifies it")
    text, (whole_key, filled_key) = _CONSTANT + identifies, _subkeys_of(encrypt(ZERO_BLOCK))
    last_key = whole_key
    if len(text) < 2 * BLOCK_BYTES:
        text, last_key = (text + b"\x80").ljust(2 * BLOCK_BYTES, b"\0"), filled_key
    ends = mixed(text[BLOCK_BYTES:], last_key)
    return encrypt(text[:BLOCK_BYTES] + ends)[-BLOCK_BYTES:]


def subkeys(key: Chain) -> tuple[bytes, bytes]:
    """Return the subkeys K1 (for a whole last block) and K2 (for a filled one) of RFC 4493, section 2.3."""
    return _subkeys_of(key.encrypt(ZERO_BLOCK, ZERO_BLOCK))


def _subkeys_of(zero: bytes) -> tuple[bytes, bytes]:
    """The same, out of the block of zeros as it is encrypted."""
    first = _doubled(int.from_bytes(zero, "big"))
    return first.to_bytes(BLOCK_BYTES, "big"), _doubled(first).to_bytes(BLOCK_BYTES, "big")


def _doubled(value: int) -> int:
    """Twice a value in the field of CMAC."""
    return (value << 1) % (1 << 128) ^ (_REDUCTION if value & _TOP_BIT else 0)
