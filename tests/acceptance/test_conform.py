"""`ventanilla conform` from outside: our own device passes, a machine that is no device does not."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.device_process import ROOT

KIT = (sys.executable, "-m", "shared.cli", "conform")


def test_our_own_device_holds_every_sentence(tmp_path: Path) -> None:
    report, home = tmp_path / "report.json", tmp_path / "device"
    start = f"{sys.executable} -m tests.support.stranger {home} {{token}}"
    done = subprocess.run(
        [*KIT, "--start", start, "--report", str(report)],
        cwd=ROOT,
        capture_output=True,
        timeout=240,
        check=False,
    )
    verdicts = json.loads(report.read_text())
    assert [v for v in verdicts if v["outcome"] != "held"] == []
    assert done.returncode == 0, done.stdout.decode()


def test_machine_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [*KIT, "--start", str(tmp_path / "nothing")], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert b"correct --start" in done.stderr
