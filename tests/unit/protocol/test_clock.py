"""A device's clock: vouched for only while it agreed with the hub's in this boot."""

import pytest

from shared.protocol import limits
from shared.protocol.clock import Clock

HUB_MS = 1_795_255_200_000


@pytest.mark.sentence("D-4")
def test_clock_before_the_first_welcome_is_not_vouched_for() -> None:
    assert Clock().age_s(1_000_000) is None


@pytest.mark.sentence("D-4")
@pytest.mark.parametrize("apart_ms", [0, limits.CLOCK_AGREE_MS, -limits.CLOCK_AGREE_MS])
def test_clock_that_agrees_within_five_seconds_ages_from_then_on(apart_ms: int) -> None:
    clock = Clock()
    clock.heard(HUB_MS, HUB_MS + apart_ms, 10_000)
    assert clock.age_s(10_000) == 0
    assert clock.age_s(429_999) == 419
    assert limits.CLOCK_AGREE_MS == 5_000


@pytest.mark.sentence("D-4")
def test_clock_that_is_further_apart_is_not_vouched_for() -> None:
    clock = Clock()
    clock.heard(HUB_MS, HUB_MS + limits.CLOCK_AGREE_MS + 1, 10_000)
    assert clock.age_s(10_000) is None


@pytest.mark.sentence("D-4")
def test_clock_that_went_astray_is_not_vouched_for_any_more() -> None:
    clock = Clock()
    clock.heard(HUB_MS, HUB_MS, 10_000)
    clock.heard(HUB_MS, HUB_MS - 3_600_000, 20_000)
    assert clock.age_s(20_000) is None
    clock.heard(HUB_MS, HUB_MS, 30_000)
    assert clock.age_s(31_000) == 1


def test_hubs_time_is_kept_against_the_uptime() -> None:
    clock = Clock()
    clock.heard(HUB_MS, 0, 10_000)
    assert clock.offset_ms == HUB_MS - 10_000
