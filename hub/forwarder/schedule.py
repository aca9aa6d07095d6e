"""When an effect is tried again. Pure: the row keeps the instant, so a restart forgets nothing.

Full jitter from the attempts that the row counts, up to a cap, and never before the core said we may. There
is no last attempt: a core that is down for days finds everything waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.protocol.backoff import Backoff

RETRY_FIRST_MS = 500
RETRY_MAX_MS = 5 * 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long effects wait between attempts.

    Attributes:
        random: draws from [0, 1).
        first_ms: upper end of the first wait.
        max_ms: upper end of every wait that the core did not ask for.
    """

    random: Callable[[], float]
    first_ms: int = RETRY_FIRST_MS
    max_ms: int = RETRY_MAX_MS

    def due_ms(self, now_ms: int, *, attempts: int, after_s: float | None) -> int:
        """When to try again.

        Args:
            now_ms: wall clock.
            attempts: attempts before the one that has just failed.
            after_s: the pause that the core asked for.

        Returns:
            Wall clock, milliseconds.
        """
        first_ms = min(self.first_ms, self.max_ms)
        drawn_ms = Backoff(
            random=self.random, first_ms=first_ms, max_ms=self.max_ms, attempts=attempts
        ).next_ms()
        return now_ms + max(drawn_ms, round((after_s or 0.0) * 1000))
