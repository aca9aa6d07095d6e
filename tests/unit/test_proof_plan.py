"""The plan of the long proofs: lanes side by side, parts that are ended in time, and a table."""

import os
import sys
from pathlib import Path

import pytest

from tests.proof.plan import PLAN, WHOLE_S, Step, carry_out, table

LONG_S = 60.0
PARTS = """
import os, subprocess, sys, time
name, _, much = sys.argv[1].partition("=")
print("here is", name)
if name == "child":
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    open(much, "w").write(str(child.pid))
if name in ("child", "still"):
    time.sleep(600)
sys.exit(name == "red")
"""
COMMAND = (sys.executable, "-u", "-c", PARTS)


def test_parts_fit_into_their_time_side_by_side() -> None:
    assert all(60 * sum(steps.values()) <= WHOLE_S for steps in PLAN.values())
    names = [name for steps in PLAN.values() for name in steps]
    assert len(names) == len(set(names)) == 13


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()


def test_parts_of_both_lanes_run_and_one_that_fails_keeps_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    lanes = {
        "processes": [Step("red", LONG_S), Step("rules=4", LONG_S)],
        "processors": [Step("bits=1", LONG_S, nice=5)],
    }
    outcomes = {one.step.part: one for one in carry_out(lanes, command=COMMAND)}
    assert {part: one.held for part, one in outcomes.items()} == {
        "red": False,
        "rules=4": True,
        "bits=1": True,
    }
    assert outcomes["red"].said == "failed (status 1)"
    assert 0 < outcomes["bits=1"].cpu_s < LONG_S
    assert "rules      | here is rules" in capsys.readouterr().out
    head, *rows = table(list(outcomes.values())).splitlines()
    assert head.split() == ["part", "took", "of", "processors", "result"]
    assert len(rows) == 3
    assert any(row.startswith("red ") and "1.0 min" in row and "failed" in row for row in rows)


def test_part_that_takes_longer_than_it_may_is_ended_with_all_that_it_started_and_is_red(
    tmp_path: Path,
) -> None:
    note = tmp_path / "pid"
    lanes = {"one": [Step(f"child={note}", 5), Step("bits", LONG_S)]}
    late, after = carry_out(lanes, command=COMMAND)
    assert late.said == "took longer than its 0.1 min, and was ended"
    assert after.held
    assert not is_there(int(note.read_text()))


def test_what_no_time_is_left_for_is_not_begun_and_red() -> None:
    lanes = {"one": [Step("still", LONG_S), Step("bits", LONG_S)]}
    still, bits = carry_out(lanes, command=COMMAND, whole_s=2)
    assert still.said == "was ended: the time for all parts was over"
    assert bits.said.startswith("not begun")
    assert not bits.held
