"""The kiosk's screen on a display without a graphics card: how fast it starts, answers a finger and redraws.

A real X server in memory (Xvfb, 1080 x 1920), the real screen over an invented town, fingers by XTest. Every
frame is drawn by software (llvmpipe) on the processor: a kiosk with any graphics card does less work for it.
"""

import ctypes
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final, Self

from tests.support.polling import eventually
from tests.support.screen import ScreenProcess

SIZE: Final = (1080, 1920)
STARTS: Final = 5
TOUCHES: Final = 60
FRAMES: Final = 30
ROUNDS: Final = 5
"""The middle one counts: a moment in which the machine was elsewhere is no property of a page."""
IDLE_S: Final = 10.0
SETTLE_S: Final = 5.0
"""After its first frame a new process still puts its memory in order for a while."""
PAUSE_S: Final = 0.1
BUSY_S: Final = 3.0
"""As `kiosk_app.ui.app` has it, which only a process with a window can import."""
TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")

Row = dict[str, object]


def run() -> list[Row]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio.
    """
    with tempfile.TemporaryDirectory() as name, display() as shown:
        home = Path(name)
        starts_s = [start(home, shown) for _ in range(STARTS)]
        screen = ScreenProcess(home, SIZE, shown, ("motion",))
        rows = [_row("screen.cold_start", median(starts_s), "s, median", "2 s", 2.0)]
        wait(SETTLE_S)
        rows.append(_row("screen.idle_cpu attract", idle(screen), "% of a core", "1 %", 1.0))
        screen.press("start", "es")
        rows.append(_row("screen.idle_cpu home", idle(screen), "% of a core", "2 %", 2.0))
        drawn = {"home": redraw(screen)}
        screen.press("report")
        drawn["categories"] = redraw(screen)
        screen.press("c0", "map")
        drawn["map"] = redraw(screen)
        screen.press("back", "here", "next", "signs")
        drawn["typing"] = redraw(screen)
        with Finger(shown) as finger:
            took_ms = [touch(screen, finger, key) for key in ("1", "2", "3", "4") * (TOUCHES // 4)]
        rows.append(_row("screen.touch", quantiles(took_ms, n=20)[-1], "ms, p95", "80 ms", 80.0))
        screen.press("next", "photo", "photo", "photo")
        drawn["photographs"] = redraw(screen)
        screen.press("next", "nobody")
        drawn["review"] = redraw(screen)
        worst = min(drawn, key=lambda page: drawn[page].rate)
        rows.append(_row("screen.redraw", drawn[worst].rate, "frames/s", "30 frames/s", 30.0))
        rows.append(_plain(f"screen.redraw {worst}", drawn[worst].cpu_ms, "ms of processor/frame"))
        for surfaces, what in enumerate(("empty", "one plain rectangle", "two")):
            screen.ask("floor", surfaces=surfaces)
            floor = redraw(screen)
            rows.append(_plain(f"screen.redraw floor: {what}", floor.cpu_ms, "ms of processor/frame"))
        screen.close()
        return rows


@contextmanager
def display() -> Iterator[str]:
    """Run an X server in memory."""
    number = f":{90 + os.getpid() % 900}"
    command = ["Xvfb", number, "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        eventually(Path(f"/tmp/.X11-unix/X{number[1:]}").exists, what="the X server")
        try:
            yield number
        finally:
            server.terminate()


def start(home: Path, shown: str) -> float:
    """Seconds from starting the process to its first frame on the display."""
    began_s = time.monotonic()
    screen = ScreenProcess(home, SIZE, shown)
    first_s = eventually(lambda: screen.ask("flips")["first_s"], what="a frame")
    screen.close()
    return float(first_s) - began_s


def idle(screen: ScreenProcess) -> float:
    """Per cent of a core while nothing happens, once the screen expects no further press."""
    wait(BUSY_S + 1.0)
    before_s, began_s = cpu_s(screen.pid), time.monotonic()
    wait(IDLE_S)
    return 100 * (cpu_s(screen.pid) - before_s) / (time.monotonic() - began_s)


def touch(screen: ScreenProcess, finger: "Finger", key: str) -> float:
    """Milliseconds from a finger on a key to the frame that shows its letter."""
    finger.over(*screen.place(key))
    wait(PAUSE_S)
    began_s = time.monotonic()
    finger.down()
    flip_s = eventually(lambda: _after(screen, began_s), what="a frame")
    finger.up()
    wait(PAUSE_S)
    return 1000 * (float(flip_s or began_s) - began_s)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What it takes to draw all of a page: frames a second, and the processor's milliseconds for each."""

    rate: float
    cpu_ms: float


def redraw(screen: ScreenProcess) -> Drawn:
    """Draw all of a page again and again."""

    def once() -> Drawn:
        before_s = cpu_s(screen.pid)
        screen.ask("redraw", frames=FRAMES)
        took_s = eventually(lambda: screen.ask("redrawn"), timeout_s=120.0, what="the frames")
        return Drawn(FRAMES / float(took_s), 1000 * (cpu_s(screen.pid) - before_s) / FRAMES)

    return sorted((once() for _ in range(ROUNDS)), key=lambda drawn: drawn.rate)[ROUNDS // 2]


def wait(seconds: float) -> None:
    """Let time pass: what is measured here is what happens in it."""
    until_s = time.monotonic() + seconds
    eventually(lambda: time.monotonic() >= until_s, timeout_s=seconds + 30)


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


class Finger:
    """The pointer of an X display, moved and pressed as a touch screen's driver would."""

    def __init__(self, shown: str) -> None:
        self._x11, self._xtst = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        self._display = ctypes.c_void_p(self._x11.XOpenDisplay(shown.encode()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._x11.XCloseDisplay(self._display)

    def over(self, x: float, y: float) -> None:
        self._xtst.XTestFakeMotionEvent(self._display, -1, round(x), round(y), 0)
        self._x11.XFlush(self._display)

    def down(self) -> None:
        self._press(is_down=True)

    def up(self) -> None:
        self._press(is_down=False)

    def _press(self, *, is_down: bool) -> None:
        self._xtst.XTestFakeButtonEvent(self._display, 1, int(is_down), 0)
        self._x11.XFlush(self._display)


def _after(screen: ScreenProcess, began_s: float) -> float | None:
    last_s = screen.ask("flips")["changed_s"]
    return float(last_s) if last_s and last_s > began_s else None


def _plain(name: str, value: float, unit: str) -> Row:
    return {"name": name, "value": round(value, 2), "unit": unit, "against": "", "ratio": ""}


def _row(name: str, value: float, unit: str, against: str, goal: float) -> Row:
    return {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "against": against,
        "ratio": round(value / goal, 2),
    }


if __name__ == "__main__":
    for row in run():
        print(row)
