"""A device and its hub in networks of their own, and the wire between them cut: for a while, and for a day.

The kernel swallows or refuses the packets, so what is seen here is TCP itself: acknowledgements that do not
come, connections half open at one end, and dials that lead nowhere.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.edge.home import DeviceHome
from shared.edge.seam import Taken
from shared.model.event import Stream
from shared.protocol import limits
from tests.support.device_process import DeviceProcess, report, tap
from tests.support.hub_process import HubProcess
from tests.support.other_clock import OtherClock
from tests.support.partition import Cut, Street, a_street
from tests.support.polling import eventually

pytestmark = [pytest.mark.requires("ip"), pytest.mark.guarantee("the network cut, for a day or one way")]

EACH = 10
HOUR_S = 3_600
HOURS = 25
"""One more than a clock is trusted without having heard the hub."""
NOTICED_S = 2 * limits.PUBACK_TIMEOUT_MS / 1000
"""What a link allows a broker that confirms nothing, twice: the machine may be busy."""


@dataclass
class Place:
    """A hub, a street on another network, and the clock of both."""

    hub: HubProcess
    street: Street
    clock: OtherClock
    clock_file: Path
    folder: Path

    def enrol(self, device: str) -> DeviceHome:
        return self.hub.enrol(device, self.folder / device)

    def run(self, home: DeviceHome) -> DeviceProcess:
        program = [sys.executable, "-m", "tests.support.device_of_another_day"]
        return DeviceProcess(
            home,
            around=self.street.around,
            program=[*program, str(home.path), str(self.clock_file)],
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("partition")
    clock_file = folder / "ahead"
    clock = OtherClock(clock_file)
    with a_street() as street:
        everywhere = "0.0.0.0"  # noqa: S104  two networks are to reach it
        hosts = {"public_host": street.hub_host, "api_host": everywhere, "broker_host": everywhere}
        with HubProcess(folder / "hub", **hosts) as hub:
            hub.stop()
            hub.start(around=clock.around)
            yield Place(hub, street, clock, clock_file, folder)


def taken_by(device: DeviceProcess) -> list[Taken]:
    told = [answer["taken"] for answer in device.answers if "taken" in answer]
    return [Taken(one["id"], Stream(one["stream"]), one["epoch"], one["seq"]) for one in told]


def give(device: DeviceProcess, count: int) -> None:
    """Have the device take so many more events, half of them money."""
    first = len(device.answers)
    device.give(report(f"Farola {n}") if n % 2 else tap(n) for n in range(first, first + count))
    device.wait_for_answers(first + count)
    assert len(taken_by(device)) == first + count


def is_down(device: DeviceProcess) -> bool:
    return device.status().get("link", {}).get("up") is False


def wait_until_through(place: Place, name: str, device: DeviceProcess, taken: list[Taken]) -> None:
    """Everything that was taken arrives, once."""
    place.hub.wait_for_fates(name, taken)
    eventually(lambda: device.status().get("unacknowledged") == 0, timeout_s=60, what="the acknowledgements")
    assert len({one.event_id for one in taken}) == len(taken)
    assert not place.hub.get("/v1/losses")["items"]
    assert not place.hub.get("/v1/quarantine")["items"]
    assert not device.status()["fenced"]


@pytest.mark.parametrize("cut", [Cut.DEAF, Cut.MUTE, Cut.REJECTED])
def test_wire_that_is_cut_costs_time_alone(place: Place, cut: Cut) -> None:
    name = f"bus-{cut.name.lower()}"
    with place.run(place.enrol(name)) as device:
        device.wait_for_status(state="streaming")
        give(device, EACH)
        place.hub.wait_for_fates(name, taken_by(device))
        place.street.cut(cut)
        try:
            began_s = time.monotonic()
            give(device, EACH)
            if cut is Cut.DEAF:  # it cannot know, and the hub has them
                place.hub.wait_for_fates(name, taken_by(device))
                assert device.status()["unacknowledged"] > 0
            eventually(lambda: is_down(device), timeout_s=NOTICED_S, what="the link has noticed")
            noticed_s = time.monotonic() - began_s
            give(device, EACH)
            if cut is not Cut.DEAF:
                assert set(place.hub.fates(name, taken_by(device)[EACH:])) == {"unknown"}
        finally:
            place.street.heal()
        healed_s = time.monotonic()
        wait_until_through(place, name, device, taken_by(device))
        tell(f"\n{cut}: noticed after {noticed_s:.1f} s, through {time.monotonic() - healed_s:.1f} s later")


def test_day_without_network_is_taken_whole_and_dated_by_the_hour(place: Place) -> None:
    """Citizens come each hour, the machine is killed at noon, and in the end the hub has everybody once."""
    name = "kiosk-1"
    home, taken = place.enrol(name), list[Taken]()
    begun_ms = 1000 * time.time()
    device = place.run(home)
    try:
        device.wait_for_status(state="streaming")
        place.street.cut(Cut.SILENT)
        try:
            give(device, 2)
            eventually(lambda: is_down(device), timeout_s=NOTICED_S, what="the link has noticed")
            for hour in range(1, HOURS + 1):
                place.clock.set(HOUR_S * hour)
                give(device, 2)
                if hour == HOURS // 2:
                    device.kill()
                    taken += taken_by(device)
                    device = place.run(home)
            assert place.hub.fates(name, taken_by(device)) == ["unknown"] * len(taken_by(device))
        finally:
            place.street.heal()
        taken += taken_by(device)
        assert len(taken) == 2 * (1 + HOURS)
        wait_until_through(place, name, device, taken)
    finally:
        device.kill()
        place.clock.set(0)
    reports = [one.event_id for one in taken if one.stream is Stream.CASES]
    rows = {row["event_id"]: row for row in place.hub.get("/v1/service-requests?limit=1000")["items"]}
    ended_ms = 1000 * time.time()
    for hour, event_id in enumerate(reports):
        ahead_ms = 1000 * HOUR_S * hour
        asked_ms = rows[event_id]["requested_ms"]
        assert begun_ms - 60_000 <= asked_ms - ahead_ms <= ended_ms
    assert place.hub.get("/v1/ledger/audit")["clean"]


def tell(cost: str) -> None:
    print(cost)  # noqa: T201  for whoever writes the table
