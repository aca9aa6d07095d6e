"""Streets of taps by the thousand: torn cards, dark buses, clones, taps undone; every sum comes out."""

import multiprocessing
import time
from typing import NamedTuple

from tests.support.tap_street import run_street

JOBS = 2
AT_ONCE = 10


class Lived(NamedTuple):
    """What one seed came to."""

    seed: int
    torn: int
    unknown: int
    clones: int
    taken_back: int
    broken: str


def live(seeds: int) -> str:
    """Live through so many seeds on every core; return the first promise that broke, or nothing."""
    began_s, torn, unknown, clones, back = time.monotonic(), 0, 0, 0, 0
    with multiprocessing.get_context("spawn").Pool(JOBS) as pool:
        for done, lived in enumerate(pool.imap_unordered(_live, range(seeds), AT_ONCE), 1):
            if lived.broken:
                pool.terminate()
                return f"seed {lived.seed}: {lived.broken}"
            torn, unknown, clones = torn + lived.torn, unknown + lived.unknown, clones + lived.clones
            back += lived.taken_back
            if done % 1_000 == 0 or done == seeds:
                print(
                    f"  {time.monotonic() - began_s:6.0f} s  {done} streets: {torn} accidents, {unknown}"
                    f" times a tap was left unknown, {back} taken back, {clones} clones: every sum came out",
                    flush=True,
                )
    return ""


def _live(seed: int) -> Lived:
    try:
        street = run_street(seed)
    except Exception as error:
        return Lived(seed, 0, 0, 0, 0, f"{type(error).__name__}: {error}")
    return Lived(seed, street.torn, street.unknown, len(street.people) - 2, street.taken_back, "")
