"""`python -m tests.proof [part …]`: the long proofs; prints what it tried, stops at a broken promise."""

import multiprocessing
import sys
import time
from collections.abc import Mapping, Sequence

from tests.proof.jobs import Job, run

JOBS = 2


PARTS: Mapping[str, Sequence[Job]] = {
    "crashes": [
        *(Job("crashes", "outbox_power_cuts", 1_000, seed) for seed in range(10)),
        *(Job("crashes", "hub_power_cuts", 250, seed) for seed in range(8)),
    ],
    "syncs": [Job("syncs", "hub_syncs", 20, 1), Job("syncs", "outbox_syncs", 100, 1)],
}


def main(wanted: Sequence[str]) -> int:
    """Run the parts that are named, or all of them."""
    began_s = time.monotonic()
    jobs = [job for part in wanted or PARTS for job in PARTS[part]]
    totals: dict[str, list[int]] = {}
    with multiprocessing.get_context("spawn").Pool(JOBS) as pool:
        for done, (job, tried, broken) in enumerate(pool.imap_unordered(run, jobs), 1):
            if broken:
                print(f"A promise broke. {broken}")
                pool.terminate()
                return 1
            total = totals.setdefault(job.run, [0, 0, 0])
            total[0] += len(tried)
            total[1] += sum(each.states for each in tried)
            total[2] += sum(each.different for each in tried)
            print(f"  {time.monotonic() - began_s:6.0f} s  {done} of {len(jobs)}: {job.run}", flush=True)
    for name, (records, states, different) in totals.items():
        print(f"{name}: {records} records, {states} power cuts, {different} different disks: 0 lost, 0 twice")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
