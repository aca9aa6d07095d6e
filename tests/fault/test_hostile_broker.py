"""Between real devices and the real hub stands a broker that is against everybody: that costs time alone."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hub.broker.nats import NatsServer
from hub.db.tables import exception, loss_record, quarantine
from hub.keys.authority import SERVER_CERTIFICATE, SERVER_KEY
from tests.support.device_process import DeviceProcess, report, tap
from tests.support.polling import eventually
from tests.support.small_hub import SmallHub
from tests.support.town import Town

DEVICES = ("bus-1", "bus-2", "kiosk-1")
EVENTS = 150
DEEDS = ("swallowed", "doubled", "held", "spoilt", "mixed", "replayed", "flooded", "made up")


class HostileServer(NatsServer):
    """Stands where the broker stands."""

    process: subprocess.Popen[str] | None = None
    town: "HostileTown"

    def start(self, timeout_s: float = 30.0) -> None:
        files = [str(self.town.keys / SERVER_CERTIFICATE), str(self.town.keys / SERVER_KEY)]
        command = [sys.executable, "-m", "tests.support.hostile_broker", *files, str(self.town.port), "1"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        assert self.process.stdout.readline() == "listening\n"

    def ask(self, word: str) -> dict[str, int]:
        """Tell it something; return its deeds so far."""
        assert self.process
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self) -> None:
        assert self.process
        self.process.kill()
        self.process.communicate()


class HostileTown(Town):
    """A town whose broker is nobody's friend."""

    def make_broker(self, **choices: Any) -> HostileServer:  # noqa: ANN401 - those of a town
        settings = super().make_broker(**choices).settings
        server = HostileServer(settings, self.users, self.broker_events.append)
        server.town = self
        return server


class HostileHub(SmallHub):
    town_class = HostileTown


@pytest.mark.guarantee("a forged, replayed or reordered frame, birth, acknowledgement or state")
def test_hostile_broker_loses_doubles_and_forges_nothing(tmp_path: Path) -> None:
    hub = HostileHub(tmp_path / "town", DEVICES)
    broker = hub.town.broker
    assert isinstance(broker, HostileServer)
    with ExitStack() as stack:
        stack.callback(hub.close)
        devices = [
            stack.enter_context(DeviceProcess(hub.home(name), "--per-second", "60")) for name in DEVICES
        ]
        for device, name in zip(devices, DEVICES, strict=True):
            device.give(report(f"Farola {n}") if n % 4 == 0 else tap(n, card=name) for n in range(EVENTS))
        for device in devices:
            device.wait_for_answers(EVENTS)
        eventually(lambda: min(broker.ask("count").get(deed, 0) for deed in DEEDS) > 0, timeout_s=120)
        taken = [event_id for device in devices for event_id in device.taken()]
        assert len(taken) == len(DEVICES) * EVENTS
        deeds = broker.ask("honest")
        assert deeds["spoilt"] > 5
        hub.wait_for(taken, timeout_s=150)
        for device in devices:
            device.wait_for_status(unacknowledged=0, fenced=False)
        found = {
            row["event_id"]: row["device"] for row in hub.rows() if row["stream"] in ("payments", "cases")
        }
        assert sorted(found) == sorted(taken)
        assert all(
            found[event_id] == name
            for device, name in zip(devices, DEVICES, strict=True)
            for event_id in device.taken()
        )
        assert hub.rows(loss_record) == hub.rows(quarantine) == []
        assert not [device for device in DEVICES if hub.town.room.registry.is_fenced(device)]
        assert {row["kind"] for row in hub.rows(exception)} <= {"forged", "malformed", "purse_below_floor"}
        assert hub.ingest.refused["forged"] > 5
