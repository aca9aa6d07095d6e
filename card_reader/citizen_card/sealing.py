"""What the card signs of a deed, put together from the deed's record: whoever knows the record can check it.

A deed of a terminal is one movement of the purse, if any, and one record, in this order.
"""

from card_reader.citizen_card import layout
from card_reader.citizen_card.journal import Deed, Record
from card_reader.desfire import transaction_mac
from card_reader.desfire.card import CREDIT, DEBIT, LIMITED_CREDIT, VALUE_BYTES, WRITE_RECORD, place


def signed_input(record: Record) -> bytes:
    """Return the input of the Transaction MAC for a deed that a record tells of."""
    moved_minor, written = record.amount_minor, record.to_bytes()
    whole = transaction_mac.of_data(WRITE_RECORD, place(layout.JOURNAL, 0, len(written)), written)
    if not moved_minor:
        return whole
    amount = abs(moved_minor).to_bytes(VALUE_BYTES, "little")
    return transaction_mac.of_amount(_movement(record), layout.PURSE, amount) + whole


def _movement(record: Record) -> int:
    """The command that moved the purse: a terminal gives back the last debit, and credits nothing else."""
    if record.amount_minor < 0:
        return DEBIT
    return LIMITED_CREDIT if record.deed is Deed.CANCELLED else CREDIT
