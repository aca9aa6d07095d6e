"""Keys are rotated by the hub's commands: a real hub, real devices that sleep meanwhile, nothing refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.keys.hub_keys import make_hub_key
from hub.keys.records import HubKeyRole
from hub.keys.room import KeyRoom
from tests.support.device_process import DeviceProcess, report
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.town import now_ms


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path / "hub") as running:
        yield running


def holds(device: DeviceProcess, version: str, name: str = "hub-keys") -> bool:
    bundles = device.status().get("wanted", {}).get("bundles", {})
    return bundles.get(name, {}).get("version") == version


def published(hub: HubProcess, name: str) -> str:
    return next(item["version"] for item in hub.get("/v1/bundles")["items"] if item["name"] == name)


@pytest.mark.sentence("W-8")
def test_devices_that_slept_through_several_rotations_take_the_new_signing_key(
    hub: HubProcess, tmp_path: Path
) -> None:
    slept = hub.enrol("kiosk-1", tmp_path / "kiosk-1")
    never = hub.enrol("kiosk-2", tmp_path / "kiosk-2")
    with DeviceProcess(slept) as device:
        first = published(hub, "hub-keys")
        eventually(lambda: holds(device, first), what="the hub's keys")
        assert device.stop() == 0
    hub.stop()
    room = KeyRoom.open(hub.home / "keys", tmp_path / "copy", clock=now_ms, count_start=False)
    for _ in range(3):
        make_hub_key(room.folder, room.registry, HubKeyRole.SIGNING)
    room.close()
    assert "signed by" in hub.command("rotate", "signing")
    hub.start()
    hub.post("/v1/bundles/content", {"body": "e30=", "expires_s": 600, "who": "ana"})
    wanted = {name: published(hub, name) for name in ("hub-keys", "content")}
    assert wanted["hub-keys"] != first
    for home in (slept, never):
        with DeviceProcess(home) as device:
            eventually(
                lambda one=device: all(holds(one, version, name) for name, version in wanted.items()),
                what="keys and agenda",
            )
            assert device.status()["wanted"]["refused"] == {}
            device.give([report("Farola")])
            device.wait_for_answers(1)
            assert device.stop() == 0
    assert hub.get("/v1/exceptions?kind=device_refused")["items"] == []
