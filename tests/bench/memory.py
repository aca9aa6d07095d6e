"""What the kiosk's screen holds of memory, citizen after citizen, in one process that is never replaced.

A real X server in memory, the real screen over an invented town, fingers on whatever is shown. A kiosk
replaces this process after each citizen who gave something of their own; here it serves all of them, so that
what it keeps of one would be seen. Growth counts from where every page has been shown in every language.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.screen import SIZE, display
from tests.support.screen import ScreenProcess

SESSIONS: Final = 80
"""500 of them: `python -m tests.proof screens`."""
WARM: Final = 20
WHOLE_EVERY: Final = 5
"""Of so many citizens one makes a whole report, the others look around."""
SETTLED: Final = 5
"""Readings of which the middle one counts: what is drawn last is let go of a little sooner or later."""
MEMORY_GOAL_MB: Final = 300
GROWTH_GOAL_MB: Final = 10
LANGUAGES: Final = ("es", "ca", "en")
_RESIDENT: Final = re.compile(r"VmRSS:\s+(\d+) kB")
_PEAK: Final = re.compile(r"VmHWM:\s+(\d+) kB")


@dataclass(frozen=True, slots=True)
class Held:
    """What a screen's process held, in MB of resident memory.

    Attributes:
        peak: at most, at any moment.
        growth: from after the first citizens to after the last.
    """

    peak: float
    growth: float

    @property
    def is_well(self) -> bool:
        """Whether neither is more than it may be."""
        return self.peak <= MEMORY_GOAL_MB and self.growth <= GROWTH_GOAL_MB

    @property
    def words(self) -> str:
        """Say both."""
        return f"{self.peak:.0f} MB at most, {self.growth:+.1f} MB after the first {WARM} citizens"


def run() -> list[dict[str, object]]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio.
    """
    held = measure(SESSIONS)
    goal = f"{GROWTH_GOAL_MB} MB, {SESSIONS} citizens"
    return [
        _row("kiosk.memory", held.peak, f"{MEMORY_GOAL_MB} MB", MEMORY_GOAL_MB),
        _row("kiosk.memory growth", held.growth, goal, GROWTH_GOAL_MB),
    ]


def measure(sessions: int, *, tell: bool = False) -> Held:
    """Serve so many citizens on one window.

    Args:
        sessions: more than `WARM`.
        tell: print what is held, now and then.
    """
    with tempfile.TemporaryDirectory() as name, display() as shown:
        screen = ScreenProcess(Path(name), SIZE, shown)
        try:
            readings: list[float] = []
            for number in range(sessions):
                serve(screen, number)
                readings.append(_held_mb(screen.pid, _RESIDENT))
                if tell and not (number + 1) % 25:
                    print(f"  {number + 1:4} served, {readings[-1]:.1f} MB", flush=True)
            growth = median(readings[-SETTLED:]) - median(readings[WARM - SETTLED : WARM])
            return Held(peak=_held_mb(screen.pid, _PEAK), growth=growth)
        finally:
            screen.close()


def serve(screen: ScreenProcess, number: int) -> None:
    """Serve a citizen: some report and follow something, the others look what there is."""
    _press(screen, "start", LANGUAGES[number % len(LANGUAGES)])
    if number % WHOLE_EVERY == 0:
        _report(screen, number)
    _press(screen, "agenda", "home")
    assert _press(screen, "back", "back") == "attract"
    screen.ask("forget")


def _report(screen: ScreenProcess, number: int) -> None:
    """Report on the map, with photographs and a telephone number; then see how another report stands."""
    _press(screen, "report", "c0", "map", "north", "next", "next")
    screen.ask("type", text=f"La farola del portal {number} parpadea")
    _press(screen, "next", "photo", "photo", "next", "phone")
    screen.ask("type", text="600123456")
    _press(screen, "next", "send", "print", "another", "follow")
    screen.ask("type", text="7KXM2PRT94V7")
    _press(screen, "next", "home")


def _press(screen: ScreenProcess, *actions: str) -> str:
    pages = [str(screen.ask("press", action=action)["name"]) for action in actions]
    return pages[-1]


def _held_mb(pid: int, what: re.Pattern[str]) -> float:
    found = what.search(Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def _row(name: str, value: float, against: str, goal: float) -> dict[str, object]:
    return {
        "name": name,
        "value": round(value, 1),
        "unit": "MB",
        "against": against,
        "ratio": round(value / goal, 2),
    }


if __name__ == "__main__":
    for row in run():
        print(row)
