"""Clocks that jump by years, under processes that are as they are shipped: of a device, and of the hub."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.db.tables import service_request
from tests.support.device_process import DeviceProcess, report, tap
from tests.support.hub_process import HubProcess
from tests.support.other_clock import YEAR_S, OtherClock
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore
from tests.support.small_hub import SmallHub
from tests.support.town import now_ms

JUMPS_S = (-10 * YEAR_S, 10 * YEAR_S, 0, 3 * YEAR_S)
EACH = 10
CLOCK_ROW = "a device's clock wrong by years, or jumping back"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    hub = SmallHub(tmp_path / "town")
    yield hub
    hub.close()


@pytest.fixture
def clock(tmp_path: Path) -> OtherClock:
    return OtherClock(tmp_path / "ahead")


def live_through_jumps(device: DeviceProcess, clock: OtherClock) -> None:
    """Take reports while the clock jumps to and fro."""
    for jump_s in JUMPS_S:
        clock.set(jump_s)
        before = len(device.answers)
        device.give(report(f"{jump_s} s ahead, {n}") for n in range(EACH))
        device.wait_for_answers(before + EACH)


@pytest.mark.guarantee(CLOCK_ROW)
def test_device_whose_clock_jumps_by_years_is_heard_in_order_and_dated_by_the_hub(
    hub: SmallHub, clock: OtherClock
) -> None:
    """Connected, without a hub, killed in between and started with a clock that is wrong from the first."""
    home, taken, begun_ms = hub.home("bus-7"), list[str](), now_ms()
    with DeviceProcess(home, around=clock.around) as device:
        device.wait_for_status(state="streaming")
        device.give([report("the clock agrees with the hub's, and nothing more is to come from it")])
        device.wait_for_answers(1)
        device.wait_for_status(unacknowledged=0)
        live_through_jumps(device, clock)
        taken += device.taken()
        hub.wait_for(taken)
        device.kill()
    hub.stop()
    clock.set(10 * YEAR_S)
    with DeviceProcess(home, around=clock.around) as device:
        live_through_jumps(device, clock)
        taken += device.taken()
        device.kill()
    clock.set(-10 * YEAR_S)
    with DeviceProcess(home, around=clock.around) as device:
        hub.start()
        device.wait_for_status(state="streaming")
        live_through_jumps(device, clock)
        taken += device.taken()
        hub.wait_for(taken)
        device.wait_for_status(unacknowledged=0, fenced=False)
    rows = [row for row in hub.rows() if row["stream"] == "cases"]
    assert [row["event_id"] for row in rows] == taken
    assert len(taken) == 1 + 3 * len(JUMPS_S) * EACH
    said = {row["line"].partition(b'"time":"')[2][:4] for row in rows}
    assert len(said) >= 3, "the clock never was years off: this shows nothing"
    dated = {row["event_id"]: row["requested_ms"] for row in hub.rows(service_request)}
    instants = [dated[event_id] for event_id in taken]
    assert all(begun_ms <= instant <= now_ms() for instant in instants)
    assert instants == sorted(instants)
    hub.nothing_wrong()


@pytest.mark.guarantee(CLOCK_ROW)
def test_device_whose_clock_is_years_ahead_lets_nothing_go_before_it_has_heard_the_hub(
    hub: SmallHub, clock: OtherClock
) -> None:
    """Else its copies would be gone when the hub is restored, which is what they are kept for."""
    home, database = hub.home("bus-7"), hub.database
    hub.stop()
    shutil.copy(database, database.with_suffix(".backup"))
    hub.start()
    with DeviceProcess(home, around=clock.around) as device:
        device.give([tap(n) for n in range(EACH)])
        taken = [answer["taken"]["id"] for answer in device.wait_for_answers(EACH)]
        hub.wait_for(taken)
        device.wait_for_status(unacknowledged=0)
    hub.stop()
    clock.set(10 * YEAR_S)
    with DeviceProcess(home, around=clock.around) as device:
        device.give([tap(EACH)])
        taken += [answer["taken"]["id"] for answer in device.wait_for_answers(1)]
        (epoch, *_) = device.status()["lanes"]["payments"]["epochs"]
        assert epoch["oldest"] == 1
        shutil.copy(database.with_suffix(".backup"), database)
        hub.start()
        hub.wait_for(taken)
    hub.nothing_wrong()


def test_hub_whose_clock_jumps_by_years_takes_everything_and_hands_it_over(
    tmp_path: Path, clock: OtherClock
) -> None:
    """What it decided while the clock was ahead is due then; nothing waits for years once it is set back."""
    (tmp_path / "core").mkdir()
    with ReferenceCore(tmp_path / "core", "--plain") as core:
        hub = HubProcess(tmp_path / "hub", settlements_url=core.base_url, core_timeout_s=2)
        with hub:
            home = hub.enrol("bus-1", tmp_path / "bus-1")
            hub.stop()
            hub.start(around=clock.around)
            with DeviceProcess(home) as device:
                for n, jump_s in enumerate((0, 10 * YEAR_S, 0)):
                    clock.set(jump_s)
                    core.kill()  # an attempt that fails is put off by the clock of that time
                    device.give([tap(EACH * n + m) for m in range(EACH)])
                    device.wait_for_answers(EACH * (n + 1))
                    eventually(
                        lambda wanted=EACH * (n + 1): committed(hub) >= wanted,
                        timeout_s=60,
                        what="all of them committed",
                    )
                    eventually(lambda: tried(hub), timeout_s=30, what="an attempt that failed")
                    if jump_s == 0:
                        core.start()
                        eventually(lambda: nothing_waits(hub), timeout_s=90, what="the core has it all")
                    else:
                        core.start()
                device.wait_for_status(unacknowledged=0, fenced=False)
                assert len(set(device.taken())) == 3 * EACH
            assert sorted(core.counts("settlements").values()) == [1] * 3 * EACH
            assert hub.get("/v1/ledger/audit")["clean"]
            assert not hub.get("/v1/losses")["items"]


def committed(hub: HubProcess) -> float:
    return hub.metrics()["ventanilla_committed_events_total"]


def tried(hub: HubProcess) -> bool:
    waiting = hub.get("/v1/outgoing?state=waiting")["items"]
    return bool(waiting) and any(row["attempts"] for row in waiting)


def nothing_waits(hub: HubProcess) -> bool:
    return not hub.get("/v1/outgoing?state=waiting")["items"]
