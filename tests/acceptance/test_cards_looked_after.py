"""A clerk and an auditor at a running hub: taps with their verdicts, a card, a day that agrees."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.enrolment_client import enrol
from shared.edge.home import DeviceHome
from shared.model.instants import business_day
from shared.protocol.enrolment import Token
from tests.support.edge import running
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore
from tests.support.town import now_ms

PATIENCE_S = 60.0


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    (tmp_path / "core").mkdir()
    with (
        ReferenceCore(tmp_path / "core") as core,
        HubProcess(tmp_path / "hub", settlements_url=core.base_url) as hub,
    ):
        yield hub


def test_taps_are_listed_and_their_day_is_reconciled(hub: HubProcess, tmp_path: Path) -> None:
    home = DeviceHome(tmp_path / "bus-1")
    wanted = {"device": "bus-1", "kind": "terminal", "site": "depot"}
    enrol(home.identity, Token.parse(hub.post("/enrolment/tokens", wanted)["token"]))
    day = business_day(now_ms())
    with running(home) as hand:
        hub.wait_for_fates("bus-1", [hand.take(hand.tap(counter)) for counter in (1, 2)])
    path = f"/v1/reconciliation/days/{day}"

    def agrees() -> bool:
        found = hub.get(path)["terminals"]
        return bool(found) and found[0]["settled"] == {"taps": 2, "amount_minor": 300}

    eventually(agrees, timeout_s=PATIENCE_S, what=lambda: json.dumps(hub.get(path)))
    listed = hub.command("cards", "taps", "--device", "bus-1")
    assert listed.count("unsigned") == 2
    assert "1,50 €" in listed
    shown = hub.command("reconcile", day)
    assert "The terminal has told no count of this day." in shown
    file = tmp_path / "day.csv"
    hub.command("reconcile", day, "--csv", str(file))
    (row,) = list(csv.DictReader(file.read_text().splitlines()))
    assert (row["device"], row["site"], row["counted_taps"]) == ("bus-1", "depot", "")
    assert [row[f"{name}_minor"] for name in ("arrived", "booked", "due", "settled")] == ["300"] * 4
    assert (row["differences"], row["stuck"]) == ("", "0")


def test_card_that_nobody_issued_is_refused_with_a_sentence(hub: HubProcess) -> None:
    status, problem = hub.ask("POST", f"/v1/cards/{'ab' * 16}/block", {"who": "ana"})
    assert (status, "register has no such card" in problem["detail"]) == (422, True)
    assert hub.command("cards", "list").startswith("card")
    assert hub.ask("GET", f"/v1/cards/{'ab' * 16}")[0] == 404
