"""A key store, as whoever needs a card's key sees it: it gives one card's key, and never the town's.

A store in software is `sealed`; one in hardware keeps the town's keys where they cannot be read at all.
"""

from typing import Protocol


class KeyStore(Protocol):
    """Makes cards' own keys."""

    def versions(self, number: int) -> tuple[int, ...]:
        """Return which versions of a key there are, the newest first."""
        ...

    def card_key(self, card_uid: bytes, number: int, version: int) -> bytes:
        """Return one card's own key.

        Args:
            card_uid: the card's number in the air, 7 bytes.
            number: of the key, as `citizen_card.layout` names them.
            version: of the town's key.

        Raises:
            NoCardKeyError: the store does not hold it.
        """
        ...
