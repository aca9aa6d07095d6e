"""Watching: what hub and core say of themselves, asked twice a second on a thread of its own.

Rules: a look is what was heard, with the instant; nothing is guessed while nobody answers.
"""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hub.demo.asking import AwayError
from hub.demo.townhall import TownHall

EVERY_S: Final = 0.5
_OUTGOING: Final = "ventanilla_outgoing{"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLook:
    """The hub.

    Attributes:
        up: it answered this time.
        committed: events in all its lives, as far as was seen.
        per_second: committed lately.
        life: its incarnation.
        link: it is connected to the broker.
        outgoing: effects on their way to the core.
        breaker: it leaves the core alone for a while.
    """

    up: bool = False
    committed: int = 0
    per_second: float = 0.0
    life: int = 0
    link: bool = False
    quarantine: int = 0
    losses: int = 0
    outgoing: int = 0
    breaker: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreLook:
    """The core: whether it answered, and what took effect there."""

    up: bool = False
    requests: int = 0
    settlements: int = 0
    notices: int = 0
    duplicates: int = 0
    money_minor: int = 0
    under_way: int = 0


@dataclass(slots=True)
class _Counted:
    """A counter that begins anew with each life of the hub."""

    before: int = 0
    now: int = 0
    rate: float = 0.0
    at_s: float = field(default_factory=time.monotonic)

    def count(self, value: int) -> None:
        now_s = time.monotonic()
        if value < self.now:
            self.before += self.now
            self.now = 0
        fresh = max(0, value - self.now) / max(0.1, now_s - self.at_s)
        self.rate = 0.6 * self.rate + 0.4 * fresh
        self.now, self.at_s = value, now_s

    def restart(self, before: int) -> None:
        self.before, self.now = before, 0


class Watch:
    """Looks again and again until it is closed.

    Attributes:
        hub: the newest look.
        core: the newest look.
    """

    def __init__(self, town_hall: TownHall) -> None:
        """Begin to watch."""
        self.hub = HubLook()
        self.core = CoreLook()
        self._town_hall = town_hall
        self._committed = _Counted()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def note_restore(self, committed: int) -> None:
        """Take note that the hub knows no more than a copy of so many events."""
        self._committed.restart(committed)

    def is_settled(self) -> bool:
        """Ask now whether the hub has nothing left for the core, and the core nothing under way."""
        try:
            figures = self._town_hall.hub.metrics()
            return not _sum(figures, _OUTGOING) and not self._town_hall.core.get("/effects")["under_way"]
        except AwayError:
            return False

    def _run(self) -> None:
        while not self._ended.wait(EVERY_S):
            try:
                self.hub = self._read_hub(self._town_hall.hub.metrics())
            except AwayError:
                self.hub = replace(self.hub, up=False, link=False, per_second=0.0)
            try:
                self.core = _read_core(self._town_hall.core.get("/effects"))
            except AwayError:
                self.core = replace(self.core, up=False)

    def _read_hub(self, figures: Mapping[str, float]) -> HubLook:
        self._committed.count(int(figures.get("ventanilla_committed_events_total", 0)))
        return HubLook(
            up=True,
            committed=self._committed.before + self._committed.now,
            per_second=self._committed.rate,
            life=int(figures.get("ventanilla_incarnation", 0)),
            link=bool(figures.get("ventanilla_link_up")),
            quarantine=_sum(figures, "ventanilla_quarantine_waiting{"),
            losses=_sum(figures, "ventanilla_losses_unresolved{"),
            outgoing=_sum(figures, _OUTGOING),
            breaker=_sum(figures, "ventanilla_breaker_open{") > 0,
        )


def _read_core(said: Mapping[str, Any]) -> CoreLook:
    kinds: Mapping[str, Mapping[str, int]] = said["kinds"]
    counts: dict[str, int] = {}
    for name in ("requests", "settlements", "notices"):
        with suppress(KeyError):
            counts[name] = kinds[name]["effects"]
    return CoreLook(
        up=True,
        duplicates=said["duplicates"],
        money_minor=sum(said["money_minor"].values()),
        under_way=said["under_way"],
        **counts,
    )


def _sum(figures: Mapping[str, float], name: str) -> int:
    return int(sum(value for label, value in figures.items() if label.startswith(name)))
