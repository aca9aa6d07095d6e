"""What the card signs of a deed, put together from the deed's record: whoever knows the record can check it.

A deed is one movement of the purse, if any, and one record, in this order. Who makes a card writes its holder
file first.
"""

from card_reader.citizen_card import layout
from card_reader.citizen_card.journal import Deed, Record
from card_reader.desfire import transaction_mac
from card_reader.desfire.card import (
    CREDIT,
    DEBIT,
    LIMITED_CREDIT,
    VALUE_BYTES,
    WRITE_DATA,
    WRITE_RECORD,
    place,
)


def signed_input(record: Record, holder: bytes = b"") -> bytes:
    """Return the input of the Transaction MAC for a deed that a record tells of.

    Args:
        record: as it stands on the card.
        holder: the holder file, where the deed wrote it too.
    """
    moved_minor, written, whole = record.amount_minor, record.to_bytes(), b""
    if holder:
        whole += transaction_mac.of_data(WRITE_DATA, place(layout.HOLDER, 0, len(holder)), holder)
    if moved_minor:
        amount = abs(moved_minor).to_bytes(VALUE_BYTES, "little")
        whole += transaction_mac.of_amount(_movement(record), layout.PURSE, amount)
    return whole + transaction_mac.of_data(WRITE_RECORD, place(layout.JOURNAL, 0, len(written)), written)


def _movement(record: Record) -> int:
    """The command that moved the purse: a terminal gives back the last debit, and credits nothing else."""
    if record.amount_minor < 0:
        return DEBIT
    return LIMITED_CREDIT if record.deed is Deed.CANCELLED else CREDIT
