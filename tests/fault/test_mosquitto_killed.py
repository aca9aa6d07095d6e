"""A Mosquitto of the city's own that is killed again and again, and forgets everything each time."""

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.device_process import DeviceProcess, report, tap
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.programs import find_program
from tests.support.town import free_port

DEVICES = ("bus-1", "kiosk-2")
KILLS = 5
EACH = 25


class Mosquitto:
    """The broker; it keeps nothing on a disk, so a kill wipes it."""

    def __init__(self, settings: Path) -> None:
        program = find_program("mosquitto")
        assert program
        self._command = [str(program), "-c", str(settings)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.mark.requires("mosquitto")
@pytest.mark.guarantee("a frame or acknowledgement lost, doubled, reordered; the broker wiped")
def test_mosquitto_that_is_killed_and_forgets_everything_costs_time_alone(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "mosquitto"
    address = json.dumps([f"127.0.0.1:{port}"])
    hub = HubProcess(tmp_path / "hub", broker="external", broker_addresses=address)
    words = ("mosquitto", str(folder), "--host", "127.0.0.1", "--port", str(port))
    with ExitStack() as stack:
        stack.callback(hub.kill)
        hub.command("init")
        hub.command(*words)
        broker = Mosquitto(folder / "mosquitto.conf")
        stack.callback(broker.kill)
        broker.start()
        hub.start()
        homes = [hub.enrol(name, tmp_path / name) for name in DEVICES]
        hub.command(*words)
        broker.kill()
        broker.start()
        devices = [stack.enter_context(DeviceProcess(home)) for home in homes]
        for kill in range(KILLS):
            for number, device in enumerate(devices):
                device.give(report("x" * 300) if n % 3 == 0 else tap(100 * kill + n) for n in range(EACH))
                device.wait_for_answers(EACH * (kill + 1), timeout_s=120)
                if number == kill % 2:  # in the middle of what one of them sends
                    broker.kill()
                    broker.start()
        for name, device in zip(DEVICES, devices, strict=True):
            asked = [
                {"device": name, "event_id": one["id"], **{k: one[k] for k in ("stream", "epoch", "seq")}}
                for answer in device.answers
                if (one := answer.get("taken"))
            ]
            assert len({event["event_id"] for event in asked}) == KILLS * EACH

            def all_there(asked: list[dict[str, object]] = asked) -> bool:
                events = hub.post("/v1/reconciliation", asked)["events"]
                return {event["fate"] for event in events} == {"committed"}

            eventually(all_there, timeout_s=150, what="every event at the hub")
            eventually(
                lambda d=device: d.status().get("unacknowledged") == 0, timeout_s=60, what="its answers"
            )
        assert hub.get("/v1/ledger/audit")["entries"] == len(DEVICES) * KILLS * (EACH - -(-EACH // 3))
        assert not hub.get("/v1/losses")["items"]
        assert not hub.get("/v1/quarantine")["items"]
