"""How the reference core misbehaves: which fault meets the next request. Pure.

Here: the modes, how long and how often each lasts, and whether the effect takes place. Not here: doing it
(misbehaviour.py) and the control endpoint (control.py).
"""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """What happens to a request."""

    OK = "ok"
    SLOW = "slow"
    """Answers rightly, later."""
    LATE = "late"
    """Acts at once and answers 200 later, after the caller's patience has ended."""
    REFUSE = "refuse"
    """Status 500."""
    CRASH = "crash"
    """The process ends in the middle of the request."""
    GARBAGE = "garbage"
    """Status 200 and a body that means nothing."""
    CONFLICT = "conflict"
    """Status 409."""
    TOO_MANY = "too_many"
    """Status 429 with Retry-After; never an effect."""


class Takes(StrEnum):
    """When the request takes effect, seen from the fault."""

    BEFORE = "before"
    AFTER = "after"
    NEVER = "never"


USUAL = {
    Mode.OK: Takes.AFTER,
    Mode.SLOW: Takes.AFTER,
    Mode.LATE: Takes.BEFORE,
    Mode.REFUSE: Takes.NEVER,
    Mode.CRASH: Takes.NEVER,
    Mode.GARBAGE: Takes.BEFORE,
    Mode.CONFLICT: Takes.NEVER,
    Mode.TOO_MANY: Takes.NEVER,
}
"""What a mode does where the order does not say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An order to misbehave.

    Attributes:
        mode: how.
        takes: whether the request takes effect before the fault, after it, or never.
        delay_ms: for `slow` and `late`; for `too_many` the pause that is asked for.
        for_s: the order lapses after this; None: it stands until the next.
        count: requests that it meets; None: all.
        reads_too: also requests that change nothing, such as a search.
    """

    mode: Mode
    takes: Takes
    delay_ms: int = 0
    for_s: float | None = None
    count: int | None = None
    reads_too: bool = False


HEALTHY = Fault(mode=Mode.OK, takes=Takes.AFTER)


class Faults:
    """The order in force.

    Attributes:
        under_way: requests that have no answer yet; a late one may still take effect.
    """

    def __init__(self) -> None:
        """Begin healthy."""
        self.under_way = 0
        self._fault = HEALTHY
        self._ends_s: float | None = None
        self._left: int | None = None

    def order(self, fault: Fault, now_s: float) -> None:
        """Put an order in force; it replaces the one before.

        Args:
            fault: how to misbehave.
            now_s: steady clock.
        """
        self._fault = fault
        self._ends_s = None if fault.for_s is None else now_s + fault.for_s
        self._left = fault.count

    def standing(self, now_s: float) -> Fault:
        """The order in force, without counting a request."""
        lapsed = self._ends_s is not None and now_s >= self._ends_s
        return HEALTHY if lapsed or self._left == 0 else self._fault

    def meet(self, *, reads: bool, now_s: float) -> Fault:
        """The fault that meets a request; it is counted.

        Args:
            reads: whether the request changes nothing.
            now_s: steady clock.
        """
        fault = self.standing(now_s)
        if reads and not fault.reads_too:
            return HEALTHY
        if self._left is not None and fault is not HEALTHY:
            self._left -= 1
        return fault
