"""Pseudonyms: what stands in place of a person's or card's own number on every line.

One key for the whole fleet, so that a card is the same `subject` at every reader and the hub can look it up;
without the key nobody can tell whose it is, not even by trying all numbers.

Source: docs/PROTOCOL.md, section Keys; RFC 2104.
"""

import hmac
from typing import Final

from shared.model.ids import REFERENCE_RANDOM_BYTES, new_reference

_PSEUDONYM_BYTES: Final = 16


class Pseudonyms:
    """Makes pseudonyms and references under the fleet key."""

    def __init__(self, fleet_key: bytes) -> None:
        """Take the key that enrolment gave the device."""
        self._key = fleet_key

    def of(self, kind: str, value: str) -> str:
        """Return the `subject` of a person or card.

        Args:
            kind: what is numbered, for example `card`.
            value: its number; it does not leave this function.
        """
        return self._digest(f"{kind}|{value}")[:_PSEUDONYM_BYTES].hex()

    def reference(self, device: str, event_id: str) -> str:
        """Return the citizen's reference of an event, the same whenever the event is given again."""
        return new_reference(self._digest(f"\0reference|{device}|{event_id}")[:REFERENCE_RANDOM_BYTES])

    def _digest(self, said: str) -> bytes:
        return hmac.digest(self._key, said.encode(), "sha256")
