"""The hub's sealing key changes under a device: it takes the new one, and earlier words still open."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from hub.keys.room import KeyRoom
from shared.adapters.outbox import Outbox
from shared.model.event import Stream
from shared.protocol.bundle import HUB_KEYS
from shared.protocol.sealing import HubSealingKey, SealedContext, SealError
from tests.support.device_process import DeviceProcess, report
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.town import now_ms


def keys_version(device: DeviceProcess) -> str | None:
    bundles: Mapping[str, Mapping[str, str]] = device.status().get("wanted", {}).get("bundles", {})
    return bundles.get(HUB_KEYS, {}).get("version")


def opens(key: HubSealingKey, context: tuple[str, str]) -> bool:
    try:
        key.open("kiosk-7", SealedContext(*context))
    except SealError:
        return False
    return True


@pytest.mark.sentence("W-8")
def test_device_seals_to_the_new_key_when_it_has_heard_of_it_and_old_lines_still_open(tmp_path: Path) -> None:
    with HubProcess(tmp_path / "hub") as hub:
        home = hub.enrol("kiosk-7", tmp_path / "device")
        with DeviceProcess(home) as device:
            eventually(lambda: keys_version(device), what="the first keys")
            before = keys_version(device)
            device.give([report("antes")])
            device.wait_for_answers(1)
            hub.stop()
            assert "seal to" in hub.command("rotate", "sealing")
            device.give([report("sin red")])  # under the key before: nobody has told the device yet
            device.wait_for_answers(2)
            hub.start()
            eventually(lambda: keys_version(device) not in {None, before}, what="the new keys")
            device.give([report("después")])
            device.wait_for_answers(3)
            eventually(lambda: len(hub.get("/v1/service-requests")["items"]) == 3, what="all of them opened")
            assert hub.get("/v1/quarantine")["items"] == []
            assert device.stop() == 0
        with DeviceProcess(home) as device:  # and it remembers the new key
            device.give([report("otro día")])
            device.wait_for_answers(1)
            assert device.stop() == 0
        hub.stop()
        room = KeyRoom.open(hub.home / "keys", hub.home.parent / "copy", clock=now_ms)
        new, old = room.keys.sealing
        room.close()
    with Outbox(home.outbox, "kiosk-7") as outbox:
        runs = [
            outbox.read(Stream.CASES, epoch.epoch, 1, 10, 1_000_000) for epoch in outbox.epochs(Stream.CASES)
        ]
    contexts = [item for run in runs for item in run.contexts.items()]
    assert sorted(opens(old, one) for one in contexts) == [False, False, True, True]
    assert [opens(new, one) for one in contexts] == [not opens(old, one) for one in contexts]
