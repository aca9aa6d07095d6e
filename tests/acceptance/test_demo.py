"""The demonstration as a person runs it: a small town, every fault, and a report that adds up."""

import faulthandler
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.demo.show import EXIT_INTERRUPTED
from tests.support.polling import eventually

FAULTS = {
    "power_cut",
    "kiosk_cut",
    "torn_tap",
    "core_down",
    "core_late",
    "cloned_card",
    "restored",
    "hub",
    "disk_lost",
    "broker",
    "rolled_back",
}
WAIT_S = 500
END_S = 20.0
"""In which what a kiosk left on a busy machine, such as a screen without an owner, has ended by itself."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    faulthandler.cancel_dump_traceback_later()  # it lasts longer than a test may, and says so by itself
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
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
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


@pytest.mark.timeout(WAIT_S)
def test_citizens_at_the_demo_s_kiosks_take_receipts_home_and_leave_nothing(report: dict[str, Any]) -> None:
    kiosks = {name: one for name, one in report["devices"].items() if name.startswith("kiosk-")}
    assert sum(one["taken"] for one in kiosks.values()) == report["at_kiosks"] > 0
    assert all(one["taken"] == one["committed"] > 0 == one["doubtful"] for one in kiosks.values())
    cut = next(one for one in report["faults"] if one["fault"] == "kiosk_cut")
    assert cut["found"] == 0


@pytest.mark.timeout(WAIT_S)
def test_cards_on_the_demo_s_buses_tell_themselves_what_they_paid(report: dict[str, Any]) -> None:
    buses = {name: one for name, one in report["devices"].items() if name.startswith("terminal-")}
    assert sum(one["taken"] for one in buses.values()) == report["on_buses"] > 0
    assert all(one["taken"] == one["committed"] > 0 for one in buses.values())
    torn = next(one for one in report["faults"] if one["fault"] == "torn_tap")
    assert torn["times"] == 1


@pytest.mark.timeout(WAIT_S)
def test_demo_without_a_terminal_speaks_plain_lines_and_leaves_no_process(
    played: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, _ = played
    assert "\x1b" not in done.stdout
    assert "counter-1" in done.stdout
    home = done.stdout.splitlines()[0].rpartition(" ")[2]
    assert home.startswith("/")
    eventually(lambda: not processes_of(home), timeout_s=END_S, what=lambda: str(processes_of(home)))


@pytest.mark.timeout(400)
def test_demo_interrupted_stops_every_process_that_it_started(tmp_path: Path) -> None:
    # A shell's background hands down that SIGINT is ignored; a terminal does not.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "shared.cli"]
    command += ["demo", "--count", "60", "--lang", "en"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=_environment(tmp_path), stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout
        home = demo.stdout.readline().split()[-1]
        assert any("▶" in line for line in demo.stdout)
        assert processes_of(home)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == EXIT_INTERRUPTED
    eventually(lambda: not processes_of(home), timeout_s=END_S, what=lambda: str(processes_of(home)))
    assert not (tmp_path / "demo-report.json").exists()


def processes_of(home: str) -> list[str]:
    """The commands of every process that was started on the demonstration's folder."""
    commands = [_command_of(one) for one in Path("/proc").iterdir() if one.name.isdigit()]
    return [command for command in commands if home in command]


def _environment(folder: Path) -> dict[str, str]:
    """The demonstration's folder is evidence and stays; here it goes with the test's."""
    return {**os.environ, "TMPDIR": str(folder)}


def _command_of(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:  # it ended meanwhile
        return ""
