"""`python -m tests.proof [part …]`: the long proofs; prints what it tried, and fails where a promise broke.

One part alone runs here. Several, or none for all of them, run side by side in two lanes, each within its
time (`PLAN`, made for two cores), and a table says at the end what ran, how long, and what held.

`kills=50`, `citizens=20`, `seeds=100`, `fuzz=1000`, `reach=50` and `mutants=0.1` do fewer; `rules=credit`
takes out the rules alone whose words hold that one; `share=0.01` goes through all with that share of each.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.acceptance.conftest import make_town_hall
from tests.bench import memory
from tests.proof import citizens, taps
from tests.proof.jobs import Job, run
from tests.proof.kills import Torment
from tests.proof.plan import PLAN, PROCESSORS, Step, carry_out, table
from tests.proof.restores import KINDS, Restored
from tests.proof.rules import RULES, take_out
from tests.support.hub_process import HubProcess
from tests.support.rotating import DEVICE_POINTS, HUB_POINTS, Machine, kill_the_device, kill_the_hub

JOBS = 2
NICE = 10
KILLS = "kills"
CITIZENS = "citizens"
SCREENS = "screens"
TAPS = "taps"
WANTED: Mapping[str, int] = {
    "restores": 1,
    "rotations": 1,
    "rules": 1,
    "fuzz": 1_000_000,
    "reach": 300,
    "mutants": 1,
    "seeds": 2_000,
    TAPS: 10_000,
    KILLS: 1_000,
    CITIZENS: 200,
    SCREENS: 500,
}
"""The whole of each part: every kind, point, rule; inputs, seeds, mutants, seeds, taps, kills, citizens."""
COUNTED = frozenset({KILLS, CITIZENS, SCREENS, TAPS, "fuzz", "reach", "seeds"})
SHARE = "share"
WHOLE_ALONE = frozenset({"restores", "rotations", "rules", "reach"})
"""Of these there is no share: few seeds do not reach everything."""


JOBS_OF: Mapping[str, Sequence[Job]] = {
    "bits": [Job("bits", "outbox_bits", 1_000, seed) for seed in range(3)],
    "syncs": [Job("syncs", "hub_syncs", 20, 1), Job("syncs", "outbox_syncs", 100, 1)],
    "crashes": [
        *(Job("crashes", "outbox_power_cuts", 1_000, seed) for seed in range(10)),
        *(Job("crashes", "hub_power_cuts", 250, seed) for seed in range(8)),
    ],
}


def main(wanted: Sequence[str]) -> int:
    """Run the part that is named, or several side by side, or all of them."""
    names = [each.partition("=")[0] for each in wanted]
    unknown = [name for name in names if name not in PARTS and name != SHARE]
    if unknown or (SHARE in names and len(names) > 1):
        told = (
            f"There is no part {unknown[0]}" if unknown else "A share is one of all parts, and stands alone"
        )
        print(f"{told}; choose of: {', '.join(PARTS)}")
        return 2
    if len(names) == 1 and names != [SHARE]:
        return 0 if PARTS[names[0]](wanted[0].partition("=")[2]) else 1
    share = float(wanted[0].partition("=")[2] or 1) if names == [SHARE] else 1.0
    return 0 if side_by_side(wanted if len(names) > 1 else _parts(share)) else 1


def side_by_side(parts: Sequence[str]) -> bool:
    """Run parts in two lanes, each within its time, and print what held; tell whether all did.

    A share of a part has the time of the whole: hubs and brokers have to start, and lives to be recorded.
    """
    began_s = time.monotonic()
    chosen = {part.partition("=")[0]: part for part in parts}
    lanes = {
        lane: [
            Step(chosen[name], 60 * limit_min, NICE if lane == PROCESSORS else 0)
            for name, limit_min in steps.items()
            if name in chosen
        ]
        for lane, steps in PLAN.items()
    }
    outcomes = carry_out({lane: steps for lane, steps in lanes.items() if steps})
    held = all(outcome.held for outcome in outcomes)
    print(f"\n{table(outcomes)}\n")
    passed_min, load = (time.monotonic() - began_s) / 60, os.getloadavg()[2]
    said = "every proof held" if held else "a proof failed; its row says how"
    print(f"{passed_min:.1f} min, load {load:.0f} on {os.cpu_count()} processors: {said}")
    return held


def _parts(share: float) -> list[str]:
    left_out = set[str]() if share >= 1 else WHOLE_ALONE
    return [_part(name, share) for steps in PLAN.values() for name in steps if name not in left_out]


def _part(name: str, share: float) -> str:
    much = share * WANTED.get(name, 1)
    return f"{name}={max(1, round(much)) if name in COUNTED else much}"


def power_cuts(wanted: Sequence[Job], share: float) -> bool:
    """Do the jobs, or a share of each, on every core; tell whether every promise held."""
    jobs = [replace(job, states=max(1, round(share * job.states))) for job in wanted]
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


def seeds(much: str) -> bool:
    """Simulate so many seeds; tell whether every promise held."""
    return _succeeds("tests.simulation", "--seeds", much or str(WANTED["seeds"]))


def reach(much: str) -> bool:
    """Simulate so many seeds; tell whether every branch of delivery was taken, or is explained."""
    return _succeeds("tests.simulation", "--coverage", "--seeds", much or str(WANTED["reach"]))


def _succeeds(module: str, *arguments: str) -> bool:
    return subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode == 0


def fuzz(much: str) -> bool:
    """Give readers so many inputs; tell whether each was read or refused."""
    return _succeeds("tests.proof.fuzz", much or str(WANTED["fuzz"]))


def mutants(much: str) -> bool:
    """Plant small bugs, all of them or a share; tell whether the tests notice."""
    return _succeeds("tests.proof.mutants", "--share", much or "1")


def kill(much: str) -> bool:
    """Kill devices, hub, broker and core so often; tell whether it adds up."""
    wanted = int(much or WANTED[KILLS])
    began_s = time.monotonic()
    print(f"{wanted} kills with -9 over device, hub, broker and core", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            sums = Torment(Path(folder) / "town").run(wanted, seed=1)
        except AssertionError as error:
            print(f"A promise broke, or nothing went on. {error}")
            return False
    for name, times in sorted(sums.kills.items()):
        print(f"  {name:48} {times:6}")
    print(f"  {time.monotonic() - began_s:.0f} s: {sums.words}")
    return sums.adds_up


def live_taps(much: str) -> bool:
    """Live through so many streets of taps; tell whether every sum came out."""
    broken = taps.live(int(much or WANTED[TAPS]))
    if broken:
        print(f"A promise broke. Taps, {broken}")
    return not broken


def put_back(_much: str) -> bool:
    """Put a hub back from a copy of every kind; tell whether nothing was missing."""
    for kind in KINDS:
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            try:
                Restored(make_town_hall(Path(folder), stack), Path(folder) / "town").by(kind)
            except AssertionError as error:
                print(f"A promise broke. Put back by {kind}: {error}")
                return False
        print(f"  {time.monotonic() - began_s:6.0f} s  put back by {kind}", flush=True)
    return True


def rotations(_much: str) -> bool:
    """Kill device and hub at each named point of a change of link keys; tell whether they end with them."""
    works = [(point, partial(kill_the_device, point=point)) for point in DEVICE_POINTS]
    with tempfile.TemporaryDirectory() as folder, HubProcess(Path(folder) / "hub") as hub:
        works += [(point, partial(kill_the_hub, hub, point=point)) for point in HUB_POINTS]
        for number, (point, work) in enumerate(works):
            began_s = time.monotonic()
            machine = Machine(hub, f"bus-{number}", Path(folder))
            try:
                work(machine=machine)
            except AssertionError as error:
                print(f"A promise broke. Killed {point}: {error}")
                return False
            finally:
                machine.device.kill()
            print(f"  {time.monotonic() - began_s:6.0f} s  killed {point}", flush=True)
    return True


def serve_citizens(much: str) -> bool:
    """Serve so many citizens at a kiosk; tell whether nothing they typed is left and all arrived."""
    wanted = int(much or WANTED[CITIZENS])
    began_s = time.monotonic()
    print(f"{wanted} citizens at a kiosk, its network cut after every other {citizens.GROUP}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        wrong = citizens.serve(Path(folder), wanted)
    print(f"  {time.monotonic() - began_s:.0f} s: {wrong or 'nothing of them was found, all arrived once'}")
    return not wrong


def hold_memory(much: str) -> bool:
    """Serve so many citizens on one window; tell whether it holds no more than it may."""
    wanted, began_s = max(memory.WARM + memory.SETTLED, int(much or WANTED[SCREENS])), time.monotonic()
    print(f"{wanted} citizens on one window of a display in memory, its process never replaced", flush=True)
    held = memory.measure(wanted, tell=True)
    print(
        f"  {time.monotonic() - began_s:.0f} s: {held.words}; at most {memory.MEMORY_GOAL_MB} MB may be held"
    )
    return held.is_well


def take_rules_out(much: str) -> bool:
    """Take each rule of the failure table out once; tell whether both its tests went red every time.

    Args:
        much: a word of a rule, to take that one out alone; a number, or nothing, for all of them.
    """
    wrong, only = 0, "" if much.replace(".", "").isdigit() else much
    chosen = [rule for rule in RULES if only in rule.words]
    with tempfile.TemporaryDirectory() as folder:
        for rule, took_s, why in take_out(chosen, Path(folder)):
            wrong += bool(why)
            print(f"  {took_s:6.0f} s  {rule.words}: {why or 'both tests went red'}", flush=True)
    print(f"{len(chosen) - wrong} of {len(chosen)} rules were missed by both their tests", flush=True)
    return not wrong and bool(chosen)


PARTS: Mapping[str, Callable[[str], bool]] = {
    **{name: lambda much, jobs=jobs: power_cuts(jobs, float(much or 1)) for name, jobs in JOBS_OF.items()},
    "fuzz": fuzz,
    "reach": reach,
    "mutants": mutants,
    "seeds": seeds,
    TAPS: live_taps,
    KILLS: kill,
    "restores": put_back,
    "rotations": rotations,
    CITIZENS: serve_citizens,
    SCREENS: hold_memory,
    "rules": take_rules_out,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
