"""Full jitter: how long to wait before the n-th attempt, so that a thousand devices don't come back at once.

Source: M. Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.protocol import limits


@dataclass(slots=True, kw_only=True)
class Backoff:
    """Attempts since the last success, and the wait that follows from them.

    Attributes:
        random: draws from [0, 1).
        first_ms: upper end of the first wait.
        max_ms: upper end of every wait.
        attempts: failures since the last success.
    """

    random: Callable[[], float]
    first_ms: int = limits.BACKOFF_FIRST_MS
    max_ms: int = limits.BACKOFF_MAX_MS
    attempts: int = 0

    def next_ms(self) -> int:
        """Count a failure and return the wait before the next attempt, at least a quarter of `first_ms`."""
        ceiling = min(self.max_ms, self.first_ms << min(self.attempts, 20))
        self.attempts += 1
        return max(self.first_ms // 4, int(self.random() * ceiling))

    def reset(self) -> None:
        """Forget the failures: an attempt succeeded."""
        self.attempts = 0
