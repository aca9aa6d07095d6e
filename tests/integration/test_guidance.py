"""Settings, commands and bundles end to end: a hub's process, its broker, and devices' processes."""

import json
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hub.fleet.command_post import UNANSWERED
from shared.adapters import device_keys
from shared.edge.ending import START_AGAIN
from shared.edge.pseudonyms import Pseudonyms
from shared.model.deny_list import SUBJECTS_MAX
from shared.protocol import limits
from tests.support.device_process import DeviceProcess, report, tap
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually

CONFIRM_S = 15
"""A trial that is short for a test, and long enough for a busy machine."""
REACH_S = 10.0
"""What a deny list may take to a connected device; measured, it is far less."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("guidance") / "hub") as running:
        yield running


@pytest.fixture
def device(hub: HubProcess, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DeviceProcess]:
    name = f"d-{abs(hash(request.node.name)) % 10**9}"
    home = hub.enrol(name, tmp_path / "device")
    with DeviceProcess(home) as running:
        running.wait_for_status(state="streaming")
        yield running


def record(name: str, value_s: float) -> None:
    """Print a figure, for whoever runs this with -s."""
    sys.stdout.write(f"\n{name}: {value_s:.2f}\n")


def name_of(device: DeviceProcess) -> str:
    return str(device.status()["device"])


def wanted_when(
    device: DeviceProcess, holds: Callable[[Mapping[str, Any]], object], what: str, timeout_s: float = 30.0
) -> Mapping[str, Any]:
    """Wait until what the device says of the hub's wishes is so."""

    def look() -> Mapping[str, Any]:
        found: Mapping[str, Any] = device.status().get("wanted", {})
        return found if found and holds(found) else {}

    try:
        return eventually(look, timeout_s=timeout_s, what=what)
    except AssertionError as error:
        error.add_note(str(device.status()))
        raise


def set_for(hub: HubProcess, device: str, name: str, value: object) -> None:
    """Set a value for one device, through the API."""
    hub.post(
        "/v1/settings", {"level": "device", "target": device, "name": name, "value": value, "who": "ana"}
    )


def twin_of(hub: HubProcess, device: str) -> Mapping[str, Any]:
    """How far a device's settings have come, as the hub knows it."""
    return hub.get(f"/v1/settings/devices/{device}")["twin"]


def in_force(device: DeviceProcess, name: str, value: object) -> Mapping[str, Any]:
    return wanted_when(
        device,
        lambda w: w["settings"]["state"] == "reached" and w["settings"]["values"].get(name) == value,
        f"{name} in force",
    )


@pytest.mark.sentence("W-2")
def test_setting_reaches_the_device_and_says_where_it_comes_from(
    hub: HubProcess, device: DeviceProcess
) -> None:
    name = name_of(device)
    hub.command("settings", "set", "screen.idle_s", "90")
    in_force(device, "screen.idle_s", 90)
    hub.command("settings", "set", "screen.idle_s", "45", "--device", name)
    in_force(device, "screen.idle_s", 45)
    eventually(lambda: twin_of(hub, name)["state"] == "reached", what="the hub to hear of it")
    shown = hub.command("settings", "show", name)
    assert "covered" in shown
    assert f"device {name}" in shown
    hub.command("settings", "clear", "screen.idle_s", "--device", name)
    in_force(device, "screen.idle_s", 90)
    number = hub.get("/v1/settings/history?limit=1000")["items"][-1]["id"]
    hub.command("settings", "undo", str(number))
    in_force(device, "screen.idle_s", 45)
    hub.command("settings", "clear", "screen.idle_s", "--device", name)
    hub.command("settings", "clear", "screen.idle_s")


def test_setting_that_closes_a_service_is_told_before_anyone_begins(
    hub: HubProcess, device: DeviceProcess
) -> None:
    name = name_of(device)
    set_for(hub, name, "payments.taken", False)
    in_force(device, "payments.taken", False)
    device.give([tap(1)])
    assert "refused" in device.wait_for_answers(1)[0]
    set_for(hub, name, "payments.taken", True)
    in_force(device, "payments.taken", True)
    device.give([tap(2)])
    assert "taken" in device.wait_for_answers(2)[1]


@pytest.mark.sentence("W-3")
def test_setting_that_cuts_the_device_off_is_reverted_by_itself(
    hub: HubProcess, device: DeviceProcess
) -> None:
    name = name_of(device)
    set_for(hub, name, "link.confirm_s", CONFIRM_S)
    before = in_force(device, "link.confirm_s", CONFIRM_S)["settings"]["version"]
    began_s = time.monotonic()
    set_for(hub, name, "link.brokers", ["127.0.0.1:1"])
    wanted_when(device, lambda w: w["settings"]["state"] == "pending", "the trial")
    after = wanted_when(device, lambda w: w["settings"]["state"] == "reverted", "the way back", 60)
    record("cut_off_and_back_s", time.monotonic() - began_s)
    assert after["settings"]["in_force"] == before
    assert "link.brokers" not in after["settings"]["values"]
    device.wait_for_status(state="streaming")
    eventually(lambda: twin_of(hub, name)["state"] == "reverted", what="the hub to hear of it")
    assert "It went back" in hub.command("settings", "show", name)
    opened = hub.get(f"/v1/exceptions?kind=settings_reverted&device={name}")["items"]
    assert len(opened) == 1
    set_for(hub, name, "link.brokers", None)
    wanted_when(device, lambda w: w["settings"]["state"] == "reached", "sound settings to be taken again")


@pytest.mark.sentence("W-4")
def test_trial_goes_on_after_a_power_cut(hub: HubProcess, tmp_path: Path) -> None:
    home = hub.enrol("cut-1", tmp_path / "device")
    with DeviceProcess(home) as device:
        device.wait_for_status(state="streaming")
        set_for(hub, "cut-1", "link.confirm_s", CONFIRM_S)
        in_force(device, "link.confirm_s", CONFIRM_S)
        set_for(hub, "cut-1", "link.brokers", ["127.0.0.1:1"])
        wanted_when(device, lambda w: w["settings"]["state"] == "pending", "the trial")
        device.kill()
    with DeviceProcess(home) as device:
        wanted_when(device, lambda w: w["settings"]["state"] == "pending", "the trial after the cut")
        wanted_when(device, lambda w: w["settings"]["state"] == "reverted", "the way back", 60)
        device.wait_for_status(state="streaming")


@pytest.mark.sentence("W-7")
@pytest.mark.parametrize("cards", [50, 4_000])
def test_deny_list_reaches_the_device_in_seconds(hub: HubProcess, device: DeviceProcess, cards: int) -> None:
    body = json.dumps({"subjects": [f"{n:064x}" for n in range(cards)]}).encode()
    assert (len(body) > limits.BUNDLE_INLINE_BYTES_MAX) is (cards > 100)
    wanted = {"body": b64encode(body).decode(), "expires_s": 86_400, "who": "ana"}
    began_s = time.monotonic()
    version = hub.post("/v1/bundles/deny-list", wanted)["version"]
    wanted_when(
        device,
        lambda w: w["bundles"].get("deny-list", {}).get("version") == version,
        "the deny list",
        REACH_S,
    )
    took_s = time.monotonic() - began_s
    record(f"deny_list_of_{len(body)}_bytes_s", took_s)
    found = device.status()["wanted"]["bundles"]["deny-list"]
    assert (found["size"], found["state"], found["after_expiry"]) == (len(body), "held", "limit")
    eventually(
        lambda: any(i["version"] == version and i["devices"] for i in hub.get("/v1/bundles")["items"]),
        what="the hub to hear of it",
    )
    held = (device.home.identity / "bundles" / "deny-list").read_bytes()
    assert held.endswith(body)


@pytest.mark.sentence("W-18")
def test_deny_list_of_a_hundred_thousand_is_packed_and_refuses_a_card_on_it(
    hub: HubProcess, device: DeviceProcess, tmp_path: Path
) -> None:
    denied = Pseudonyms(device_keys.load(device.home.identity).fleet_key).of("card", "0BAD")
    random = Random(1)
    listed = [denied, *(random.randbytes(16).hex() for _ in range(SUBJECTS_MAX - 1))]
    (tmp_path / "list.json").write_text(json.dumps({"subjects": listed}))
    said = hub.command("bundle", "publish", "deny-list", str(tmp_path / "list.json"))
    version = said.partition("version ")[2].partition(" ")[0]
    held(device, "deny-list", version)
    assert device.status()["wanted"]["bundles"]["deny-list"]["size"] == 12 + 7 * SUBJECTS_MAX
    device.give([tap(1, "0BAD"), tap(1, "04A2")])
    bad, good = device.wait_for_answers(2)
    assert "deny list" in bad["refused"]["reason"]
    assert "taken" in good


def publish(hub: HubProcess, name: str, said: object, expires_s: int = 86_400) -> str:
    body = b64encode(json.dumps(said).encode()).decode()
    return hub.post(f"/v1/bundles/{name}", {"body": body, "expires_s": expires_s, "who": "ana"})["version"]


def held(device: DeviceProcess, name: str, version: str) -> None:
    wanted_when(device, lambda w: w["bundles"].get(name, {}).get("version") == version, f"{name} {version}")


@pytest.mark.sentence("W-13")
def test_card_on_the_deny_list_is_refused_and_an_expired_list_lowers_what_it_may_spend(
    hub: HubProcess, device: DeviceProcess
) -> None:
    name = name_of(device)
    pseudonyms = Pseudonyms(device_keys.load(device.home.identity).fleet_key)
    held(device, "deny-list", publish(hub, "deny-list", {"subjects": [pseudonyms.of("card", "0BAD")]}))
    device.give([tap(1, "0BAD"), tap(1, "04A2")])
    bad, good = device.wait_for_answers(2)
    assert "deny list" in bad["refused"]["reason"]
    assert "taken" in good
    assert "deny_list" not in good
    set_for(hub, name, "payments.offline_limit_minor", 300)
    in_force(device, "payments.offline_limit_minor", 300)
    held(device, "deny-list", publish(hub, "deny-list", {"subjects": []}, expires_s=1))
    wanted_when(device, lambda w: w["bundles"]["deny-list"]["state"] == "expired", "its expiry")
    device.give([tap(2), tap(3), tap(4), tap(1, "0C0C")])
    answers = device.wait_for_answers(6)[2:]
    assert [answer.get("deny_list", "refused") for answer in answers] == [
        "expired",
        "expired",
        "refused",
        "expired",
    ]
    held(device, "deny-list", publish(hub, "deny-list", {"subjects": []}))
    device.give([tap(5)])
    assert "deny_list" not in device.wait_for_answers(7)[6]


@pytest.mark.sentence("W-14")
def test_catalogue_and_agenda_of_the_town_are_what_the_device_takes_and_shows(
    hub: HubProcess, device: DeviceProcess
) -> None:
    now = datetime.now(UTC)
    item = {"id": "corte", "version": 2, "kind": "notice", "text": {"es": "De 9 a 14 h."}}
    item["title"] = {"es": "Corte de agua", "ca": "Tall d'aigua"}
    shown = {"from": now.isoformat(), "until": (now + timedelta(days=1)).isoformat()}
    held(device, "agenda", publish(hub, "agenda", {"items": [{**item, **shown}]}))
    services = [{"service_code": "aceras", "service_name": {"es": "Aceras"}}]
    held(device, "catalogue", publish(hub, "catalogue", {"services": services}))
    wrong = report("Un dron")
    wrong["data"] = {"service_code": "drones", "description": "Un dron", "channel": "kiosk"}
    device.give([wrong, report("Baldosa suelta"), {"ask": "notices", "language": "ca"}])
    refused, taken, told = device.wait_for_answers(3)
    assert "use one of aceras" in refused["refused"]["remedy"]
    assert "taken" in taken
    assert [(n["id"], n["title"], n["text"]) for n in told["notices"]] == [
        ("corte", "Tall d'aigua", "De 9 a 14 h.")
    ]
    assert (told["expired"], 0 <= told["age_s"] < 60) == (False, True)


@pytest.mark.sentence("W-16")
def test_notice_for_one_device_is_shown_there_until_it_is_withdrawn(
    hub: HubProcess, device: DeviceProcess, tmp_path: Path
) -> None:
    name = name_of(device)

    def shown() -> list[str]:
        count = len(device.answers)
        device.give([{"ask": "notices"}])
        answers = device.wait_for_answers(count + 1)
        return [notice["id"] for notice in answers[-1]["notices"]]

    now = datetime.now(UTC)
    texts = {"version": 1, "kind": "notice", "title": {"es": "x"}, "text": {"es": "x"}}
    instants = {"from": now.isoformat(), "until": (now + timedelta(days=1)).isoformat()}
    held(device, "agenda", publish(hub, "agenda", {"items": [{"id": "city", **texts, **instants}]}))
    assert shown() == ["city"]
    (tmp_path / "a.json").write_text(json.dumps({"items": [{"id": "here", **texts, **instants}]}))
    said = hub.command("bundle", "publish", "agenda", str(tmp_path / "a.json"), "--device", name)
    held(device, "agenda", said.rpartition("version ")[2].partition(" ")[0])
    assert shown() == ["here"]
    assert f"device {name}" in hub.command("bundle", "list")
    before = device.status()["wanted"]["bundles"]["agenda"]["version"]
    hub.command("bundle", "withdraw", "agenda", "--device", name)
    wanted_when(device, lambda w: w["bundles"]["agenda"]["version"] != before, "the city's agenda")
    assert shown() == ["city"]
    refused = hub.try_command("bundle", "withdraw", "agenda", "--device", name)
    assert (refused.returncode, "bundle list" in refused.stderr) == (1, True)


@pytest.mark.sentence("W-17")
def test_name_that_is_retired_is_dropped_and_comes_back_when_it_is_published_again(
    hub: HubProcess, device: DeviceProcess, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    item = {"id": "obras", "version": 1, "kind": "notice", "title": {"es": "x"}, "text": {"es": "x"}}
    item |= {"from": now.isoformat(), "until": (now + timedelta(days=1)).isoformat()}

    def shown() -> list[str]:
        count = len(device.answers)
        device.give([{"ask": "notices"}])
        return [notice["id"] for notice in device.wait_for_answers(count + 1)[-1]["notices"]]

    held(device, "agenda", publish(hub, "agenda", {"items": [item]}))
    assert shown() == ["obras"]
    assert "agenda is retired as version" in hub.command("bundle", "retire", "agenda")
    wanted_when(device, lambda w: "agenda" not in w["bundles"], "the agenda gone")
    assert shown() == []
    (row,) = [line for line in hub.command("bundle", "list").splitlines() if line.startswith("agenda")]
    assert "retired" in row
    refused = hub.try_command("bundle", "retire", "agenda")
    assert (refused.returncode, "bundle list" in refused.stderr) == (1, True)
    (tmp_path / "agenda.json").write_text(json.dumps({"items": [item]}))
    said = hub.command("bundle", "publish", "agenda", str(tmp_path / "agenda.json"))
    held(device, "agenda", said.rpartition("version ")[2].partition(" ")[0])
    assert shown() == ["obras"]


def test_file_that_no_device_could_read_is_refused_with_its_place(hub: HubProcess, tmp_path: Path) -> None:
    (tmp_path / "agenda.json").write_text('{"items":[{"id":"x"}]}')
    done = hub.try_command("bundle", "publish", "agenda", str(tmp_path / "agenda.json"))
    assert done.returncode == 1
    assert "agenda: items[0].version is a whole number" in done.stderr
    assert "correct the file" in done.stderr


def test_file_is_published_by_a_command(hub: HubProcess, tmp_path: Path) -> None:
    (tmp_path / "agenda.json").write_text('{"items":[]}')
    said = hub.command("bundle", "publish", "agenda", str(tmp_path / "agenda.json"), "--expires-days", "2")
    assert "agenda is published as version" in said
    assert "agenda" in hub.command("bundle", "list")


def test_device_that_was_away_gets_everything_when_it_comes(hub: HubProcess, tmp_path: Path) -> None:
    home = hub.enrol("late-1", tmp_path / "device")
    set_for(hub, "late-1", "screen.idle_s", 33)
    with DeviceProcess(home) as device:
        found = in_force(device, "screen.idle_s", 33)
        assert wanted_when(device, lambda w: "hub-keys" in w["bundles"], "the hub's keys")
        version = found["settings"]["version"]
        assert device.stop() == 0
    stopped = json.loads(_status(home.path))
    assert stopped["wanted"]["settings"]["version"] == version
    assert "hub-keys" in stopped["wanted"]["bundles"]


def _status(home: Path) -> str:
    words = [sys.executable, "-m", "shared.cli", "device", "status", "--home", str(home)]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.sentence("W-5")
def test_command_is_done_once_and_its_outcome_is_told(hub: HubProcess, device: DeviceProcess) -> None:
    name = name_of(device)
    done = json.loads(hub.command("command", "send", name, "ping"))
    assert (done["state"], done["data"]["uptime_ms"] > 0) == ("done", True)
    report = json.loads(hub.command("command", "send", name, "report"))
    assert report["data"]["device"] == name
    log = json.loads(hub.command("command", "send", name, "upload_log"))
    assert any(done["id"] in line for line in log["data"]["log"])
    refused = hub.try_command("command", "send", name, "fly")
    assert refused.returncode == 6
    assert json.loads(refused.stdout)["state"] == "failed"
    assert [row["op"] for row in hub.get(f"/v1/devices/{name}/commands")["items"]][-1] == "ping"


@pytest.mark.sentence("W-5")
def test_restart_ends_the_device_in_order_and_is_done_at_its_next_start(
    hub: HubProcess, tmp_path: Path
) -> None:
    home = hub.enrol("again-1", tmp_path / "device")
    with DeviceProcess(home) as device:
        device.wait_for_status(state="streaming")
        sent = hub.post("/v1/devices/again-1/commands", {"op": "restart", "who": "ana"})
        assert device.wait() == START_AGAIN
    assert hub.get(f"/v1/commands/{sent['id']}")["state"] == "running"
    with DeviceProcess(home):
        eventually(lambda: hub.get(f"/v1/commands/{sent['id']}")["state"] == "done", what="the outcome")


def test_command_that_nobody_hears_expires(hub: HubProcess, tmp_path: Path) -> None:
    home = hub.enrol("deaf-1", tmp_path / "device")
    sent = hub.post("/v1/devices/deaf-1/commands", {"op": "restart", "life_s": 1, "who": "ana"})
    assert sent["state"] == "waiting"
    eventually(lambda: int(time.time() * 1000) > sent["expires_ms"], what="the command's end")
    with DeviceProcess(home) as device:
        device.wait_for_status(state="streaming")
        json.loads(hub.command("command", "send", "deaf-1", "ping"))
        assert device.status()["running"]
    assert hub.get(f"/v1/commands/{sent['id']}")["state"] in {"waiting", UNANSWERED}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("settings", "set", "screen.idle_s", "5"), "from 15 to 600"),
        (("settings", "set", "screen.idle", "60"), "no setting"),
        (("settings", "set", "link.brokers", "nowhere"), "host:port"),
        (("settings", "set", "log.level", "info", "--device", "nobody"), "enrolled"),
        (("settings", "set", "log.level", "info", "--site", "x", "--district", "y"), "one level"),
        (("settings", "undo", "99999"), "no such change"),
        (("bundle", "publish", "deny-list", "/nowhere"), "cannot be read"),
        (("bundle", "publish", "Deny", "README.md"), "a-z"),
        (("bundle", "publish", "hub-keys", "README.md"), "rotate"),
        (("command", "send", "nobody", "ping"), "enrolled"),
        (("command", "send", "nobody", "ping", "--args", "[]"), "JSON object"),
    ],
)
def test_wish_that_cannot_be_is_refused_with_its_remedy(
    hub: HubProcess, words: tuple[str, ...], says: str
) -> None:
    done = hub.try_command(*words)
    assert done.returncode == 1
    assert says.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_body_of_a_bundle_is_given_to_devices_alone(hub: HubProcess) -> None:
    version = next(i["version"] for i in hub.get("/v1/bundles")["items"] if i["name"] == "hub-keys")
    status, _ = hub.ask("GET", f"/device/bundles/hub-keys/{version}")
    assert status == 403
