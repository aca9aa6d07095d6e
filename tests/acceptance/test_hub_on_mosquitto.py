"""The hub on a Mosquitto of the city's own, set up by the hub's command: enrol, deliver, revoke."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.edge import running
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.programs import find_program
from tests.support.town import free_port


@pytest.mark.requires("mosquitto")
def test_hub_on_mosquitto_delivers_and_revokes(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "mosquitto"
    address = json.dumps([f"127.0.0.1:{port}"])
    hub = HubProcess(tmp_path / "hub", broker="external", broker_addresses=address)
    words = ("mosquitto", str(folder), "--host", "127.0.0.1", "--port", str(port))
    hub.command("init")
    assert "lets 0 devices in" in hub.command(*words)
    program = find_program("mosquitto")
    assert program
    broker = subprocess.Popen([program, "-c", folder / "mosquitto.conf"], stderr=subprocess.DEVNULL)
    try:
        hub.start()
        home = hub.enrol("bus-1", tmp_path / "bus-1")
        honest = hub.enrol("bus-2", tmp_path / "bus-2")
        assert "lets 2 devices in" in hub.command(*words)
        broker.send_signal(signal.SIGHUP)
        with running(home) as hand, running(honest) as other:
            taken = [hand.take(hand.tap(n)) for n in range(5)]
            hub.wait_for_fates("bus-1", taken)
            eventually(lambda: hand.status()["unacknowledged"] == 0, what="acknowledgements")
            hub.command("revoke", "bus-1", "--reason", "stolen")
            assert "lets 1 devices in" in hub.command(*words)
            broker.send_signal(signal.SIGHUP)
            late = hand.take(hand.tap(9))
            hub.wait_for_fates("bus-2", [other.take(other.tap(n)) for n in range(20, 25)])
            assert hub.fates("bus-1", [late]) == ["unknown"]
            assert hand.status()["unacknowledged"] == 1
    finally:
        hub.kill()
        broker.terminate()
        broker.wait(10)
