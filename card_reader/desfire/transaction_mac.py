"""The Transaction MAC: the card's own signature under what one transaction changed, and its counter.

    proof = committed.input, committed.counter, committed.mac
    is_genuine(key, card_uid, proof)      # for who holds the card's transaction key; no terminal does

The input is what the card collects while commands change files; at the commit it counts up, signs the input
under a key of this one counter value, and tells counter and MAC. So the hub knows of each tap that this card
did it, at which place of its life, and with which bytes, and a terminal cannot make one up.

    an amount    instruction ‖ file ‖ amount ‖ 00 … to 16 bytes
    some data    instruction ‖ file ‖ offset ‖ length ‖ 00 … to 16 bytes ‖ data ‖ 00 … to whole blocks

Source: NXP MF2DLHX0, section "Transaction MAC". What no published vector covers is listed in docs/CARD.md.
"""

from dataclasses import dataclass
from typing import Final

from card_reader.desfire import crypto
from card_reader.desfire.session import SessionKeys

COUNTER_BYTES: Final = 4
COUNTER_MAX: Final = 2**32 - 1
UID_BYTES: Final = 7
_SIGNING: Final = b"\x5a\x00\x01\x00\x80"
_ENCRYPTING: Final = b"\xa5\x00\x01\x00\x80"


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a card gave at a commit.

    Attributes:
        counter: its Transaction MAC counter: how many transactions it has committed.
        mac: 8 bytes under the input, by the key of this counter value.
        input: what was signed, whole blocks.
    """

    counter: int
    mac: bytes
    input: bytes


def of_amount(instruction: int, file: int, amount: bytes) -> bytes:
    """What a credit or debit adds to the input; the amount as the card was told, 4 bytes."""
    return _filled(bytes([instruction, file]) + amount)


def of_data(instruction: int, header: bytes, data: bytes) -> bytes:
    """What a write adds to the input; the header is file, offset and length."""
    return _filled(bytes([instruction]) + header) + _filled(data)


def transaction_keys(key: bytes, counter: int, card_uid: bytes) -> SessionKeys:
    """Derive the keys of one transaction.

    Args:
        key: the card's transaction key.
        counter: the value that the commit gave.
        card_uid: 7 bytes.
    """
    place = counter.to_bytes(COUNTER_BYTES, "little") + card_uid
    return SessionKeys(
        encrypting=crypto.cmac(key, _ENCRYPTING + place), signing=crypto.cmac(key, _SIGNING + place)
    )


def is_genuine(key: bytes, card_uid: bytes, committed: Committed) -> bool:
    """Tell whether a card with this key committed this input at this counter value."""
    if not 0 <= committed.counter <= COUNTER_MAX:
        return False
    signing = transaction_keys(key, committed.counter, card_uid).signing
    return crypto.is_same(committed.mac, crypto.short_mac(signing, committed.input))


def reader_of(key: bytes, card_uid: bytes, counter: int, encrypted: bytes) -> bytes:
    """Return the reader that committed *before*, which the card gives encrypted (16 bytes)."""
    encrypting = transaction_keys(key, counter, card_uid).encrypting
    return crypto.decrypt(encrypting, crypto.ZERO_BLOCK, encrypted)


def _filled(text: bytes) -> bytes:
    return text + bytes(-len(text) % crypto.BLOCK_BYTES)
