"""Everybody is killed with -9, at random and at named points, while events flow; at the end it adds up."""

from pathlib import Path

import pytest

from tests.proof.kills import POINTS, REACHED, Torment

KILLS = 30


@pytest.mark.timeout(900)
@pytest.mark.requires("strace")
@pytest.mark.guarantee("the hub killed before COMMIT, or after it and before the acknowledgement")
def test_kills_of_device_hub_broker_and_core_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    sums = Torment(tmp_path / "town").run(KILLS, seed=7)
    assert sum(sums.kills[victim] for victim in ("device", "hub", "broker", "core")) >= KILLS - 2
    assert sums.taken > KILLS
    assert sums.adds_up, sums.words
    assert sums.lost_recorded == 0
    assert {name for name in POINTS if sums.kills[f"{REACHED}{name}"]} == set(POINTS)
