"""Which effects the core surely never took, as this process remembers: what says so is its own attempts.

An effect at its first attempt was never sent. One whose last attempt ended in `Retry` was not taken: it may
be sent again without a question. After a restart nobody remembers, and the core is asked, or a clerk.
"""

from typing import Final
from uuid import UUID

from hub.core.port import Effect

KNOWN_MAX: Final = 10_000
"""Effects that are remembered; forgetting one costs a search, or a clerk a look."""


class Untaken:
    """A memory of effects, by the attempt after which the core did not have them."""

    def __init__(self) -> None:
        """Begin without any."""
        self._after: dict[UUID, int] = {}

    def __contains__(self, effect: Effect) -> bool:
        """Whether the core surely did not take it before this attempt."""
        return effect.attempts == 0 or self._after.get(effect.key) == effect.attempts

    def add(self, effect: Effect) -> None:
        """Remember that this attempt did not reach anything."""
        self.forget(effect.key)
        while len(self._after) >= KNOWN_MAX:
            del self._after[next(iter(self._after))]
        self._after[effect.key] = effect.attempts + 1

    def forget(self, key: UUID) -> None:
        """Remember nothing of an effect: it is being sent, or is over."""
        self._after.pop(key, None)
