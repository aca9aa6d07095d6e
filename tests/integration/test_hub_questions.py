"""A device asks a real hub over HTTPS on a citizen's behalf; everybody else asks in vain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.device_keys import Identity, load
from shared.adapters.enrolment_client import HubUnreachableError
from shared.adapters.question_client import AskedTooOftenError, CaseUnknownError, ask, nearby_path
from shared.edge.home import DeviceHome
from shared.model.errors import InputError
from shared.model.ids import new_reference
from shared.protocol.bundle import authorization
from shared.protocol.questions import case_path
from tests.support.device_process import DeviceProcess
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually

LAT, LONG = 43.462, -3.81
PLACE = f"{LAT},{LONG},aceras"
SECRETS = ("Marta", "600123456", "Calle Mayor", "Baldosa")
REPORT = {
    "type": "incident.reported",
    "data": {
        "service_code": "aceras",
        "description": "Baldosa suelta en casa de Marta",
        "address": "Calle Mayor 12",
        "lat": LAT + 0.0003,
        "long": LONG,
        "channel": "kiosk",
        "contact": {"phone": "600123456"},
    },
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hall") / "hub") as hub:
        yield hub


def identity_of(home: DeviceHome) -> Identity:
    return load(home.identity)


def unknown(n: int) -> str:
    return new_reference(n.to_bytes(16, "big"))


@pytest.mark.sentence("Q-1")
@pytest.mark.sentence("Q-2")
@pytest.mark.sentence("Q-3")
def test_case_and_what_is_near_are_told_to_a_device_without_anything_personal(
    hub: HubProcess, tmp_path: Path
) -> None:
    home = hub.enrol("kiosk-1", tmp_path / "kiosk-1")
    with DeviceProcess(home) as device:
        device.give([REPORT])
        (answer,) = device.wait_for_answers(1)
        eventually(lambda: hub.get("/v1/service-requests")["items"], what="the report at the hub")
        public = {"report": answer["taken"]["id"], "channel": "kiosk"}
        device.give([{"type": "report.supported", "data": public}])
        supported = device.wait_for_answers(2)[1]
        eventually(lambda: hub.get("/v1/mailbox")["items"], what="the support at the hub")
        assert device.stop() == 0
    who = identity_of(home)
    case = ask(who, "case", answer["reference"].lower().replace("-", " "))
    assert (case["kind"], case["status"], case["service_code"]) == ("report", "received", "aceras")
    assert ask(who, "case", supported["reference"])["kind"] == "support"
    (near,) = ask(who, "nearby", PLACE)["reports"]
    assert (near["report"], near["supporters"], near["age_days"]) == (answer["taken"]["id"], 1, 0)
    assert not [word for word in (*SECRETS, answer["reference"]) if word in repr(near)]
    assert not [word for word in SECRETS if word in repr(case)]
    assert ask(who, "nearby", f"{LAT + 1},{LONG},aceras")["reports"] == []


@pytest.mark.sentence("Q-1")
def test_nobody_but_a_device_of_this_hub_is_answered(hub: HubProcess, tmp_path: Path) -> None:
    who = identity_of(hub.enrol("kiosk-2", tmp_path / "kiosk-2"))
    asked, other = nearby_path(PLACE), nearby_path(f"0,0,{'aceras'}")
    signed = authorization(who.device, who.keys.links.up, asked)
    assert hub.fetch(asked, signed)[0] == 200
    assert hub.fetch(other, signed)[0] == 403
    assert hub.fetch(case_path(unknown(1)), signed)[0] == 403
    for other_device in ("kiosk-1", "kiosk-99", "", "\xff"):
        forged = authorization(other_device, who.keys.links.up, asked)
        assert hub.fetch(asked, forged)[0] == 403
    assert hub.fetch(asked, f"Bearer {hub.token}")[0] == 403


@pytest.mark.sentence("Q-4")
def test_whoever_guesses_at_codes_is_stopped_and_others_are_not(hub: HubProcess, tmp_path: Path) -> None:
    guesser = identity_of(hub.enrol("kiosk-3", tmp_path / "kiosk-3"))
    other = identity_of(hub.enrol("kiosk-4", tmp_path / "kiosk-4"))
    for n in range(10):
        with pytest.raises(CaseUnknownError):
            ask(guesser, "case", unknown(n))
    with pytest.raises(AskedTooOftenError):
        ask(guesser, "case", unknown(11))
    assert ask(guesser, "nearby", PLACE)
    with pytest.raises(CaseUnknownError):
        ask(other, "case", unknown(1))


@pytest.mark.sentence("Q-4")
def test_device_that_asks_without_end_is_asked_for_patience(hub: HubProcess, tmp_path: Path) -> None:
    who = identity_of(hub.enrol("kiosk-5", tmp_path / "kiosk-5"))
    path = nearby_path(PLACE)
    signed = authorization(who.device, who.keys.links.up, path)
    statuses = [hub.fetch(path, signed)[0] for _ in range(60)]
    assert (statuses[0], statuses[-1]) == (200, 429)
    with pytest.raises(AskedTooOftenError):
        ask(who, "nearby", PLACE)


@pytest.mark.parametrize("about", ["", "1,2", "a,b,c", "nan,nan,aceras", "91000,0,aceras"])
def test_question_that_makes_no_sense_is_refused(hub: HubProcess, tmp_path: Path, about: str) -> None:
    who = identity_of(hub.enrol("kiosk-6", tmp_path / "kiosk-6"))
    with pytest.raises((InputError, HubUnreachableError)):
        ask(who, "nearby", about)
    with pytest.raises(InputError):
        ask(who, "case", about)
    with pytest.raises(InputError):
        ask(who, "everything", PLACE)


def test_hub_that_is_away_is_said(hub: HubProcess, tmp_path: Path) -> None:
    who = identity_of(hub.enrol("kiosk-7", tmp_path / "kiosk-7"))
    hub.stop()
    try:
        with pytest.raises(HubUnreachableError):
            ask(who, "nearby", PLACE)
    finally:
        hub.start()
