"""The demonstration as a person runs it: a small town, every fault, and a report that adds up."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.demo.scenes import SCENES

FAULTS = {"power_cut", "core_down", "core_late", "hub", "disk_lost", "broker", "rolled_back"}
WAIT_S = 280


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("demo")
    command = [
        sys.executable,
        "-m",
        "shared.cli",
        "demo",
        "--count",
        "120",
        "--lang",
        "es",
        "--taking-s",
        "50",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=WAIT_S)
    return done, folder


@pytest.fixture(scope="module")
def report(played: tuple[subprocess.CompletedProcess[str], Path]) -> dict[str, Any]:
    done, folder = played
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "demo-report.json").read_text())


@pytest.mark.timeout(WAIT_S)
def test_demo_with_every_fault_adds_up(report: dict[str, Any]) -> None:
    assert report["taken"] == report["committed"] + report["lost_recorded"] > 0
    assert report["in_core"] == report["committed"]
    assert report["duplicated"] == report["lost_unexplained"] == report["unexpected"] == 0
    assert report["ledger_balanced"]
    assert report["committed_minor"] == report["ledger_minor"] == report["core_minor"] > 0
    assert 0 < report["outage_s"] < report["wall_s"]


@pytest.mark.timeout(WAIT_S)
def test_demo_shows_every_fault_and_what_each_did(report: dict[str, Any]) -> None:
    faults = {one["fault"]: one for one in report["faults"]}
    assert faults.keys() == FAULTS
    assert faults["power_cut"]["torn"] > 0
    assert faults["rolled_back"]["released"] > 0
    lost = faults["disk_lost"]["lost"] + faults["rolled_back"]["lost"]
    assert report["lost_recorded"] == lost == sum(one.get("lost", 0) for one in report["devices"].values())
    assert SCENES


@pytest.mark.timeout(WAIT_S)
def test_demo_without_a_terminal_speaks_plain_lines_and_leaves_no_process(
    played: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, _ = played
    assert "\x1b" not in done.stdout
    assert "kiosk-3" in done.stdout
    home = done.stdout.splitlines()[0].rpartition(" ")[2]
    assert home.startswith("/")
    assert not [pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and home in _command_of(pid)]


def _command_of(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:  # it ended meanwhile
        return ""
