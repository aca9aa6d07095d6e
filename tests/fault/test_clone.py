"""A device's disk is copied, and both run at once under one name and one certificate."""

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.db.tables import quarantine
from shared.edge.home import DeviceHome
from tests.support.device_process import DeviceProcess, report, tap
from tests.support.polling import eventually
from tests.support.small_hub import SmallHub

EVENTS = 20


@pytest.mark.guarantee("a disk image rolled back, at rest or running, or cloned")
def test_clone_that_runs_beside_its_original_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    hub = SmallHub(tmp_path / "town")
    first = hub.home("bus-7")
    with ExitStack() as stack:
        stack.callback(hub.close)
        with DeviceProcess(first, "--until-empty") as device:
            device.give([tap(n) for n in range(5)], end=True)
            assert device.wait() == 0, device.complaints
            taken = device.taken()
        shutil.copytree(first.path, tmp_path / "clone", ignore=shutil.ignore_patterns("run", "*.sock"))
        homes = (first, DeviceHome(tmp_path / "clone"))
        both = [stack.enter_context(DeviceProcess(home)) for home in homes]
        for n, device in enumerate(both, 1):
            device.give([report(f"Farola {n}") for _ in range(EVENTS)])
            device.give([tap(1_000 * n + m) for m in range(EVENTS)])
            device.wait_for_answers(2 * EVENTS)
            taken += device.taken()
        assert len(set(taken)) == 5 + 4 * EVENTS

        def accounted() -> set[str]:
            return {row["event_id"] for row in (*hub.rows(), *hub.rows(quarantine)) if row["event_id"]}

        eventually(lambda: set(taken) <= accounted(), timeout_s=150, what="the events of both")
        found = [row["event_id"] for row in hub.rows() if row["stream"] in ("payments", "cases")]
        assert len(found) == len(set(found))
        assert hub.town.room.registry.is_fenced("bus-7") or hub.rows(quarantine) == []
