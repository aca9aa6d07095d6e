"""Photographs from a phone's file in the street to the very bytes at the municipal core, through kills."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.adapters import device_keys
from shared.adapters.attachment_client import AttachmentClient
from shared.adapters.enrolment_client import RefusedError
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
    plain = b"".join(
        path.read_bytes() for path in (tmp_path / "kiosk-1" / "data").rglob("*") if path.is_file()
    )
    for (
        path
    ) in photographs:  # what is sealed is as good as random: three bytes alone would be found by chance
        assert take_photograph(path).jpeg[:16] not in plain


def part_bytes(hub: HubProcess) -> int:
    """What has come of bodies that are not whole."""
    return sum(path.stat().st_size for path in hub.home.glob("attachments/*/*.part"))


def large_photographs(folder: Path) -> list[Path]:
    """Some that take more than a moment to upload."""
    return [
        make_photograph(folder / f"large-{n}.jpg", width_px=2_560, height_px=1_920, seed=n) for n in range(5)
    ]


@pytest.mark.sentence("M-6")
@pytest.mark.parametrize("victim", ["device", "hub"])
def test_kill_in_the_middle_of_an_upload_costs_nothing(hall: Hall, tmp_path: Path, victim: str) -> None:
    name, photographs = f"kiosk-{victim}", large_photographs(tmp_path)
    wanted = {sha256(take_photograph(path).jpeg).hexdigest() for path in photographs}
    home = hall.hub.enrol(name, tmp_path / name)
    with DeviceProcess(home) as device:
        device.give([report("Bache", attachments=[str(path) for path in photographs])])
        (answer,) = device.wait_for_answers(1)
        eventually(lambda: part_bytes(hall.hub) > 0, what="the upload has begun")
        if victim == "device":
            device.kill()
        else:
            hall.hub.kill()
            hall.hub.start()
    event_id = answer["taken"]["id"]
    with DeviceProcess(home) as device:
        hall.wait_until_stored(name, event_id, len(photographs))
        hall.wait_for_media(wanted)
        eventually(lambda: device.status().get("attachments", {}).get("waiting") == 0, what="all sent")
    assert part_bytes(hall.hub) == 0
    assert not hall.hub.get("/v1/exceptions?kind=attachment_lost")["items"]


@pytest.mark.sentence("M-5")
def test_device_that_is_revoked_uploads_nothing_more(hall: Hall, tmp_path: Path) -> None:
    identity = device_keys.load(hall.hub.enrol("kiosk-gone", tmp_path / "kiosk-gone").identity)
    client = AttachmentClient.of(identity, identity.tls_context())
    assert not client.look("ab" * 32).awaited
    hall.hub.command("revoke", "kiosk-gone", "--reason", "stolen")
    with pytest.raises(RefusedError):
        client.look("ab" * 32)
    client.close()


@pytest.mark.sentence("M-9")
def test_photograph_that_is_revoked_is_fetched_by_nobody(hall: Hall, tmp_path: Path) -> None:
    path = make_photograph(tmp_path / "photo.jpg", seed=40)
    with DeviceProcess(hall.hub.enrol("kiosk-3", tmp_path / "kiosk-3")) as device:
        device.give([report("Bache", attachments=[str(path)])])
        (answer,) = device.wait_for_answers(1)
        (stored,) = hall.wait_until_stored("kiosk-3", answer["taken"]["id"], 1)
    jpeg = take_photograph(path).jpeg
    hall.wait_for_media({sha256(jpeg).hexdigest()})
    url = urlsplit(hall.core.media()[-1]["url"])
    assert hall.hub.fetch(url.path) == (200, jpeg)
    assert hall.hub.fetch(url.path[:-1])[0] == 404
    assert hall.hub.fetch(f"/v1/attachments/kiosk-3/{stored['sha256']}/body")[0] == 401
    hall.hub.post(f"/v1/attachments/kiosk-3/{stored['sha256']}/revoke")
    assert hall.hub.fetch(url.path)[0] == 404


def test_report_whose_photograph_cannot_be_taken_is_refused_before_it_begins(
    hall: Hall, tmp_path: Path
) -> None:
    (tmp_path / "no.jpg").write_text("no picture")
    good = make_photograph(tmp_path / "photo.jpg")
    with DeviceProcess(hall.hub.enrol("kiosk-4", tmp_path / "kiosk-4")) as device:
        device.give(
            [
                report("Bache", attachments=[str(good), str(tmp_path / "no.jpg")]),
                report("Bache", attachments=[str(tmp_path / "missing.jpg")]),
                report("Bache", attachments=[]),
                {**report("Bache"), "data": {"attachments": [{"sha256": "ab" * 32}]}},
                {"type": "device.state", "data": {"key": "x", "state": "ok"}, "attachments": [str(good)]},
            ]
        )
        answers = device.wait_for_answers(5)
        assert all("refused" in answer for answer in answers)
        assert "give another one" in answers[0]["refused"]["remedy"]
        assert device.status()["attachments"]["bodies"] == 0
