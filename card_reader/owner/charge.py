"""A charge on its way from the book to the outbox, and the port through which it goes there."""

from dataclasses import dataclass
from typing import Protocol

from card_reader.citizen_card.errors import CardDataError
from card_reader.citizen_card.journal import Record
from card_reader.citizen_card.sealing import signed_input
from card_reader.desfire.transaction_mac import Committed


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A tap that happened, as it is handed to the outbox.

    Attributes:
        event_id: of its event.
        card: the card's keyed hash.
        record: what stands on the card.
        proof: the card's signature; None where it could not be asked.
        is_late: it was found out at a later presentation.
        reverses: event of the tap that it takes back; None where it is a tap.
        is_undecided: nobody knows whether it happened, and a clerk is to hear of it.
    """

    event_id: str
    card: bytes
    record: Record
    proof: Committed | None
    is_late: bool
    reverses: str | None = None
    is_undecided: bool = False


class Till(Protocol):
    """Where charges go: the device's outbox."""

    def new_event_id(self) -> str:
        """Draw the id of an event."""
        ...

    def hand_in(self, charge: Charge) -> None:
        """Make a charge's event durable in the outbox.

        Raises:
            VentanillaError: it was not taken, or nobody knows.
        """
        ...

    def has(self, event_id: str) -> bool:
        """Tell whether the outbox holds an event.

        Raises:
            VentanillaError: it cannot be asked now.
        """
        ...


def charge_of(
    event_id: str, card: bytes, record: bytes, counter: int | None, mac: bytes | None
) -> Charge | None:
    """Read a charge out of the book's row; None where its record is damaged."""
    try:
        said = Record.from_bytes(bytes(record))
    except CardDataError:
        return None
    signed = None
    if counter is not None and mac is not None:
        signed = Committed(counter=counter, mac=bytes(mac), input=signed_input(said))
    return Charge(event_id=event_id, card=bytes(card), record=said, proof=signed, is_late=True)
