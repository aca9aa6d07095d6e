"""Where everything is on a card: names, files, keys, rights. docs/CARD.md tells the same to people.

    file             what                        terminals (key 1)    the hub (key 2)
    00 holder        who and what it is for      read                 read, write
    01 purse         money                       debit, give back     everything
    02 journal       the last twenty deeds       read, add            everything
    0F seal          counter and signature       read                 read

Rules:
- Every deed is one transaction: it adds one record to the journal, and the record's counter is the one under
  which the card signs it. So the newest record tells counter and balance, without asking further files.
- A terminal in a bus holds what debits, and nothing that credits.
"""

from typing import Final

from card_reader.desfire.diversification import diversified
from card_reader.desfire.issuing import NEVER, Rights

ROOT_NAME: Final = bytes.fromhex("D2760000850100")
"""The card itself, before any application."""
NAME: Final = b"\xf0VENTANILLA\x01"
"""A proprietary name without registration (ISO/IEC 7816-4, 8.2.1.2: F…)."""
NUMBER: Final = bytes.fromhex("5456F5")
ISO_ID: Final = bytes.fromhex("5601")

MASTER_KEY: Final = 0
TAP_KEY: Final = 1
PURSE_KEY: Final = 2
IDENTITY_KEY: Final = 3
SPARE_KEY: Final = 4
KEYS: Final = 5
SEAL_KEY: Final = 15
"""Not one of the application's keys: that of its signatures. The hub has it, and the card."""

HOLDER: Final = 0
PURSE: Final = 1
JOURNAL: Final = 2
SEAL: Final = 15
HOLDER_BYTES: Final = 48
RECORD_BYTES: Final = 48
RECORDS_KEPT: Final = 20
"""What a card remembers of its deeds; the file has room for one more, which is being written."""

HOLDER_RIGHTS: Final = Rights(read=TAP_KEY, write=PURSE_KEY, both=PURSE_KEY, change=MASTER_KEY)
PURSE_RIGHTS: Final = Rights(read=NEVER, write=TAP_KEY, both=PURSE_KEY, change=MASTER_KEY)
JOURNAL_RIGHTS: Final = Rights(read=TAP_KEY, write=TAP_KEY, both=PURSE_KEY, change=MASTER_KEY)
SEAL_RIGHTS: Final = Rights(read=TAP_KEY, write=NEVER, both=NEVER, change=MASTER_KEY)


def card_key(master: bytes, card_uid: bytes, number: int) -> bytes:
    """Return one card's own key.

    Args:
        master: the town's master key for this number, 16 bytes.
        card_uid: the card's number in the air, 7 bytes.
        number: of the key.
    """
    return diversified(master, identifying(card_uid, number))


def identifying(card_uid: bytes, number: int) -> bytes:
    """Return of what a card's own key is made, besides the town's: card, application, number of the key."""
    return card_uid + NUMBER + bytes([number])
