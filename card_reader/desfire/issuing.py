"""The commands that make a card: applications, files, keys. The hub gives them, through a relay or at a desk.

Rules:
- Everything here travels in a session with the key that may do it; a new key travels encrypted, always.
- Changing the key of the session itself ends the session, and the answer is unsigned: whether it happened is
  seen by authenticating anew.

Source: NXP MF2DLHX0, section "Command set"; AN12343, sections on ChangeKey and files; AN12196, table 26.
"""

import zlib
from dataclasses import dataclass
from typing import Final

from card_reader.apdu.outcome import Done, Outcome, Talk
from card_reader.desfire.card import Card
from card_reader.desfire.crypto import mixed
from card_reader.desfire.session import Mode

CREATE_APPLICATION: Final = 0xCA
DELETE_APPLICATION: Final = 0xDA
CREATE_BACKUP_FILE: Final = 0xCB
CREATE_VALUE_FILE: Final = 0xCC
CREATE_CYCLIC_FILE: Final = 0xC0
CREATE_TRANSACTION_MAC_FILE: Final = 0xCE
CHANGE_KEY: Final = 0xC4
FREE: Final = 0xE
NEVER: Final = 0xF
_AES: Final = 0x80
_ISO_NAMES: Final = 0x20
_AES_KEY: Final = b"\x02"
_LIMITED_CREDIT: Final = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Who may do what with a file: a key's number each, `FREE` or `NEVER`.

    Attributes:
        read: read; of a value file, ask and debit.
        write: write; of a value file, ask, debit and give back.
        both: read and write; of a value file, everything.
        change: change these rights.
    """

    read: int
    write: int
    both: int
    change: int

    def to_bytes(self) -> bytes:
        """The two bytes that the card knows them by."""
        return bytes([self.both << 4 | self.change, self.read << 4 | self.write])


def create_application(
    card: Card, number: bytes, iso_id: bytes, name: bytes, keys: int
) -> Talk[Outcome[None]]:
    """Make an application with AES keys, all zero so far.

    Args:
        card: in a session with the card's master key.
        number: 3 bytes, as the card stores them.
        iso_id: 2 bytes.
        name: by which it is selected, 1 to 16 bytes.
        keys: how many, 1 to 14.
    """
    settings = bytes([_MASTER_ALONE, _AES | _ISO_NAMES | keys])
    return _none((yield from card.ask(CREATE_APPLICATION, number + settings + iso_id + name)))


def delete_application(card: Card, number: bytes) -> Talk[Outcome[None]]:
    """Take an application away, with all that is in it.

    Args:
        card: in a session with the card's master key.
        number: 3 bytes, as the card stores them.
    """
    return _none((yield from card.ask(DELETE_APPLICATION, number)))


def create_backup_file(card: Card, file: int, rights: Rights, size: int) -> Talk[Outcome[None]]:
    """Make a data file whose changes count from a commit on."""
    header = bytes([file, Mode.FULL]) + rights.to_bytes() + size.to_bytes(3, "little")
    return _none((yield from card.ask(CREATE_BACKUP_FILE, header)))


def create_value_file(
    card: Card, file: int, rights: Rights, lowest_minor: int, highest_minor: int
) -> Talk[Outcome[None]]:
    """Make a value file that holds nothing yet, with its limits; what was taken last may be given back."""
    limits = [each.to_bytes(4, "little", signed=True) for each in (lowest_minor, highest_minor, 0)]
    header = bytes([file, Mode.FULL]) + rights.to_bytes() + b"".join(limits) + bytes([_LIMITED_CREDIT])
    return _none((yield from card.ask(CREATE_VALUE_FILE, header)))


def create_cyclic_file(
    card: Card, file: int, rights: Rights, record_bytes: int, records: int
) -> Talk[Outcome[None]]:
    """Make a file of records, of which the card keeps one fewer than it has room for."""
    sizes = record_bytes.to_bytes(3, "little") + records.to_bytes(3, "little")
    header = bytes([file, Mode.FULL]) + rights.to_bytes() + sizes
    return _none((yield from card.ask(CREATE_CYCLIC_FILE, header)))


def create_transaction_mac_file(
    card: Card, file: int, rights: Rights, key: bytes, version: int
) -> Talk[Outcome[None]]:
    """Make the file that signs and counts transactions, with its key."""
    header = bytes([file, Mode.FULL]) + rights.to_bytes() + _AES_KEY
    secret = key + bytes([version])
    return _none((yield from card.ask(CREATE_TRANSACTION_MAC_FILE, header, secret, sends=Mode.FULL)))


def change_key(card: Card, number: int, old: bytes, new: bytes, version: int) -> Talk[Outcome[None]]:
    """Change another key than the session's.

    Args:
        card: in a session with the key that may change keys.
        number: of the key to be changed.
        old: what it is.
        new: what it becomes.
        version: of the new one; 0 to 255.
    """
    check = (zlib.crc32(new) ^ 0xFFFFFFFF).to_bytes(4, "little")
    secret = mixed(new, old) + bytes([version]) + check
    return _none((yield from card.ask(CHANGE_KEY, bytes([number]), secret, sends=Mode.FULL)))


def change_own_key(card: Card, number: int, new: bytes, version: int) -> Talk[Outcome[None]]:
    """Change the key of the session, which ends with it."""
    secret = new + bytes([version])
    said = yield from card.ask(CHANGE_KEY, bytes([number]), secret, sends=Mode.FULL, hears=Mode.PLAIN)
    if card.session is not None:
        card.session.end()
    return _none(said)


_MASTER_ALONE: Final = 0x0B
"""Key settings: key 0 alone changes keys and files, and settings may be changed later."""


def _none(said: Outcome[bytes]) -> Outcome[None]:
    return Done(None) if isinstance(said, Done) else said
