"""A photograph that comes after its report was told to the core: to the core once, or before a clerk."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from shared.adapters import device_keys
from shared.adapters.attachment_client import AttachmentClient
from shared.adapters.photographs import take_photograph
from shared.protocol import limits
from tests.support.device_process import DeviceProcess, report
from tests.support.hub_process import HubProcess
from tests.support.photographs import make_photograph
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore

TIMEOUT_S = 2


@dataclass(frozen=True, slots=True)
class Street:
    """A hub and a core; a report there that went without its photograph, and what brings it after all."""

    hub: HubProcess
    core: ReferenceCore
    device: str
    event_id: str
    jpeg: bytes
    name: str
    sealed: bytes
    identity: device_keys.Identity

    def bring(self) -> None:
        """Upload it piece by piece, as the device would."""
        client = AttachmentClient.of(self.identity, self.identity.tls_context())
        for offset in range(0, len(self.sealed), limits.ATTACHMENT_STEP_BYTES):
            client.append(self.name, offset, self.sealed[offset : offset + limits.ATTACHMENT_STEP_BYTES])
        client.close()

    def exceptions(self) -> list[dict[str, Any]]:
        return self.hub.get("/v1/exceptions?kind=photograph_late")["items"]


@contextmanager
def street(folder: Path, **settings: object) -> Iterator[Street]:
    """Let a device lose a photograph that it has announced, and the report go to the core without it."""
    (folder / "core").mkdir()
    authority = folder / "hub" / "keys" / "ca.crt"
    with ReferenceCore(folder / "core", "--media-ca", str(authority)) as core:
        hub = HubProcess(
            folder / "hub",
            open311_url=core.base_url,
            open311_settle_s=1,
            core_timeout_s=TIMEOUT_S,
            retry_max_s=1,
            **settings,
        )
        with hub:
            home = hub.enrol("kiosk-1", folder / "kiosk-1")
            photograph = make_photograph(folder / "photo.jpg", width_px=1_280, height_px=960, seed=7)
            hub.kill()
            with DeviceProcess(home) as device:
                device.give([report("Bache", attachments=[str(photograph)])])
                (answer,) = device.wait_for_answers(1)
                device.kill()
            (body,) = home.attachments.glob("*.body")
            sealed = body.read_bytes()
            body.unlink()
            hub.start()
            with DeviceProcess(home):
                eventually(
                    lambda: core.effects()["kinds"].get("requests", {}).get("effects") == 1,
                    timeout_s=60,
                    what="the report at the core without its photograph",
                )
            assert core.media() == []
            yield Street(
                hub=hub,
                core=core,
                device="kiosk-1",
                event_id=answer["taken"]["id"],
                jpeg=take_photograph(photograph).jpeg,
                name=body.stem,
                sealed=sealed,
                identity=device_keys.load(home.identity),
            )


@pytest.mark.sentence("C-6")
def test_photograph_after_its_report_reaches_the_core_once_through_an_answer_after_the_time_out(
    tmp_path: Path,
) -> None:
    with street(tmp_path, open311_photographs="keyed") as here:
        here.core.order("late", takes="before", delay_ms=1_000 * (TIMEOUT_S + 1), count=1)
        here.bring()
        wanted = sha256(here.jpeg).hexdigest()
        eventually(
            lambda: [one["sha256"] for one in here.core.media()] == [wanted],
            timeout_s=60,
            what="the photograph at the core",
        )
        eventually(
            lambda: (
                [row["state"] for row in here.hub.get("/v1/outgoing?connector=open311_photographs")["items"]]
                in ([], ["done"])
            ),
            timeout_s=60,
            what="the hub sure of it",
        )
        assert here.core.effects()["kinds"]["updates"] == {"effects": 1, "distinct": 1, "duplicates": 0}
        assert here.exceptions() == []


@pytest.mark.sentence("C-6")
def test_photograph_after_its_report_is_put_before_a_clerk_where_the_core_takes_no_updates(
    tmp_path: Path,
) -> None:
    with street(tmp_path) as here:
        here.bring()
        (told,) = eventually(here.exceptions, timeout_s=60, what="the exception")
        assert told["detail"]["event_id"] == here.event_id
        authorization = f"Bearer {here.hub.token}"
        assert here.hub.fetch(told["detail"]["photograph"], authorization) == (200, here.jpeg)
        assert here.core.media() == []
        assert "updates" not in here.core.effects()["kinds"]
