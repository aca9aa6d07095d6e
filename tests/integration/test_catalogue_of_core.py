"""The services of a GeoReport server become the catalogue of every device, by one command."""

from pathlib import Path

from shared.edge.bundle_shelf import read_shelf
from shared.model.catalogue import Catalogue
from shared.protocol.contents import CATALOGUE, read_content
from tests.support.device_process import DeviceProcess, report
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore


def test_services_of_the_core_are_the_catalogue_of_the_street(tmp_path: Path) -> None:
    with (
        ReferenceCore(tmp_path) as core,
        HubProcess(tmp_path / "hub", open311_url=core.base_url) as hub,
        DeviceProcess(hub.enrol("kiosk-7", tmp_path / "device")) as device,
    ):
        device.wait_for_status(state="streaming")
        assert "8 services, 2 questions" in hub.command("bundle", "catalogue")
        eventually(
            lambda: CATALOGUE in device.status().get("wanted", {}).get("bundles", {}), what="the catalogue"
        )
        wrong = report("x")
        wrong["data"] = {"service_code": "drones", "description": "x", "channel": "kiosk"}
        device.give([wrong, report("Baldosa suelta")])
        refused, taken = device.wait_for_answers(2)
        assert "alumbrado" in refused["refused"]["remedy"]
        assert "taken" in taken
        bodies = {name: body for name, _, body in read_shelf(device.home.identity)}
        content = read_content(CATALOGUE, bodies[CATALOGUE])
        assert isinstance(content, Catalogue)
        assert [one.code for one in content.services[4].attributes] == ["contenedor"]
        core.kill()
        away = hub.try_command("bundle", "catalogue")
        assert (away.returncode, "ask again later" in away.stderr) == (1, True)
