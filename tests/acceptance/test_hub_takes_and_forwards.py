"""From a device in the street to the municipal core: every part is real, and some are killed meanwhile."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.edge.happenings import Happening, happening
from shared.model.event import EventType
from tests.acceptance.conftest import TownHall
from tests.support.edge import running
from tests.support.polling import eventually

SECRET_WORDS = "Baldosa suelta frente al portal de Marta"


def payment(event_id: str) -> Happening:
    data = {"reference": "T-1", "concept": "tasa", "amount_minor": 1050, "currency": "EUR", "method": "card"}
    return happening(EventType.PAYMENT_CAPTURED, data, event_id=event_id, subject=None)


def reversal(event_id: str, reverses: str) -> Happening:
    data = {"reverses": reverses, "reason": "printer"}
    return happening(EventType.PAYMENT_REVERSED, data, event_id=event_id, subject=None)


def test_taps_and_reports_reach_the_core_once_and_the_books_balance(hall: TownHall, tmp_path: Path) -> None:
    hub = hall.hub
    with running(hub.enrol("bus-1", tmp_path / "bus-1")) as hand:
        taps = [hand.take(hand.tap(n)) for n in range(20)]
        report = hand.take(hand.report(SECRET_WORDS))
        hub.wait_for_fates("bus-1", [*taps, report])
        hall.wait_for_settlements("bus-1", taps)
        hall.wait_for_reports([report])
        eventually(lambda: hand.status()["unacknowledged"] == 0, what="acknowledgements")
    assert hub.get("/v1/ledger/audit")["clean"]
    payments = hub.get("/v1/payments?device=bus-1")["items"]
    assert [row["amount_minor"] for row in payments] == [150] * 20
    reports = {row["event_id"]: row["core_ref"] for row in hub.get("/v1/service-requests")["items"]}
    assert reports[report.event_id]
    figures = hub.metrics()
    assert figures["ventanilla_committed_events_total"] >= 21
    assert figures["ventanilla_signatures_checked_total"] >= 20
    assert figures['ventanilla_oldest_unacknowledged_payment_seconds{device="bus-1"}'] == 0


def test_log_holds_no_payload_no_token_and_no_key(hall: TownHall, tmp_path: Path) -> None:
    hub = hall.hub
    with running(hub.enrol("bus-2", tmp_path / "bus-2")) as hand:
        hub.wait_for_fates("bus-2", [hand.take(hand.tap(201)), hand.take(hand.report(SECRET_WORDS))])
        hub.ask("GET", "/v1/devices", token="wrong-" + hub.token[:10])
        brokers = [line["pid"] for line in hub.log() if line["event"] == "broker_up"]
        os.kill(brokers[-1], signal.SIGKILL)
        hub.wait_for_fates("bus-2", [hand.take(hand.tap(202))])
    log = hub.log_text()
    words = (SECRET_WORDS, "Baldosa", "04A2", "sencillo", "hmac-sha256", hub.token)
    assert not [word for word in words if word in log]
    keys = [path.read_bytes() for path in (hub.home / "keys").glob("*.key")]
    assert keys
    assert not [raw for raw in keys if raw.hex() in log or raw.decode("latin-1") in log]
    assert {"hub_started", "link_up", "broker_down"} <= {line["event"] for line in hub.log()}
    assert not [line for line in hub.log() if "left_out" in line]


def test_hub_killed_while_taps_arrive_loses_nothing_and_doubles_nothing(
    hall: TownHall, tmp_path: Path
) -> None:
    hub = hall.hub
    with running(hub.enrol("bus-3", tmp_path / "bus-3")) as hand:
        before = hub.metrics()["ventanilla_incarnation"]
        taken = [hand.take(hand.tap(n)) for n in range(100, 130)]
        hub.kill()
        taken += [hand.take(hand.tap(n)) for n in range(130, 160)]
        hub.start()
        hub.wait_for_fates("bus-3", taken)
        hall.wait_for_settlements("bus-3", taken)
    kinds = {case["kind"] for case in hub.get("/v1/exceptions?device=bus-3")["items"]}
    assert kinds == {"purse_below_floor"}
    figures = hub.metrics()
    assert (figures["ventanilla_incarnation"], figures["ventanilla_cautious"]) == (before + 1, 0)


def test_event_that_cannot_be_taken_waits_and_is_released_once_it_can(hall: TownHall, tmp_path: Path) -> None:
    hub = hall.hub
    with running(hub.enrol("bus-4", tmp_path / "bus-4")) as hand:
        paid, undone = hand.teller.new_event_id(), hand.teller.new_event_id()
        early = hand.take(reversal(undone, paid))
        hub.wait_for_fates("bus-4", [early], "quarantined")
        hub.wait_for_fates("bus-4", [hand.take(payment(paid))])
    (line,) = hub.get("/v1/quarantine?device=bus-4")["items"]
    assert (line["event_id"], line["type"]) == (undone, "payment.reversed")
    assert hub.post(f"/v1/quarantine/{line['id']}/release") == {"events_taken": 1, "events_waiting": 0}
    assert hub.fates("bus-4", [early]) == ["committed"]
    status, problem = hub.ask("POST", f"/v1/quarantine/{line['id']}/release")
    assert (status, problem["title"]) == (409, "Line settled")
    entries = hub.get("/v1/payments?device=bus-4")["items"]
    assert [(row["kind"], row["amount_minor"]) for row in entries] == [("payment", 1050), ("reversal", 1050)]
    assert entries[1]["reverses"] == entries[0]["id"]


def test_event_that_is_discarded_has_no_effect_and_is_accounted_for(hall: TownHall, tmp_path: Path) -> None:
    hub = hall.hub
    with running(hub.enrol("bus-5", tmp_path / "bus-5")) as hand:
        new_id = hand.teller.new_event_id
        early = hand.take(reversal(new_id(), new_id()))
        hub.wait_for_fates("bus-5", [early], "quarantined")
    (line,) = hub.get("/v1/quarantine?device=bus-5")["items"]
    hub.post(f"/v1/quarantine/{line['id']}/discard")
    assert hub.fates("bus-5", [early]) == ["discarded"]
    assert hub.get("/v1/quarantine?device=bus-5")["items"] == []
    assert hub.get("/v1/payments?device=bus-5")["items"] == []


def test_device_whose_disk_was_rolled_back_is_fenced_and_released(hall: TownHall, tmp_path: Path) -> None:
    hub = hall.hub
    home = hub.enrol("bus-6", tmp_path / "bus-6")
    with running(home, boot_id="boot-1") as hand:
        hub.wait_for_fates("bus-6", [hand.take(hand.tap(301))])
        shutil.copytree(home.data, tmp_path / "image")
        hub.wait_for_fates("bus-6", [hand.take(hand.tap(n)) for n in (302, 303)])
    hub.stop()
    shutil.rmtree(home.data)
    shutil.copytree(tmp_path / "image", home.data)
    with running(home, boot_id="boot-2") as hand:
        late = hand.take(hand.tap(304))
        hub.start()
        hub.wait_for_fates("bus-6", [late], "quarantined")
        assert hub.get("/v1/devices/bus-6")["state"] == "fenced"
        eventually(lambda: hand.status()["fenced"], what="the device knows")
        assert "1 events taken" in hub.command("release", "bus-6")
        eventually(lambda: not hand.status()["fenced"], timeout_s=5, what="the idle device may take money")
        hub.wait_for_fates("bus-6", [late])
    device = hub.get("/v1/devices/bus-6")
    assert (device["state"], device["quarantine_waiting"]) == ("active", 0)
    assert "fork" in {case["kind"] for case in hub.get("/v1/exceptions?device=bus-6")["items"]}
    assert len(hub.get("/v1/payments?device=bus-6")["items"]) == 4


@pytest.mark.sentence("H-15")
def test_database_put_back_is_noticed_and_the_core_is_not_told_twice(
    own_hall: Callable[[], TownHall], tmp_path: Path
) -> None:
    """A plain GeoReport server keeps no keys: only the search before sending keeps reports from doubling."""
    hall = own_hall()
    hub, data = hall.hub, hall.hub.home / "data"
    with running(hub.enrol("bus-7", tmp_path / "bus-7")) as hand:
        hub.wait_for_fates("bus-7", [hand.take(hand.tap(301))])
        hub.stop()
        shutil.copytree(data, tmp_path / "backup")
        hub.start()
        reports = [hand.take(hand.report(f"Farola {n}")) for n in range(3)]
        hub.wait_for_fates("bus-7", reports)
        hall.wait_for_reports(reports)
        hub.stop()
        shutil.rmtree(data)
        shutil.copytree(tmp_path / "backup", data)
        hub.start()
        hub.wait_for_fates("bus-7", reports)
        eventually(lambda: not hub.get("/v1/outgoing?state=waiting")["items"], timeout_s=20, what="all done")
        hall.wait_for_reports(reports)
    assert hub.metrics()["ventanilla_cautious"] == 1
    assert len(hub.get("/v1/exceptions?kind=hub_restored")["items"]) == 1


def test_core_that_was_put_back_gets_again_what_was_done_in_a_time(hall: TownHall, tmp_path: Path) -> None:
    hub = hall.hub
    with running(hub.enrol("bus-8", tmp_path / "bus-8")) as hand:
        taken = [hand.take(hand.tap(n)) for n in range(800, 805)]
        hub.wait_for_fates("bus-8", taken)
        hall.wait_for_settlements("bus-8", taken)
    eventually(lambda: not hub.get("/v1/outgoing?state=waiting")["items"], what="all done")
    before = hub.metrics()['ventanilla_forwarded_total{connector="settlements"}']
    time = ("--since", "2026-01-01T00:00:00", "--until", "2099-01-01T00:00:00")
    said = hub.command("replay", "--state", "done", "--connector", "settlements", *time)
    assert int(said.split()[0]) >= 5
    figure = 'ventanilla_forwarded_total{connector="settlements"}'
    eventually(lambda: hub.metrics()[figure] >= before + 5, what="a second delivery")
    hall.wait_for_settlements("bus-8", taken)  # the core knows each key: once
    assert "0 effects" in hub.command("replay")
    refused = hub.try_command("replay", "--state", "done")
    assert (refused.returncode, "since_ms" in refused.stderr) == (1, True)
