"""`python -m tests.proof.mutants [delivery|outbox|ledger …] [--only room] [--quick]`: does any test notice?

Each mutant of a target's files is tried in a process of its own; nothing in the working tree is touched. What
the quick tests let through is given to the slower ones, and to the simulator. What nobody notices must be
explained, by its name, in `survivors.toml`: a survivor without an explanation is a failure, and so is an
explanation without a survivor.
"""

import argparse
import functools
import importlib
import os
import random
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import pytest

from tests.proof.planting import Mutant, mutants_of
from tests.proof.stand_in import stand_in
from tests.proof.trying import LEAST_S, OPTIONS, ROOT, SLOWER, Fork, attempts, change, without_shrinking

SURVIVORS: Final = Path(__file__).with_name("survivors.toml")
KILLED_WANTED: Final = 0.95
TELL_EVERY: Final = 50
SIMULATOR: Final = "simulator"
HEAVY: Final = ("hypothesis.stateful", "sqlalchemy", "alembic.operations", "sqlite_utils", "cryptography")
"""What the tests need and no mutant changes: loaded once, before the processes part."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is changed, and who should notice.

    Attributes:
        files: a file or a folder, from the root.
        stages: tests, the quick ones first; `simulator=100` is so many seeds.
    """

    files: str
    stages: Sequence[Sequence[str]]


TARGETS: Final[Mapping[str, Target]] = {
    "delivery": Target(
        "shared/protocol/delivery.py",
        [
            [
                f"tests/unit/protocol/test_delivery_{part}.py"
                for part in ("births", "contradictions", "frames")
            ],
            [f"{SIMULATOR}=30"],
        ],
    ),
    "ledger": Target(
        "hub/domain/payments",
        [
            ["tests/unit/hub/usecases", "tests/unit/hub/db/test_ledger_audit.py"],
            ["tests/property/test_ledger_machine.py"],
        ],
    ),
    "outbox": Target(
        "shared/adapters/outbox",
        [
            ["tests/unit/outbox"],
            ["tests/property/test_outbox_machine.py", "tests/property/test_outbox_bits.py"],
        ],
    ),
}


PROVEN: Final = ("delivery", "ledger")
"""What is tried where no target is named: the outbox takes longer than a part of the long proof may."""


def survivors_of(mutants: Sequence[Mutant], stage: Sequence[str]) -> list[Mutant] | None:
    """Give mutants a stage; return those that it does not notice, or None where the stage itself fails."""
    inside = [mutant for mutant in mutants if mutant.function]
    ours, theirs = get_context("fork").Pipe()
    process = get_context("fork").Process(target=_stage, args=(inside, stage, theirs))
    process.start()
    theirs.close()
    left: list[str] | None = None
    try:
        while not isinstance(left, list):
            left = ours.recv()
            if isinstance(left, str):
                print(left, flush=True)
    except EOFError:
        return None
    finally:
        process.join()
    names = set(left)
    found = [mutant for mutant in inside if _full_name(mutant) in names]
    return found + _survivors_outside([mutant for mutant in mutants if not mutant.function], stage)


def _stage(mutants: Sequence[Mutant], stage: Sequence[str], pipe: Connection) -> None:
    """In a process that may load the product: collect the tests, try the mutants, tell who is left."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    def tell(done: int, left: int) -> None:
        if done % TELL_EVERY == 0:
            pipe.send(f"  {done} of {len(mutants)}, {left} not noticed by {stage[0]} …")

    without_shrinking()
    name, _, seeds = stage[0].partition("=")
    if not mutants:
        pipe.send([])
    elif name == SIMULATOR:
        pipe.send([_full_name(mutant) for mutant in _simulated(mutants, int(seeds))])
    else:
        with tempfile.TemporaryDirectory() as folder:
            fork = Fork(mutants, tell)
            pytest.main([*OPTIONS, f"--basetemp={folder}/tests", *stage], plugins=[fork])
        if fork.sound:
            pipe.send([_full_name(mutant) for mutant in fork.survivors])


def _simulated(mutants: Sequence[Mutant], seeds: int) -> list[Mutant]:
    run_seed = importlib.import_module("tests.simulation.run").run_seed
    began_s = time.monotonic()
    assert not run_seed((0, None)).broken
    limit_s = max(LEAST_S, SLOWER * seeds * (time.monotonic() - began_s))

    def work(mutant: Mutant) -> int:
        change(mutant)
        return int(any(run_seed((seed, None)).broken for seed in range(seeds)))

    tried = attempts(mutants, lambda mutant: (functools.partial(work, mutant), limit_s))
    return [mutant for mutant, is_noticed in tried if not is_noticed]


def _survivors_outside(mutants: Sequence[Mutant], stage: Sequence[str]) -> list[Mutant]:
    """What stands outside of functions: the changed file stands in for the file before anything is loaded."""
    limit_s = 600.0

    def work(mutant: Mutant) -> int:
        with tempfile.TemporaryDirectory() as folder:
            stand_in(mutant.module, mutant.source, Path(folder))
            name, _, seeds = stage[0].partition("=")
            if name == SIMULATOR:
                run_seed = importlib.import_module("tests.simulation.run").run_seed
                return int(any(run_seed((seed, None)).broken for seed in range(int(seeds))))
            without_shrinking()
            return int(pytest.main([*OPTIONS, "-x", f"--basetemp={folder}/tests", *stage]))

    tried = attempts(mutants, lambda mutant: (functools.partial(work, mutant), limit_s))
    return [mutant for mutant, is_noticed in tried if not is_noticed]


def try_target(name: str, share: float, only: Sequence[str], *, quick: bool) -> bool:
    """Try a target's mutants; tell whether enough are noticed and the others explained.

    Args:
        name: of the target.
        share: of its mutants, always the same ones.
        only: those whose name has one of these in it; all of them if none.
        quick: ask the first stage alone.
    """
    target = TARGETS[name]
    place = ROOT / target.files
    files = sorted(place.glob("*.py")) if place.is_dir() else [place]
    everything = [mutant for file in files for mutant in mutants_of(ROOT, str(file.relative_to(ROOT)))]
    mutants = [
        m
        for m in everything
        if (not only or any(each in _full_name(m) for each in only))
        and random.Random(f"{m.path} {m.name}").random() < share
    ]
    left, noticed = mutants, Counter[str]()
    for stage in target.stages[:1] if quick else target.stages:
        before = len(left)
        survived = survivors_of(left, stage)
        if survived is None:
            print(f"{name}: {' '.join(stage)} fails without any mutant; mend that first")
            return False
        left = survived
        for mutant in left:
            print(f"  not noticed by {stage[0]} …: {_full_name(mutant)}", flush=True)
        noticed[" ".join(stage)] = before - len(left)
    untried = {_full_name(mutant) for mutant in everything} - {_full_name(mutant) for mutant in mutants}
    return _report(name, mutants, left, noticed, untried)


def _report(
    name: str,
    mutants: Sequence[Mutant],
    left: Sequence[Mutant],
    noticed: Counter[str],
    untried: AbstractSet[str],
) -> bool:
    explained: dict[str, str] = tomllib.loads(SURVIVORS.read_text()).get(name, {})
    survivors = {_full_name(mutant) for mutant in left}
    share = 1 - len(left) / len(mutants) if mutants else 1.0  # a small share may hold none
    print(f"{name}: {len(mutants)} mutants, {share:.1%} noticed, {len(left)} survive")
    for stage, times in noticed.items():
        print(f"  {times:5} by {stage}")
    unexplained = sorted(survivors - explained.keys())
    stale = sorted(explained.keys() - survivors - untried)
    for each in unexplained:
        print(f"  not explained: {each}")
    for each in stale:
        print(f"  explained, and no survivor: {each}")
    return not unexplained and not stale and share >= KILLED_WANTED


def _full_name(mutant: Mutant) -> str:
    return f"{Path(mutant.path).stem} {mutant.name}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the targets that are named; 0 only if each is well tested."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; {' and '.join(PROVEN)} if none")
    parser.add_argument("--share", type=float, default=1.0, help="of the mutants, always the same ones")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        help="those whose name has this in it: a file, a function; often",
    )
    parser.add_argument("--quick", action="store_true", help="ask the quick tests alone")
    options = parser.parse_args(arguments)
    for each in HEAVY:
        importlib.import_module(each)
    verdicts = [
        try_target(name, options.share, options.only, quick=options.quick)
        for name in options.targets or PROVEN
    ]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
