"""What a terminal remembers of taps that are not over: the port, and what is remembered.

Rules:
- An intent is durable before the commit is sent: a power cut leaves either no charge, or an intent.
- A card is remembered by a keyed hash, and an intent ends: it is settled at the next presentation, or it
  expires to a clerk's list. Nothing here tells anybody where somebody was.
- Settling and booking are one durable step: what happened is reported once, whatever the power does.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from card_reader.citizen_card.journal import Record
from card_reader.desfire.transaction_mac import Committed

INTENT_DAYS_MAX: Final = 7
"""A card that has not come back by then is a clerk's; the hub may know by then from its other taps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A tap that was about to be committed.

    Attributes:
        card: keyed hash of the card.
        record: what the card is to hold of it; its counter is the card's next.
        is_keyed: somebody keyed the passengers.
    """

    card: bytes
    record: Record
    is_keyed: bool


class Book(Protocol):
    """Keeps intents, durably; each method has done so when it returns.

    A full or broken disk raises `CapacityError` or `DeviceError`: nothing is charged then.
    """

    def intent_of(self, card: bytes) -> Intent | None:
        """Return what is not settled of a card, by its keyed hash; at most one."""
        ...

    def intend(self, intent: Intent) -> None:
        """Remember a tap that is about to be committed."""
        ...

    def happened(self, intent: Intent, proof: Committed | None) -> None:
        """Settle it: the card was charged. The event goes out, with the card's signature if it gave one."""
        ...

    def never_happened(self, intent: Intent) -> None:
        """Settle it: the card was not charged."""
        ...

    def untold_of(self, card: bytes) -> Intent | None:
        """Return a card's last tap, if it happened in an earlier life of the terminal and is not `told` yet.

        The power may have failed between booking and light: the passenger may not know.
        """
        ...

    def told(self, card: bytes) -> None:
        """The passenger is told of the card's last tap; forgotten with the power, and that is the point."""
        ...

    def undecided(self, intent: Intent) -> None:
        """Hand it to a clerk: the card has done so much since that it no longer tells."""
        ...
