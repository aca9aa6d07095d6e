"""Drives the real screen in its process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from kiosk_app.ui.environment import screen_environment

ROOT = Path(__file__).parents[2]


class ScreenProcess:
    """A screen that is touched and looked at.

    Args:
        home: an empty folder of its own.
        size: of the window, pixels.
    """

    def __init__(self, home: Path, size: tuple[int, int] = (1080, 1920)) -> None:
        environment = {**os.environ, **screen_environment(size, home, offscreen=True)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.screen_child"],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, **what: object) -> Any:  # noqa: ANN401  a line of JSON
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the screen's process ended"
        return json.loads(line)

    def press(self, *actions: str) -> str:
        name = ""
        for action in actions:
            targets = self.ask("scene")["targets"]
            x, y, w, h = next(t["rect"] for t in targets if action in (t["action"], t["key"]))
            name = self.ask("tap", x=x + w / 2, y=y + h / 2)["name"]
        return name

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(20)
