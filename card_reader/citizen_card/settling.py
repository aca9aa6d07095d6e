"""Whether a deed of which nobody knows happened: the card's own journal tells, at its next presentation.

    found = yield from found_on(card, meant, last)

The record at the deed's counter is the deed's, or another's, or there is none. For whoever was about to
commit and heard no answer: a terminal of a tap, the hub of what it does at a desk.
"""

from enum import Enum

from card_reader.apdu.outcome import Done, Failed, Talk
from card_reader.citizen_card import layout
from card_reader.citizen_card.errors import CardDataError
from card_reader.citizen_card.journal import Record
from card_reader.citizen_card.sealing import signed_input
from card_reader.desfire.card import Card
from card_reader.desfire.crypto import MAC_BYTES
from card_reader.desfire.transaction_mac import COUNTER_BYTES, Committed


class Found(Enum):
    """What a card tells of a deed."""

    NEWEST = "newest"
    """It happened, and nothing since."""
    BEFORE = "before"
    """It happened, and more since."""
    NEVER = "never"
    """It did not happen."""
    UNTOLD = "untold"
    """The card has done so much since, or its record is such, that it no longer tells."""


def found_on(card: Card, meant: Record, last: Record) -> Talk[Found | Failed]:
    """Look for a deed in the journal.

    Args:
        card: in a session with a key that may read the journal.
        meant: the record that the deed was to write.
        last: the newest record of the card.

    Returns:
        What the card tells; what failed, where it does not tell now.
    """
    behind = last.counter - meant.counter
    if behind < 0:
        return Found.NEVER
    if behind >= layout.RECORDS_KEPT:
        return Found.UNTOLD
    if not behind:
        return Found.NEWEST if last.is_same_deed(meant) else Found.NEVER
    there = yield from card.records(layout.JOURNAL, behind, 1, layout.RECORD_BYTES)
    if not isinstance(there, Done):
        return there
    try:
        is_ours = Record.from_bytes(there.value[0]).is_same_deed(meant)
    except CardDataError:
        return Found.UNTOLD
    return Found.BEFORE if is_ours else Found.NEVER


def proof_of(card: Card, record: Record) -> Talk[Committed | None]:
    """Ask the card for its signature under its last deed; None where it does not give it.

    Args:
        card: in a session with the tap's key.
        record: of that deed.
    """
    said = yield from card.read(layout.SEAL, 0, COUNTER_BYTES + MAC_BYTES)
    if not isinstance(said, Done):
        return None
    counter = int.from_bytes(said.value[:COUNTER_BYTES], "little")
    return Committed(counter=counter, mac=said.value[COUNTER_BYTES:], input=signed_input(record))
