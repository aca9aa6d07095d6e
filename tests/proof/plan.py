"""Parts of the proof side by side, each within its time, and a table of what held.

    outcomes = carry_out({"processes": [Step("kills=50", 5)], "processors": [Step("bits", 3)]})
    print(table(outcomes))

Two lanes, one for each core: in one what starts, kills and waits for processes, in the other, standing back,
what computes. Within a lane one part follows the other. Each part is a process, and all that it starts is
ended with it. What a part says stands behind its name.

A part that takes longer than it may is ended, and red: a proof that stands still proves nothing. The others
go on, so that one table says what held.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAUSE_S: Final = 0.5
COMMAND: Final = (sys.executable, "-u", "-m", "tests.proof")
HELD: Final = "held"
PROCESSORS: Final = "processors"
PLAN: Final[Mapping[str, Mapping[str, float]]] = {
    "processes": {"restores": 4, "rotations": 3, "citizens": 7, "syncs": 7, "rules": 14, "kills": 25},
    PROCESSORS: {"bits": 1, "fuzz": 2, "reach": 6, "crashes": 8, "taps": 9, "mutants": 4, "seeds": 30},
}
"""Minutes for each part, on two cores with the other lane beside it; what is quick comes first."""
WHOLE_S: Final = 60 * 60.0
"""All parts together."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part, and how long it may take.

    Attributes:
        part: as it is written behind the command, such as `kills=50`.
        limit_s: beside the other lane, on two cores.
        nice: how far it stands back.
    """

    part: str
    limit_s: float
    nice: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a part.

    Attributes:
        step: which.
        took_s: how long it took.
        cpu_s: what the processors worked for it; 0 where it was ended, and nobody counted.
        said: `held`, or why not.
    """

    step: Step
    took_s: float
    cpu_s: float
    said: str

    @property
    def held(self) -> bool:
        """Whether every promise held, in time."""
        return self.said == HELD


def carry_out(
    lanes: Mapping[str, Sequence[Step]], *, command: Sequence[str] = COMMAND, whole_s: float = WHOLE_S
) -> list[Outcome]:
    """Go through the lanes side by side; return what came of each part, in the order in which they ended.

    Args:
        lanes: parts that follow each other, by the lane's name.
        command: what a part's word is put behind.
        whole_s: after this nothing begins any more, and what is under way is ended.
    """
    outcomes: list[Outcome] = []
    until_s = time.monotonic() + whole_s
    given_up = threading.Event()

    def go(steps: Sequence[Step]) -> None:
        for step in steps:
            if given_up.is_set() or time.monotonic() >= until_s:
                said = f"not begun: {_minutes(whole_s)} for all parts were over"
                outcomes.append(Outcome(step, 0, 0, said))
            else:
                outcomes.append(_Part(step, command).wait(until_s, given_up))

    with ThreadPoolExecutor(len(lanes)) as pool:
        futures = [pool.submit(go, steps) for steps in lanes.values()]
        try:
            for future in futures:
                future.result()
        finally:  # Ctrl-C too
            given_up.set()
    return outcomes


class _Part:
    """A part that runs."""

    def __init__(self, step: Step, command: Sequence[str]) -> None:
        self._step = step
        self._began_s = time.monotonic()
        _tell(step.part, f"begins, {_minutes(step.limit_s)} at most")
        self._process = subprocess.Popen(
            [*command, step.part], start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        os.setpriority(os.PRIO_PGRP, self._process.pid, step.nice)
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def wait(self, until_s: float, given_up: threading.Event) -> Outcome:
        """Wait for its end, or end it: after its own time, or when that of all parts is over."""
        status, cpu_s = self._ended()
        said = ""
        while status is None:
            if given_up.wait(PAUSE_S):
                said = "given up"
            elif time.monotonic() - self._began_s > self._step.limit_s:
                said = f"took longer than its {_minutes(self._step.limit_s)}, and was ended"
            elif time.monotonic() > until_s:
                said = "was ended: the time for all parts was over"
            if said:
                end_with_all(self._process.pid)
            status, cpu_s = self._ended(block=bool(said))
        said = said or (HELD if status == 0 else f"failed (status {status})")
        self._listener.join()
        outcome = Outcome(self._step, time.monotonic() - self._began_s, cpu_s, said)
        _tell(self._step.part, f"{said}, after {_minutes(outcome.took_s)}")
        return outcome

    def _ended(self, *, block: bool = False) -> tuple[int | None, float]:
        pid, status, used = os.wait4(self._process.pid, 0 if block else os.WNOHANG)
        if not pid:
            return None, 0.0
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return self._process.returncode, used.ru_utime + used.ru_stime

    def _listen(self) -> None:
        assert self._process.stdout
        with self._process.stdout as said:
            for line in said:
                _tell(self._step.part, line.decode(errors="replace").rstrip())


def end_with_all(pid: int) -> None:
    """End a process and all that came of it, also what it gave a session of its own."""
    family = [pid]
    for one in family:
        family += _children(one)
    for one in family:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    """Say for each part how long it took, of how much, and what came of it."""
    rows = [("part", "took", "of", "processors", "result")]
    rows += [
        (
            one.step.part,
            _minutes(one.took_s),
            _minutes(one.step.limit_s),
            "–" if "ended" in one.said or not one.cpu_s else _minutes(one.cpu_s),
            one.said,
        )
        for one in outcomes
    ]
    wide = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join("  ".join(word.ljust(wide[n]) for n, word in enumerate(row)).rstrip() for row in rows)


def _tell(part: str, words: str) -> None:
    print(f"{part.partition('=')[0]:10} | {words}", flush=True)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"
