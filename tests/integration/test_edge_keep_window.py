"""What was acknowledged stays on the device for the keep window, through starts and boots."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.edge.device_time import DeviceTime, system_time
from shared.protocol import limits
from tests.support.edge import Hand, running
from tests.support.polling import eventually
from tests.support.small_hub import SmallHub

HOUR_MS = 3_600_000


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    hub = SmallHub(tmp_path)
    yield hub
    hub.close()


def later(by_ms: int) -> DeviceTime:
    """A machine's clocks, some time later, started anew an hour ago."""
    real = system_time()
    return replace(real, wall_ms=lambda: real.wall_ms() + by_ms, uptime_ms=lambda: real.uptime_ms() + HOUR_MS)


def oldest(hand: Hand) -> int:
    """The oldest number that the device still has, once it has looked what may go."""
    eventually(lambda: hand.status()["state"] == "streaming", what="a session")
    (epoch,) = hand.status()["lanes"]["payments"]["epochs"]
    return epoch["oldest"]


@pytest.mark.sentence("S-4")
def test_acknowledged_line_outlives_starts_and_boots(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        hub.wait_for([hand.take(hand.tap(n)).event_id for n in range(3)])
        eventually(lambda: hand.status()["unacknowledged"] == 0, what="acknowledgements")
    for boot_id in ("boot-1", "boot-2"):
        with running(hub.home("bus-7"), boot_id=boot_id) as hand:
            assert oldest(hand) == 1
    with running(
        hub.home("bus-7"), boot_id="boot-3", clock=later(limits.KEEP_WINDOW_MS - 2 * HOUR_MS)
    ) as hand:
        assert oldest(hand) == 1


@pytest.mark.sentence("S-4")
def test_acknowledged_line_goes_when_its_keep_window_has_passed(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        hub.wait_for([hand.take(hand.tap(n)).event_id for n in range(3)])
        eventually(lambda: hand.status()["unacknowledged"] == 0, what="acknowledgements")
    clock = later(limits.KEEP_WINDOW_MS + HOUR_MS)
    hub.stop()
    hub.clock = clock.wall_ms
    hub.start()
    with running(hub.home("bus-7"), boot_id="boot-2", clock=clock) as hand:
        eventually(lambda: oldest(hand) == 4, what="expiry")
