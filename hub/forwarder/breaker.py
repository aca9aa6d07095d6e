"""Is this endpoint worth asking now? A breaker for each endpoint, pure: the clock is the caller's.

    closed --failures_max in a row--> open --its wait is over--> half-open --success--> closed
                                        ^----------------failure-----------------'

Closed, every place may be used. Open, none. Half-open, one call goes out alone and decides. The wait doubles
with each failure of such a call, with full jitter, up to a cap, so that hubs don't knock in step.

A row's own back-off spares the core one effect; the breaker spares it, and the rows, all of them: while it
is open no attempt begins, so nothing comes into doubt either.
"""

from collections.abc import Callable
from enum import StrEnum

from shared.protocol.backoff import Backoff

FAILURES_MAX = 5
OPEN_FIRST_MS = 1_000
OPEN_MAX_MS = 30_000


class State(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """The breaker of one endpoint."""

    def __init__(
        self,
        random: Callable[[], float],
        *,
        failures_max: int = FAILURES_MAX,
        open_max_ms: int = OPEN_MAX_MS,
    ) -> None:
        """Begin closed.

        Args:
            random: draws from [0, 1).
            failures_max: failures in a row that open it.
            open_max_ms: upper end of every wait.
        """
        self._failures_max = failures_max
        self._failures = 0
        self._opens_ms = 0
        self._is_open = False
        self._backoff = Backoff(random=random, first_ms=min(OPEN_FIRST_MS, open_max_ms), max_ms=open_max_ms)

    def state(self, now_ms: int) -> State:
        """Where it stands.

        Args:
            now_ms: steady clock.
        """
        if not self._is_open:
            return State.CLOSED
        return State.HALF_OPEN if now_ms >= self._opens_ms else State.OPEN

    def places(self, now_ms: int, *, under_way: int, places_max: int) -> int:
        """How many more calls may begin.

        Args:
            now_ms: steady clock.
            under_way: calls that have no result yet.
            places_max: calls that may be under way at once.
        """
        match self.state(now_ms):
            case State.CLOSED:
                return max(0, places_max - under_way)
            case State.HALF_OPEN:
                return 1 if under_way == 0 else 0
            case State.OPEN:
                return 0

    def wait_ms(self, now_ms: int) -> int:
        """How long until a call may begin, if time alone decides; 0 when it does not stand in the way."""
        return max(0, self._opens_ms - now_ms) if self._is_open else 0

    def succeeded(self) -> None:
        """The endpoint answered, whatever it said of the effect."""
        self._failures = 0
        self._is_open = False
        self._backoff.reset()

    def failed(self, now_ms: int, pause_ms: int = 0) -> None:
        """The endpoint did not answer, or answered that it cannot.

        Args:
            now_ms: steady clock.
            pause_ms: the pause that it asked for; it opens the breaker at once and for at least as long.
        """
        self._failures += 1
        probed = self.state(now_ms) is State.HALF_OPEN
        tripped = not self._is_open and (self._failures >= self._failures_max or pause_ms > 0)
        if probed or tripped:
            self._is_open = True
            self._opens_ms = now_ms + max(self._backoff.next_ms(), pause_ms)
