"""What Kivy says at its start: not of what a kiosk does not use, and of everything else."""

import os
import subprocess
import sys
from pathlib import Path

from kiosk_app.ui.environment import screen_environment
from tests.support.screen import ROOT

TALK = """
from kiosk_app.ui.environment import hush_kivy
hush_kivy()
from kivy.logger import Logger
import kivy.input.providers
Logger.exception("Input: MTDev is not supported by your version of linux")
Logger.error("Window: it has broken")
"""


def test_kivy_is_silent_about_what_is_not_used_and_tells_of_what_breaks(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", TALK],
        env={**os.environ, **screen_environment((1080, 1920), tmp_path, offscreen=True)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stderr.splitlines() == ["Window: it has broken"]
