"""What the hub makes of a tap that a terminal reports: the terminal is not believed, the card is.

A card signs each deed with its counter (its *seal*), under a key that no terminal holds. So a tap is one of
the verdicts below, and what a clerk must look at becomes a case, with a sentence that says what to do.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class TapVerdict(StrEnum):
    """What is known of a tap."""

    GENUINE = "genuine"
    """The card signed these very bytes at this counter."""
    UNSIGNED = "unsigned"
    """No signature came: the card could not be asked any more, or nobody asked it."""
    FORGED = "forged"
    """The signature does not hold, or the terminal says something else than the card."""
    TWICE = "twice"
    """A tap that the hub knows already, under another event: told twice, ridden once."""
    CLONED = "cloned"
    """Genuine, and another genuine tap has the same counter: there are two cards."""
    UNKNOWN_CARD = "unknown_card"
    """The register has no such card."""
    UNDECIDED = "undecided"
    """Its terminal does not know whether it happened; it is not booked, and no ride until another says so."""
    UNCHECKED = "unchecked"
    """The hub does not hold the key under which this card signs."""
    UNREADABLE = "unreadable"
    """The line could not be opened, or says nothing that a tap says; it waits in quarantine."""


SOUND = frozenset({TapVerdict.GENUINE, TapVerdict.CLONED, TapVerdict.TWICE})
"""The card itself says that it happened."""
AGAIN = frozenset({TapVerdict.UNCHECKED, TapVerdict.UNKNOWN_CARD})
"""What is looked at again when the hub starts: it may hold the key, or know the card, by now."""


class CardCase(StrEnum):
    """The kinds of exceptions about cards."""

    FORGED_TAP = "forged_tap"
    UNKNOWN_CARD = "unknown_card"
    CARD_CLONED = "card_cloned"
    TAP_AFTER_BLOCK = "tap_after_block"
    TAP_UNDECIDED = "tap_undecided"
    UNSIGNED_TAPS = "unsigned_taps"
    DAY_DIFFERS = "day_differs"


class SealKeys(Protocol):
    """The keys under which cards sign; no terminal holds one."""

    def seal_key(self, card_uid: bytes, version: int) -> bytes | None:
        """Return one card's own key of signatures, 16 bytes.

        Args:
            card_uid: the card's number in the air, 7 bytes.
            version: of the town's key.

        Returns:
            None where the hub does not hold that version.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTap:
    """A tap as the hub keeps it beside its line.

    Attributes:
        inbox_id: of its line.
        device: the terminal.
        event_id: the event.
        effect_key: under which books and core know it.
        day: of the town, by the card's record; `2026-11-21`.
        line: of the bus.
        subject: the card's pseudonym.
        counter: the card's.
        mark: drawn for this deed; None where no record came.
        amount_minor: what left the purse; below zero, what came back to it when a driver took the tap back.
        currency: of that.
        verdict: what is known of it.
        at_ms: when, by the terminal.
        why: what is wrong with it; empty where nothing is.
    """

    inbox_id: int
    device: str
    event_id: str
    effect_key: str
    day: str
    line: str | None
    subject: str | None
    counter: int | None
    mark: bytes | None
    amount_minor: int
    currency: str
    verdict: TapVerdict
    at_ms: int
    why: str = ""
