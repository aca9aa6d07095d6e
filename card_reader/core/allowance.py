"""What a card may spend at a terminal whose deny list is too old to rely on. Pure; used by the card's thread.

A bus does not stop because its list is old: a card that was blocked since may spend the town's limit on it,
and no more, until there is a newer list. What was spent is in memory: a restart counts anew.

Rules:
- What is about to be committed is counted; what turns out never to have happened, no longer.
- The card that was silent longest is forgotten first.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

CARDS_COUNTED_MAX: Final = 10_000


class Allowance:
    """Counts what cards spend while the list is too old.

    Args:
        is_old: tells whether it is.
        limit_minor: what one card may spend then.
    """

    def __init__(self, is_old: Callable[[], bool], limit_minor: Callable[[], int]) -> None:
        self._is_old = is_old
        self._limit_minor = limit_minor
        self._spent: OrderedDict[bytes, int] = OrderedDict()

    def left_minor(self, card: bytes) -> int | None:
        """Return what a card, by its keyed hash, may still spend; None where nothing limits it."""
        if not self._is_old():
            self._spent.clear()
            return None
        return max(0, self._limit_minor() - self._spent.get(card, 0))

    def count(self, card: bytes, amount_minor: int) -> None:
        """A card spends so much; below zero, it has it back."""
        if not self._is_old():
            return
        self._spent[card] = max(0, self._spent.pop(card, 0) + amount_minor)
        if len(self._spent) > CARDS_COUNTED_MAX:
            self._spent.popitem(last=False)


def unlimited() -> Allowance:
    """Return an allowance where the list is never too old."""
    return Allowance(lambda: False, lambda: 0)
