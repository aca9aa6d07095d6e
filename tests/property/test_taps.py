"""Taps, tears, restarts, buses, a clone, taps undone, two keys: some of what `make proof` lives through."""

from tests.support.tap_street import run_street

SEEDS = 25


def test_street_of_taps_from_any_seed_keeps_every_sum() -> None:
    streets = [run_street(seed) for seed in range(SEEDS)]
    assert sum(street.torn for street in streets) > SEEDS
    assert sum(street.unknown for street in streets) > 0
    assert sum(street.taken_back for street in streets) > 0
    assert sum(len(street.people) == 3 for street in streets) > 0
