"""Many devices come back at once: nothing is lost or doubled, and the hub stays within its memory."""

import asyncio
from pathlib import Path

from tests.support.herd import enrol_herd, make_herd, run_herd
from tests.support.hub_process import HubProcess

DEVICES = 60
EVENTS = 50


def test_devices_that_come_back_at_once_are_all_served_once(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path / "hub", hold_s=1)
    hub.command("init")
    members, key = enrol_herd(hub.home, tmp_path, [f"bus-{n}" for n in range(DEVICES)])
    herd = make_herd(hub.home, members, key, EVENTS)
    hub.start()
    try:
        asyncio.run(run_herd(herd, hub.broker_port, timeout_s=120))
        assert hub.metrics()["ventanilla_committed_events_total"] == DEVICES * EVENTS
        audit = hub.get("/v1/ledger/audit")
        assert audit["clean"]
        told = {item["kind"] for item in hub.get("/v1/exceptions?limit=10")["items"]}
        assert told <= {"keys"}  # both copies lie on the test's one disk
    finally:
        hub.kill()
