"""Drives the real screen in its process: presses what is on it, types, waits, looks at it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from kiosk_app.ui.environment import screen_environment

ROOT = Path(__file__).parents[2]
END_S = 60.0
KEYS = {"up": 273, "down": 274, "right": 275, "left": 276, "choose": 13, "speak": 282, "erase": 8}


class ScreenProcess:
    """A screen that is touched and looked at.

    Args:
        home: a folder of its own.
        size: of the window, pixels.
        display: the X display to open its window on; none draws off screen.
        arguments: for the child.
    """

    def __init__(
        self,
        home: Path,
        size: tuple[int, int] = (1080, 1920),
        display: str = "",
        arguments: tuple[str, ...] = (),
    ) -> None:
        environment = {**os.environ, **screen_environment(size, home, offscreen=not display)}
        if display:
            environment["DISPLAY"] = display
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.hushed", "tests.support.screen_child", *arguments],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def ask(self, do: str, **what: object) -> Any:  # noqa: ANN401  a line of JSON
        """Give an order, and return what is answered."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the screen's process ended"
        return json.loads(line)

    @property
    def page(self) -> str:
        """The name of the page that is shown."""
        return str(self.ask("page")["name"])

    def texts(self) -> list[str]:
        """Everything that is written on the screen."""
        return list(self.ask("scene")["texts"])

    def place(self, action: str) -> tuple[float, float]:
        """Return the middle of what does something, pixels from the upper left corner."""
        targets = self.ask("scene")["targets"]
        found = [each["rect"] for each in targets if action in (each["action"], each["key"])]
        assert found, f"{action} is not on {self.page}: {[each['action'] for each in targets]}"
        x, y, wide, tall = found[0]
        return x + wide / 2, y + tall / 2

    def press(self, *actions: str) -> str:
        """Put a finger on one thing after the other; return the page after the last."""
        for action in actions:
            x, y = self.place(action)
            self.ask("tap", x=x, y=y)
        return self.page

    def key(self, *names: str) -> str:
        """Press keys of the keypad."""
        for name in names:
            self.ask("key", code=KEYS[name])
        return self.page

    def find(self, words: str) -> str:
        """Walk with the keypad until something is heard, and choose it."""
        for _ in range(90):
            if self.ask("said")[:1] == [words]:
                return self.key("choose")
            self.key("right")
        raise AssertionError(f"{words} is not reached on {self.page}")

    def shot(self, path: Path) -> Path:
        """Keep what is shown as a picture."""
        made = Path(self.ask("shot", path=str(path)))
        return made.replace(path)

    def close(self) -> int:
        """End it, and return how it ended."""
        with self._process:
            assert self._process.stdin
            self._process.stdin.close()
            return self._process.wait(END_S)
