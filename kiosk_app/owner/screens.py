"""The screen's processes, one after the other: started, watched by their own clock, replaced.

    screens = Screens(start, uptime_ms, changed)
    screens.turn()            # often; whatever is due is done

    starting -> shown -> leaving, while its successor starts -> killed when the successor is shown

Rules:
- A process that held somebody's own data is killed as soon as its successor shows its first page: its memory
  goes with it. Until then it shows the first page itself and takes nothing.
- Life is the beat of the screen's own clock. Without one for `HANG_MS` the process is killed and replaced.
- One that ends by itself is replaced at once; again and again, at growing pauses, and that is said.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import structlog

from shared.model.health import Condition
from shared.protocol.backoff import Backoff

HANG_MS: Final = 10_000
"""Without a beat for so long nobody sees that anything is pressed."""
START_MS: Final = 45_000
"""From the start of a process to its first page; a slow machine under load takes a third of it."""
STEADY_MS: Final = 60_000
"""A screen that lived so long was well: the next one is started at once."""
RESTART_MAX_MS: Final = 60_000

log = structlog.get_logger(__name__)


class Screen(Protocol):
    """A screen's process."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    def ended(self) -> int | None:
        """Return its status if it has ended."""
        ...

    def kill(self) -> None:
        """End it at once, and wait until it has."""
        ...


class Stage(StrEnum):
    """Where a screen's life is."""

    STARTING = "starting"
    SHOWN = "shown"
    LEAVING = "leaving"


class Life:
    """One screen's process and what is known of it; the words of its line come from other threads."""

    def __init__(self, now_ms: int) -> None:
        """Begin when it is started."""
        self.began_ms = now_ms
        self.beat_ms: int | None = None
        self.wants_to_leave = False
        self.screen: Screen | None = None

    def age_ms(self, now_ms: int) -> int:
        """Return how long it has lived."""
        return now_ms - self.began_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenStatus:
    """How the screen stands, for health and for a technician.

    Attributes:
        pid: of the process in front; None while there is none.
        stage: where its life is; None while there is none.
        replaced: processes that were replaced after a session.
        failed: processes that ended by themselves or hung.
        why: what the last failure was; empty where there was none.
        retry_ms: pause before the next start, after failures in a row.
    """

    pid: int | None
    stage: Stage | None
    replaced: int
    failed: int
    why: str
    retry_ms: int

    @property
    def condition(self) -> Condition:
        """Whether somebody who comes now finds a screen."""
        if self.stage in (Stage.SHOWN, Stage.LEAVING):
            return Condition.OK
        return Condition.FAILED if self.retry_ms else Condition.DEGRADED


class Screens:
    """Keeps one screen in front; every method but `Life`'s on one thread.

    Args:
        start: starts a process for a life, whose fields its line then sets.
        uptime_ms: a monotonic clock.
    """

    def __init__(self, start: Callable[[Life], Screen], uptime_ms: Callable[[], int]) -> None:
        self._start = start
        self._uptime_ms = uptime_ms
        self._now: Life | None = None
        self._next: Life | None = None
        self._backoff = Backoff(random=random.random, max_ms=RESTART_MAX_MS)
        self._again_ms = 0
        self._retry_ms = 0
        self._replaced = self._failed = 0
        self._why = ""

    @property
    def is_alive(self) -> bool:
        """Whether the screen's clock goes on; a start counts as life until its time is up."""
        life = self._now
        return life is not None and not self._is_dead(life, self._uptime_ms())

    def status(self) -> ScreenStatus:
        """Say how it stands."""
        life = self._now
        return ScreenStatus(
            pid=None if life is None or life.screen is None else life.screen.pid,
            stage=None if life is None else _stage(life),
            replaced=self._replaced,
            failed=self._failed,
            why=self._why,
            retry_ms=self._retry_ms,
        )

    def turn(self) -> None:
        """Do what is due."""
        now_ms = self._uptime_ms()
        if self._now is None:
            if now_ms >= self._again_ms:
                self._now = self._begin(now_ms)
            return
        failure = self._failure(self._now, now_ms)
        if failure:
            self._fail(failure, now_ms)
            return
        if self._now.beat_ms is not None:
            self._retry_ms = 0
            if self._now.age_ms(now_ms) >= STEADY_MS:
                self._backoff.reset()
        if self._now.wants_to_leave:
            self._replace(now_ms)

    def replace(self) -> None:
        """Have the screen replaced, as after a session."""
        if self._now is not None:
            self._now.wants_to_leave = True

    def close(self) -> None:
        """End every process."""
        for life in (self._now, self._next):
            if life is not None and life.screen is not None:
                life.screen.kill()
        self._now = self._next = None

    # -- inside ------------------------------------------------------------------------------------------

    def _begin(self, now_ms: int) -> Life:
        life = Life(now_ms)
        life.screen = self._start(life)
        log.info("screen_started", pid=life.screen.pid)
        return life

    def _replace(self, now_ms: int) -> None:
        if self._next is None:
            self._next = self._begin(now_ms)
        elif failure := self._failure(self._next, now_ms):
            _kill(self._next)
            self._next = None
            self._fail(failure, now_ms)  # nobody sees what was here, whatever comes next
        elif self._next.beat_ms is not None:
            _kill(self._now)
            self._now, self._next = self._next, None
            self._replaced += 1

    def _fail(self, failure: str, now_ms: int) -> None:
        had_lived_ms = 0 if self._now is None else self._now.age_ms(now_ms)
        _kill(self._now)
        if had_lived_ms >= STEADY_MS:
            self._backoff.reset()
        self._failed += 1
        self._why = failure
        is_first = self._backoff.attempts == 0
        pause_ms = self._backoff.next_ms()
        self._retry_ms = 0 if is_first else pause_ms
        self._again_ms = now_ms + self._retry_ms
        self._now, self._next = self._next, None
        log.error("screen_failed", reason=failure, retry_ms=self._retry_ms)

    def _failure(self, life: Life, now_ms: int) -> str:
        status = None if life.screen is None else life.screen.ended()
        if status is not None:
            return f"the screen's process ended with {status}"
        if self._is_dead(life, now_ms):
            return "the screen did not start" if life.beat_ms is None else "the screen's clock stood still"
        return ""

    def _is_dead(self, life: Life, now_ms: int) -> bool:
        if life.beat_ms is None:
            return life.age_ms(now_ms) > START_MS
        return now_ms - life.beat_ms > HANG_MS


def _stage(life: Life) -> Stage:
    if life.beat_ms is None:
        return Stage.STARTING
    return Stage.LEAVING if life.wants_to_leave else Stage.SHOWN


def _kill(life: Life | None) -> None:
    if life is not None and life.screen is not None:
        life.screen.kill()
