"""The headline: how long a device's oldest payment has waited, as far as the hub can know."""

from hub.api.metrics import FRESH_BIRTH_MS, PaymentAges
from hub.db.device_listings import Sighting, Unacknowledged
from tests.support.hub_database import NOW_MS


def seen(last_seen_ms: int = NOW_MS - 3_600_000, waiting_ms: int = 0) -> dict[str, Sighting]:
    sighting = Sighting(
        device="bus-7",
        last_seen_ms=last_seen_ms,
        firmware=None,
        boot=1,
        waiting_ms={"payments": waiting_ms},
    )
    return {"bus-7": sighting}


def behind(watermark: int, heard: int, epoch: str = "9f3c2a1b") -> list[Unacknowledged]:
    return [Unacknowledged(device="bus-7", epoch=epoch, watermark=watermark, heard=heard)]


def test_lane_that_is_complete_is_of_age_zero() -> None:
    assert PaymentAges().look([], seen(), NOW_MS) == {"bus-7": 0.0}


def test_lane_that_stands_still_grows_older() -> None:
    ages = PaymentAges()
    assert ages.look(behind(5, 9), seen(), NOW_MS) == {"bus-7": 0.0}
    assert ages.look(behind(5, 9), seen(), NOW_MS + 15_000) == {"bus-7": 15.0}
    assert ages.look(behind(8, 20), seen(), NOW_MS + 30_000) == {"bus-7": 30.0}, "9 is still not held"


def test_lane_that_flows_stays_young_though_something_is_always_under_way() -> None:
    ages = PaymentAges()
    for turn in range(10):
        held = 100 * turn
        assert ages.look(behind(held, held + 4), seen(), NOW_MS + 15_000 * turn) == {"bus-7": 0.0}


def test_lane_of_a_device_that_has_just_come_is_as_old_as_the_device_says() -> None:
    fresh = seen(last_seen_ms=NOW_MS - 2_000, waiting_ms=600_000)
    assert PaymentAges().look(behind(5, 9), fresh, NOW_MS) == {"bus-7": 602.0}
    old = seen(last_seen_ms=NOW_MS - FRESH_BIRTH_MS - 1, waiting_ms=600_000)
    assert PaymentAges().look(behind(5, 9), old, NOW_MS) == {"bus-7": 0.0}


def test_lane_that_was_caught_up_begins_anew() -> None:
    ages = PaymentAges()
    ages.look(behind(5, 9), seen(), NOW_MS)
    assert ages.look([], seen(), NOW_MS + 60_000) == {"bus-7": 0.0}
    assert ages.look(behind(9, 12), seen(), NOW_MS + 120_000) == {"bus-7": 0.0}


def test_device_with_two_epochs_is_as_old_as_the_older() -> None:
    ages = PaymentAges()
    ages.look(behind(5, 9), seen(), NOW_MS)
    two = behind(5, 9) + behind(0, 3, "00000001")
    assert ages.look(two, seen(), NOW_MS + 5_000) == {"bus-7": 5.0}
