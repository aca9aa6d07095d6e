"""The disk of a device that runs is copied, and both run at once under one name and one certificate."""

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.db.tables import exception, quarantine
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
        original = stack.enter_context(DeviceProcess(first))
        original.give([tap(n) for n in range(5)])
        original.wait_for_answers(5)
        original.wait_for_status(unacknowledged=0)
        shutil.copytree(first.path, tmp_path / "clone", ignore=shutil.ignore_patterns("run", "*.sock"))
        original.give([tap(100 + n) for n in range(5)])
        original.wait_for_answers(10)
        hub.wait_for(original.taken())
        clone = stack.enter_context(DeviceProcess(DeviceHome(tmp_path / "clone")))
        for n, device in enumerate((original, clone), 1):
            before = len(device.answers)
            device.give([report(f"Farola {n}") for _ in range(EVENTS)])
            device.give([tap(1_000 * n + m) for m in range(EVENTS)])
            device.wait_for_answers(before + 2 * EVENTS)
        taken = [*original.taken(), *clone.taken()]
        assert len(set(taken)) == len(taken) >= 10 + 2 * EVENTS

        def accounted() -> set[str]:
            return {row["event_id"] for row in (*hub.rows(), *hub.rows(quarantine)) if row["event_id"]}

        eventually(lambda: set(taken) <= accounted(), timeout_s=150, what="the events of both")
        eventually(lambda: hub.town.room.registry.is_fenced("bus-7"), timeout_s=60, what="the fence")
        found = [row["event_id"] for row in hub.rows() if row["stream"] in ("payments", "cases")]
        assert len(found) == len(set(found))
        assert {row["kind"] for row in hub.rows(exception)} >= {"fork"}
