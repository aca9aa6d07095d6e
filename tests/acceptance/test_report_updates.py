"""What the core says of a report comes back: to the hub's register, and to the device that took it."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.device_keys import Identity, load
from shared.adapters.question_client import AskedTooOftenError, ask
from tests.acceptance.conftest import TownHall
from tests.support.device_process import DeviceProcess, report
from tests.support.photographs import make_photograph, opened
from tests.support.polling import eventually

SECRET_WORDS = "Baldosa suelta frente al portal de Marta"


def requests(hall: TownHall) -> Mapping[str, Mapping[str, Any]]:
    """The register's reports that the core has, by event."""
    items = hall.hub.get("/v1/service-requests?limit=1000")["items"]
    return {row["event_id"]: row for row in items if row["core_ref"]}


def history(hall: TownHall, reference: str) -> list[tuple[str, str]]:
    items = hall.hub.get(f"/v1/service-requests/{reference}/updates")["items"]
    return [(row["status"], row["notes"]) for row in items]


def told(who: Identity, code: str, member: str) -> Mapping[str, Any]:
    """What the hub says of a code, if it says something of this; nothing while it asks for patience."""
    with suppress(AskedTooOftenError):
        case = ask(who, "case", code)
        return case if member in case else {}
    return {}


def test_citizen_follows_a_report_by_its_code_sees_the_repair_and_is_asked_once_what_they_think(
    own_hall: Callable[..., TownHall], tmp_path: Path
) -> None:
    hall = own_hall(open311_updates_every_s=0.2)
    home = hall.hub.enrol("kiosk-1", tmp_path / "kiosk-1")
    photo = make_photograph(tmp_path / "repair.jpg", width_px=1600, height_px=1200).read_bytes()
    with DeviceProcess(home) as device:
        device.give([report(SECRET_WORDS)])
        (answer,) = device.wait_for_answers(1)
        code, who = answer["reference"], load(home.identity)
        eventually(lambda: requests(hall), what="the report at the core")
        hall.core.put_status(code, "closed", notes="Baldosa fijada", picture=photo)
        case = eventually(lambda: told(who, code, "picture"), what="the picture of the repair")
        assert (case["status"], case["rating_asked"]) == ("closed", True)
        assert [word["notes"] for word in case["updates"]] == ["Baldosa fijada"]
        assert max(opened(bytes.fromhex(case["picture"])).size) == 640
        rating = {"report_reference": code, "score": 5, "channel": "kiosk"}
        device.give([{"type": "report.rated", "data": rating}])
        eventually(lambda: [body["score"] for body in hall.core.mail()] == [5], what="the rating at the core")
        case = eventually(lambda: told(who, code, "status"), what="patience with this device")
        assert case["rating_asked"] is False
        assert device.stop() == 0


@pytest.mark.sentence("C-5")
@pytest.mark.sentence("W-15")
def test_change_at_the_core_reaches_the_register_and_the_event_s_device_without_a_word(
    own_hall: Callable[..., TownHall], tmp_path: Path
) -> None:
    hall = own_hall(open311_updates_every_s=0.2)
    hub, core = hall.hub, hall.core
    home = hub.enrol("kiosk-1", tmp_path / "kiosk-1")
    other = hub.enrol("kiosk-2", tmp_path / "kiosk-2")
    with DeviceProcess(home) as device, DeviceProcess(other) as neighbour:
        device.give([report(SECRET_WORDS), report("Farola")])
        device.wait_for_answers(2)
        mended, left = device.taken()
        eventually(lambda: {mended, left} <= set(requests(hall)), what="both reports at the core")
        references = {event: row["reference"] for event, row in requests(hall).items()}

        # the clock of the back office is wrong by years, and it says things nobody understands
        core.put_status(references[mended], "closed", notes=SECRET_WORDS, updated="1999-01-01T00:00:00Z")
        core.put_status(references[left], "en trámite", updated="ayer")
        device.wait_for_status(reports={mended: "closed"})
        assert history(hall, references[mended]) == [("closed", SECRET_WORDS)]
        assert (requests(hall)[mended]["status"], requests(hall)[left]["status"]) == ("closed", "open")
        assert hub.metrics()["ventanilla_report_updates_total"] == 1

        core.order("garbage", reads_too=True)
        eventually(
            lambda: hub.metrics()["ventanilla_report_turns_failed_total"] > 0, what="a turn that failed"
        )
        core.order("ok")
        core.kill()
        eventually(lambda: "updates of reports" in json.dumps(hub.get("/ready")), what="readiness says so")
        core.start()
        core.put_status(references[mended], "open", notes="Se ha vuelto a soltar")
        device.wait_for_status(reports={mended: "open"})
        hub.stop()
        core.put_status(references[left], "closed")
        hub.start()
        device.wait_for_status(reports={left: "closed", mended: "open"})
        assert history(hall, references[mended])[1:] == [("open", "Se ha vuelto a soltar")]
        assert neighbour.status()["reports"] == {}
        assert core.effects()["duplicates"] == 0
        assert device.stop() == 0
    shelf = (home.identity / "bundles" / "report-status").read_bytes()
    said = [SECRET_WORDS, "Marta", "soltar", references[mended]]
    assert not [word for word in said if word.encode() in shelf or word in hub.log_text()]
    assert hub.ask("GET", "/v1/service-requests/nothing/updates")[0] == 404
