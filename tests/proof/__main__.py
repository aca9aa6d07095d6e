"""`python -m tests.proof [part …]`: the long proofs; prints what it tried, stops at a broken promise."""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.proof.jobs import Job, run
from tests.proof.kills import Torment

JOBS = 2
KILLS = "kills"
KILLS_WANTED = 1_000


PARTS: Mapping[str, Sequence[Job]] = {
    "crashes": [
        *(Job("crashes", "outbox_power_cuts", 1_000, seed) for seed in range(10)),
        *(Job("crashes", "hub_power_cuts", 250, seed) for seed in range(8)),
    ],
    "bits": [Job("bits", "outbox_bits", 1_000, seed) for seed in range(3)],
    "syncs": [Job("syncs", "hub_syncs", 20, 1), Job("syncs", "outbox_syncs", 100, 1)],
}


def main(wanted: Sequence[str]) -> int:
    """Run the parts that are named, or all of them; `kills=50` does fewer."""
    parts = list(wanted or [*PARTS, KILLS])
    kills = [part for part in parts if part.startswith(KILLS)]
    jobs = [job for part in parts if part not in kills for job in PARTS[part]]
    if jobs and not power_cuts(jobs):
        return 1
    for part in kills:
        if not kill(int(part.partition("=")[2] or KILLS_WANTED)):
            return 1
    return 0


def power_cuts(jobs: Sequence[Job]) -> bool:
    """Do the jobs on every core; tell whether every promise held."""
    began_s = time.monotonic()
    totals: dict[str, list[int]] = {}
    with multiprocessing.get_context("spawn").Pool(JOBS) as pool:
        for done, (job, tried, broken) in enumerate(pool.imap_unordered(run, jobs), 1):
            if broken:
                print(f"A promise broke. {broken}")
                pool.terminate()
                return False
            total = totals.setdefault(job.run, [0, 0, 0])
            total[0] += len(tried)
            total[1] += sum(each.states for each in tried)
            total[2] += sum(each.different for each in tried)
            print(f"  {time.monotonic() - began_s:6.0f} s  {done} of {len(jobs)}: {job.run}", flush=True)
    for name, (records, states, different) in totals.items():
        of_them = "without a cost" if name == "outbox_bits" else "different"
        print(f"{name}: {records} records, {states} states opened, {different} {of_them}: every promise held")
    return True


def kill(wanted: int) -> bool:
    """Kill devices, hub, broker and core so often; tell whether it adds up."""
    began_s = time.monotonic()
    print(f"{wanted} kills with -9 over device, hub, broker and core, about one a second", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sums = Torment(Path(folder) / "town").run(wanted, seed=1)
    for name, times in sorted(sums.kills.items()):
        print(f"  {name:48} {times:6}")
    print(f"  {time.monotonic() - began_s:.0f} s: {sums.words}")
    return sums.adds_up


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
