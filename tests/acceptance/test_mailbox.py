"""What citizens say besides reports, from `ventanilla device run` to the core, once."""

from pathlib import Path

import pytest

from tests.acceptance.conftest import TownHall
from tests.support.device_process import DeviceProcess, report
from tests.support.polling import eventually

SECRET_WORDS = "Falta un banco frente al portal de Marta"
PHONE = "600 123 456"


@pytest.mark.sentence("E-1")
@pytest.mark.sentence("E-3")
def test_everything_that_a_citizen_says_reaches_the_core_once(hall: TownHall, tmp_path: Path) -> None:
    hub, core = hall.hub, hall.core
    home = hub.enrol("kiosk-7", tmp_path / "kiosk-7")
    with DeviceProcess(home) as device:
        device.give([report("Farola", id="01a20073-9c71-7fc3-8aa3-bfbf6a887a00")])
        (first,) = device.wait_for_answers(1)
        code, reference = first["taken"]["id"], first["reference"]
        rating = {
            "type": "report.rated",
            "id": "01a20073-9c71-7fc3-8aa3-bfbf6a887a01",
            "data": {"report_reference": reference, "score": 2, "reason": "Parpadea", "channel": "kiosk"},
        }
        said = [
            {"type": "report.supported", "data": {"report": code, "channel": "kiosk"}},
            rating,
            rating,
            {
                "type": "suggestion.made",
                "data": {"kind": "suggestion", "text": SECRET_WORDS, "channel": "kiosk"},
            },
            {
                "type": "callback.asked",
                "data": {"phone": PHONE, "window": "morning", "topic": "report", "channel": "kiosk"},
            },
            {"type": "report.rated", "data": {"report_reference": reference, "score": 4, "channel": "kiosk"}},
        ]
        device.give(said)
        answers = device.wait_for_answers(7)[1:]
        assert ["reference" in answer for answer in answers] == [True, False, False, True, True, False]
        eventually(lambda: len(core.mail()) >= 5, timeout_s=60, what="the mail at the core")
        assert device.stop() == 0
    mail = core.mail()
    assert sorted(body["kind"] for body in mail) == ["callback", "rating", "rating", "suggestion", "support"]
    assert core.effects()["kinds"]["mailbox"]["duplicates"] == 0
    (support,) = [body for body in mail if body["kind"] == "support"]
    assert (support["report"], support["report_reference"]) == (code, reference)
    assert support["reference"] == answers[0]["reference"] != reference
    scores = [body["score"] for body in mail if body["kind"] == "rating"]
    assert scores == [2, 4]
    assert {body.get("phone") for body in mail} == {None, PHONE}

    listed = [row for row in hub.get("/v1/mailbox")["items"] if row["device"] == "kiosk-7"]
    assert [row["kind"] for row in listed] == ["support", "rating", "suggestion", "callback", "rating"]
    words = [SECRET_WORDS, "Marta", PHONE, "Parpadea"]
    assert not [word for word in words if word in repr(listed) or word in hub.log_text()]
    outbox = b"".join(path.read_bytes() for path in home.path.rglob("*") if path.is_file())
    assert not [word for word in words if word.encode() in outbox]


@pytest.mark.sentence("E-2")
def test_support_of_a_report_that_the_hub_does_not_have_is_kept_and_a_clerk_is_told(
    hall: TownHall, tmp_path: Path
) -> None:
    hub, core = hall.hub, hall.core
    unknown = "01a20073-9c71-7fc3-8aa3-bfbf6a887aff"
    with DeviceProcess(hub.enrol("kiosk-8", tmp_path / "kiosk-8")) as device:
        device.give([{"type": "report.supported", "data": {"report": unknown, "channel": "kiosk"}}])
        device.wait_for_answers(1)
        eventually(
            lambda: [body for body in core.mail() if body.get("report") == unknown],
            timeout_s=60,
            what="the support at the core",
        )
        assert device.stop() == 0
    cases = hub.get("/v1/exceptions?device=kiosk-8")["items"]
    assert [case["kind"] for case in cases] == ["unknown_report"]
