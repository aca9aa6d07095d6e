"""Which branches of delivery's rules no run takes: a rule that no seed needs is one that nobody has proven.

Every process of the simulator notes the branches that its runs take in `shared/protocol/delivery.py`; what is
left over must be explained in `unreached.toml`, by the function and the two lines between which it lies.
"""

import ast
import json
import tempfile
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from coverage import Coverage, CoverageData

from tests.simulation.run import Outcome, run_seed

RULES: Final = Path(__file__).parents[2] / "shared" / "protocol" / "delivery.py"
EXPLAINED: Final = Path(__file__).with_name("unreached.toml")
Arc = tuple[int, int]


def watch() -> None:
    """In a process that is to run seeds: note branches from now on."""
    Coverage(data_file=None, branch=True, include=[str(RULES)], messages=False).start()


def run_plain(job: tuple[int, str | None]) -> tuple[Outcome, frozenset[Arc]]:
    """Run a seed; no step is noted."""
    return run_seed(job), frozenset()


def run_watched(job: tuple[int, str | None]) -> tuple[Outcome, frozenset[Arc]]:
    """Run a seed; return also every step from line to line that this process has seen."""
    outcome = run_seed(job)
    watching = Coverage.current()
    assert watching is not None
    return outcome, frozenset(watching.get_data().arcs(str(RULES)) or ())


def unreached(arcs: Collection[Arc]) -> tuple[list[str], list[str]]:
    """Name the branches that are not among these steps: those that nobody explains, and the others."""
    explained = tomllib.loads(EXPLAINED.read_text())
    names = _left_out(arcs)
    return [name for name in names if name not in explained], [name for name in names if name in explained]


def _left_out(arcs: Collection[Arc]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        kept, report = Path(folder, "kept"), Path(folder, "report.json")
        data = CoverageData(str(kept))
        data.add_arcs({str(RULES): arcs})
        data.write()
        reader = Coverage(data_file=str(kept), branch=True, include=[str(RULES)], messages=False)
        reader.load()
        reader.json_report(outfile=str(report))
        ((_, found),) = json.loads(report.read_text())["files"].items()
    return sorted(_name(start, end) for start, end in found["missing_branches"])


def _name(start: int, end: int) -> str:
    text = RULES.read_text()
    lines = text.splitlines()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    inside = [node for node in functions if node.lineno <= start <= (node.end_lineno or 0)]
    goes = lines[end - 1].strip() if end > 0 else "leaves"
    return f"{inside[-1].name if inside else 'module'}: {lines[start - 1].strip()} -> {goes}"
