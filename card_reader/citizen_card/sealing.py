"""What the card signs of a deed, put together from the deed's record: whoever knows the record can check it.

A deed of a terminal is one movement of the purse, if any, and one record, in this order.
"""

from card_reader.citizen_card import layout
from card_reader.citizen_card.journal import Record
from card_reader.desfire import transaction_mac
from card_reader.desfire.card import CREDIT, DEBIT, VALUE_BYTES, WRITE_RECORD, place


def signed_input(record: Record) -> bytes:
    """Return the input of the Transaction MAC for a deed that a record tells of."""
    moved_minor, written = record.amount_minor, record.to_bytes()
    whole = transaction_mac.of_data(WRITE_RECORD, place(layout.JOURNAL, 0, len(written)), written)
    if not moved_minor:
        return whole
    amount = abs(moved_minor).to_bytes(VALUE_BYTES, "little")
    return transaction_mac.of_amount(CREDIT if moved_minor > 0 else DEBIT, layout.PURSE, amount) + whole
