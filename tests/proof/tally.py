"""Many who are killed side by side: how often each, what each waits for, and an end where one of them fails.

    tally = Tally({"hub": 14, "device": 60}, limit_s=600)
    while tally.next("hub"):
        tally.until("hub", is_ready, what="its readiness")

Whoever fails ends it for all, with his own word. A stand-still is a failure too: where nobody was killed for
`STILL_S`, or not all of them within the limit, it ends and says who was waiting for what, and since when.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from tests.support.polling import eventually

T = TypeVar("T")

TELL_EVERY: Final = 25
TELL_S: Final = 60.0
PAUSE_S: Final = 0.1
"""Between two looks: each is a request to somebody who has enough to do."""
STILL_S: Final = 300.0
"""Longer than anything that is waited for on a busy machine, a hub's start included."""


class EndedError(AssertionError):
    """Another one has failed; this one ends with it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What somebody waits for, and since when."""

    what: str
    since_s: float


class Tally:
    """Counts for everybody, from any thread.

    Args:
        wanted: kills by victim.
        limit_s: within which all of them are done.
        still_s: within which at least one is.

    Attributes:
        kills: so far, by victim and by whatever else is counted.
        failure: why it ends before its time; empty while it does not.
    """

    def __init__(self, wanted: Mapping[str, int], *, limit_s: float, still_s: float = STILL_S) -> None:
        self.kills: Counter[str] = Counter()
        self.failure = ""
        self._wanted = wanted
        self._limit_s = limit_s
        self._still_s = still_s
        self._began_s = self._killed_s = self._told_s = time.monotonic()
        self._waiting: dict[str, Waiting] = {}
        self._lock = threading.Lock()

    @property
    def done(self) -> int:
        """Kills of everybody."""
        return sum(self.kills[victim] for victim in self._wanted)

    @property
    def words(self) -> str:
        """How far it is."""
        passed_s = time.monotonic() - self._began_s
        shares = ", ".join(f"{who} {self.kills[who]} of {much}" for who, much in self._wanted.items())
        a_minute = 60 * self.done / max(passed_s, 1)
        wanted = sum(self._wanted.values())
        return f"{self.done} of {wanted} kills in {passed_s / 60:.1f} min, {a_minute:.0f} a minute: {shares}"

    @property
    def waits(self) -> str:
        """Who waits for what."""
        now_s = time.monotonic()
        return "; ".join(
            f"{who} has waited {now_s - one.since_s:.0f} s for {one.what}"
            for who, one in sorted(self._waiting.items())
        )

    def next(self, victim: str) -> bool:
        """Whether there is one more kill for this victim."""
        self.check()
        with self._lock:
            if self.kills[victim] >= self._wanted.get(victim, 0):
                return False
            self.kills[victim] += 1
            self._killed_s = time.monotonic()
            tell = self.done % TELL_EVERY == 0
        if tell:
            self._tell()
        return True

    def others_go_on(self, victim: str) -> bool:
        """Whether anybody else is still to be killed."""
        self.check()
        return any(self.kills[who] < much for who, much in self._wanted.items() if who != victim)

    def until(
        self, who: str, look: Callable[[], T], *, what: str, timeout_s: float, pause_s: float = 0.1
    ) -> T:
        """Wait as `eventually` does, and end where another one has failed.

        Raises:
            EndedError: another one has failed.
            AssertionError: it did not come.
        """
        with self._lock:
            self._waiting[who] = Waiting(what, time.monotonic())
        try:
            return eventually(lambda: self.check() or look(), timeout_s=timeout_s, what=what, pause_s=pause_s)
        finally:
            with self._lock:
                del self._waiting[who]

    def may(self, who: str, look: Callable[[], object], *, what: str, timeout_s: float) -> bool:
        """Wait for something that may not come, because everybody is being killed; tell whether it came."""
        try:
            self.until(who, look, what=what, timeout_s=timeout_s)
        except EndedError:
            raise
        except AssertionError:
            return False
        return True

    def check(self) -> None:
        """Say now and then how far it is; end where one has failed, or where nothing goes on.

        Raises:
            EndedError: with the reason in `failure`.
        """
        now_s = time.monotonic()
        if now_s - self._told_s >= TELL_S:
            self._tell()
        if now_s - self._began_s > self._limit_s:
            self.fail(f"not all kills in {self._limit_s / 60:.0f} min. {self.words}. {self.waits}")
        elif now_s - self._killed_s > self._still_s and self.done < sum(self._wanted.values()):
            self.fail(f"nobody was killed for {self._still_s:.0f} s. {self.words}. {self.waits}")
        if self.failure:
            raise EndedError(self.failure)

    def fail(self, why: str) -> None:
        """End it for everybody; the first word counts."""
        with self._lock:
            self.failure = self.failure or why

    def _tell(self) -> None:
        self._told_s = time.monotonic()
        print(f"  {self.words}", flush=True)
