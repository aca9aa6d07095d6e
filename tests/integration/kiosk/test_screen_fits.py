"""Every page that the flow can reach fits: in three languages, on three screens, with every comfort."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk_app.ui.environment import screen_environment
from tests.support.screen import ROOT


@pytest.mark.timeout(900)
def test_every_page_fits_in_every_way(tmp_path: Path) -> None:
    environment = {**os.environ, **screen_environment((1080, 1920), tmp_path, offscreen=True)}
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.hushed", "tests.support.screen_lint"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=850,
    )
    *faults, figures = run.stdout.splitlines() or [run.stderr]
    assert not faults, "\n".join(faults)
    assert json.loads(figures)["pages"] > 60
