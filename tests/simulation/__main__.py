"""`python -m tests.simulation --seeds 1000`: run seeds on every core; a failing seed is printed.

`--seed N` replays one run and says what broke; `--mutant NAME` plants a bug and must find it: it exits
non-zero and names the promise that broke and the seed, as the real bug would. `--coverage` also says which
branches of delivery's rules no run took.
"""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Collection

from tests.simulation.faults import ROWS
from tests.simulation.mutants import MUTANTS
from tests.simulation.reach import Arc, run_plain, run_watched, unreached, watch
from tests.simulation.run import Outcome

TELL_EVERY = 1_000


def main() -> int:
    """Run and report; 0 only if every promise held in every seed."""
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many runs")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="replay one run")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="plant this bug")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--coverage", action="store_true", help="tell which branches no run took")
    options = parser.parse_args()
    seeds = (
        [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    )
    started = time.perf_counter()
    hits: Counter[str] = Counter()
    excused: Counter[str] = Counter()
    done = events = 0
    arcs: set[Arc] = set()
    jobs = ((seed, options.mutant) for seed in seeds)
    with multiprocessing.get_context("spawn").Pool(
        1 if len(seeds) == 1 else options.jobs, watch if options.coverage else None
    ) as pool:
        run = run_watched if options.coverage else run_plain
        for outcome, steps in pool.imap_unordered(run, jobs, chunksize=4 if options.mutant is None else 1):
            done += 1
            arcs |= steps
            events += outcome.events
            hits.update(outcome.hits)
            excused.update(outcome.excused)
            if outcome.broken:
                _tell(outcome, options.mutant)
                pool.terminate()
                return 1
            if done % TELL_EVERY == 0:
                print(f"  {time.perf_counter() - started:6.0f} s  {done} of {len(seeds)} seeds", flush=True)
    wall_s = time.perf_counter() - started
    print(f"{done} seeds, {events} events, {wall_s:.1f} s, {done / wall_s:.1f} seeds/s: every promise held.")
    for row, names in ROWS.items():
        print(f"  {row:24} {sum(hits[n] for n in names):8}")
    for why, times in excused.most_common():
        print(f"  not promised: {why}: {times}")
    return 0 if not options.coverage or _covered(arcs) else 1


def _covered(arcs: Collection[Arc]) -> bool:
    """Tell of every branch of delivery that was not taken; only those that are explained may be."""
    missing, explained = unreached(arcs)
    for name in explained:
        print(f"  no run took, and unreached.toml says why: {name}")
    for name in missing:
        print(f"  no run took: {name}")
    return not missing


def _tell(outcome: Outcome, mutant: str | None) -> None:
    print(f"seed {outcome.seed}: a promise broke{f' under {mutant}' if mutant else ''}.")
    for what in outcome.broken[:5]:
        print(f"  {what}")
    print(f"  armed: {', '.join(outcome.armed)}")
    print(f"Replay it: make simulate SEED={outcome.seed}{f' MUTANT={mutant}' if mutant else ''}")


if __name__ == "__main__":
    sys.exit(main())
