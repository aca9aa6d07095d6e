"""How many full-size runs the simulator makes in a second, with two processes."""

import multiprocessing
import time

from tests.simulation.run import run_seed

SEEDS = 60


def run() -> list[dict[str, object]]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio.
    """
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(run_seed, [(seed, None) for seed in range(2)], chunksize=1)  # imports and schema
        began_s = time.perf_counter()
        outcomes = pool.map(run_seed, [(seed, None) for seed in range(SEEDS)], chunksize=4)
        took_s = time.perf_counter() - began_s
    assert not [outcome.seed for outcome in outcomes if outcome.broken]
    speed = SEEDS / took_s
    return [
        {
            "name": "simulate.seeds",
            "value": round(speed, 1),
            "unit": "seeds/s",
            "against": "20 seeds/s",
            "ratio": round(speed / 20, 2),
        }
    ]
