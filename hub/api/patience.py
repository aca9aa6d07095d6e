"""How much a device may ask: a measure that fills with time and is emptied by asking. Pure.

Codes on receipts have 50 bits and a check character; still, who guesses pays: a code that leads nowhere
empties a small measure of its own, and with that empty a device asks about no code at all until it has filled
a little.
"""

from dataclasses import dataclass
from typing import Final

QUESTIONS_MAX: Final = 30
"""Questions that a device may ask at once: more than a queue of people types."""
QUESTION_EVERY_MS: Final = 2_000
"""After this it may ask one more."""
WRONG_CODES_MAX: Final = 10
"""Codes that lead nowhere, at once: people mistype, and the check character finds nearly all of that."""
WRONG_CODE_EVERY_MS: Final = 360_000
"""After this it may try one more wrong one: ten in an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How much of something there may be.

    Attributes:
        size: at once.
        every_ms: after this there is one more.
    """

    size: int
    every_ms: int


LOST_CARDS_MAX: Final = 6
"""Pairs of a card's number and a PIN that lead nowhere, at once: two people who mistype all their tries."""
LOST_CARD_EVERY_MS: Final = 600_000
"""After this there may be one more wrong one: six in an hour."""
QUESTIONS: Final = Measure(size=QUESTIONS_MAX, every_ms=QUESTION_EVERY_MS)
LOST_CARDS: Final = Measure(size=LOST_CARDS_MAX, every_ms=LOST_CARD_EVERY_MS)
WRONG_CODES: Final = Measure(size=WRONG_CODES_MAX, every_ms=WRONG_CODE_EVERY_MS)


class Patience:
    """One measure for each of many; it knows those that asked lately."""

    def __init__(self, measure: Measure) -> None:
        """Begin with every measure full."""
        self._measure = measure
        self._full_at_ms: dict[str, int] = {}

    def is_left(self, who: str, now_ms: int) -> bool:
        """Whether there is one more for somebody."""
        return self._missing_ms(who, now_ms) <= (self._measure.size - 1) * self._measure.every_ms

    def spend(self, who: str, now_ms: int) -> None:
        """Take one from somebody."""
        self._full_at_ms[who] = now_ms + self._missing_ms(who, now_ms) + self._measure.every_ms

    def _missing_ms(self, who: str, now_ms: int) -> int:
        """How long until somebody's measure is full; a clock that was set back does not lock anybody out."""
        whole_ms = self._measure.size * self._measure.every_ms
        return min(max(0, self._full_at_ms.get(who, 0) - now_ms), whole_ms)
