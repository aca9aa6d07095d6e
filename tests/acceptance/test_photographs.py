"""Photographs from a phone's file in the street to the very bytes at the municipal core, through kills."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.photographs import take_photograph
from tests.support.device_process import DeviceProcess, report
from tests.support.hub_process import HubProcess
from tests.support.photographs import GPS, ORIENTATION, make_photograph, opened, phone_photographs
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore


@dataclass(frozen=True, slots=True)
class Hall:
    """A hub, and a core that fetches photographs from it."""

    hub: HubProcess
    core: ReferenceCore

    def attachments(self, device: str, event_id: str) -> list[dict[str, Any]]:
        return self.hub.get(f"/v1/events/{device}/{event_id}/attachments")["items"]

    def wait_until_stored(self, device: str, event_id: str, count: int) -> list[dict[str, Any]]:
        def look() -> list[dict[str, Any]]:
            found = self.attachments(device, event_id)
            return found if [one["state"] for one in found] == ["stored"] * count else []

        return eventually(look, timeout_s=60, what="every photograph at the hub")

    def wait_for_media(self, wanted: set[str]) -> None:
        def look() -> bool:
            return wanted <= {one["sha256"] for one in self.core.media()}

        eventually(look, timeout_s=30, what="every photograph at the core")


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    folder = tmp_path_factory.mktemp("photographs")
    with ExitStack() as stack:
        (folder / "core").mkdir()
        authority = folder / "hub" / "keys" / "ca.crt"
        core = stack.enter_context(ReferenceCore(folder / "core", "--media-ca", str(authority)))
        hub = HubProcess(folder / "hub", open311_url=core.base_url, open311_settle_s=1, core_timeout_s=2)
        yield Hall(stack.enter_context(hub), core)


@pytest.mark.guarantee("photographs")
@pytest.mark.sentence("M-1")
@pytest.mark.sentence("M-9")
def test_phone_photographs_arrive_upright_and_bare_at_the_core(hall: Hall, tmp_path: Path) -> None:
    photographs = phone_photographs(tmp_path)
    wanted = {sha256(take_photograph(path).jpeg).hexdigest() for path in photographs}
    with DeviceProcess(hall.hub.enrol("kiosk-1", tmp_path / "kiosk-1")) as device:
        device.give([report("Bache", attachments=[str(path) for path in photographs])])
        (answer,) = device.wait_for_answers(1)
        hall.wait_until_stored("kiosk-1", answer["taken"]["id"], len(photographs))
        hall.wait_for_media(wanted)
        eventually(lambda: device.status().get("attachments", {}).get("waiting") == 0, what="all sent")
    for item in hall.core.media():
        if item["sha256"] in wanted:
            picture = opened(hall.core.photograph(item["n"]))
            assert picture.height > picture.width
            assert not dict(picture.getexif())
            assert GPS not in picture.getexif()
            assert ORIENTATION not in picture.getexif()
    plain = b"".join(path.read_bytes() for path in (tmp_path / "kiosk-1" / "data").rglob("*") if path.is_file())
    assert b"\xff\xd8\xff" not in plain
