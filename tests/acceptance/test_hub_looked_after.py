"""A hub from its operator's side: commands, API and readiness, on a real process."""

import json
import os
import re
import signal
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.assembly.wire import broker_users
from hub.broker.nats import NatsServer, find_binary
from hub.broker.permissions import BrokerSettings
from hub.keys.authority import CA_CERTIFICATE, HUB_CERTIFICATE, HUB_KEY, SERVER_CERTIFICATE, SERVER_KEY
from hub.keys.room import KeyRoom
from shared.adapters.enrolment_client import RefusedError, enrol
from shared.protocol.enrolment import Token
from tests.architecture.tree import document
from tests.support.edge import running
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.town import free_port, now_ms

REVOKED_S_MAX = 60.0
"""From the operator's word to the end of the connection; a few seconds on a quiet machine."""
WRAPPER = """#!/bin/sh
[ -e "{gate}" ] && exit 1
exec "{binary}" "$@"
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """While this file is there, the broker cannot start."""
    return tmp_path_factory.mktemp("broker") / "gate"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, gate: Path) -> Iterator[HubProcess]:
    wrapper = gate.with_name("nats-server")
    wrapper.write_text(WRAPPER.format(gate=gate, binary=find_binary(None)))
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    with HubProcess(tmp_path_factory.mktemp("hall") / "hub", broker_binary=wrapper) as hub:
        yield hub


def parts(hub: HubProcess) -> dict[str, bool]:
    return {part["part"]: part["ready"] for part in hub.ask("GET", "/ready")[1]["parts"]}


def test_health_is_open_to_everyone_and_says_nothing_else(hub: HubProcess) -> None:
    assert hub.ask("GET", "/health", token="") == (200, {"alive": True})


@pytest.mark.parametrize("path", ["/ready", "/metrics", "/v1/devices", "/openapi.json"])
@pytest.mark.parametrize("token", ["", "another"])
def test_call_without_the_token_is_refused_with_the_remedy(hub: HubProcess, path: str, token: str) -> None:
    status, problem = hub.ask("GET", path, token=token)
    assert (status, problem["status"]) == (401, 401)
    assert problem["type"] == "urn:ventanilla:problem:api-token"
    assert "api-token" in problem["detail"]


def test_call_for_what_is_not_there_is_a_problem_with_the_remedy(hub: HubProcess) -> None:
    for method, path, title in (
        ("GET", "/v1/devices/nobody", "Unknown device"),
        ("POST", "/v1/devices/nobody/release", "Unknown device"),
        ("POST", "/v1/quarantine/7/release", "No such line"),
        ("POST", "/v1/outgoing/7/replay", "No such thing"),
        ("POST", "/v1/exceptions/70/resolve", "No such thing"),
        ("GET", "/nothing", "Not found"),
    ):
        status, problem = hub.ask(method, path)
        assert (status, problem["title"]) == (404, title)


@pytest.mark.parametrize(
    "path",
    ["/v1/losses?limit=5000", "/v1/service-requests?after=x", "/v1/payments?after=-1", "/v1/devices/A"],
)
def test_call_that_cannot_be_read_is_a_problem_and_quotes_nothing(hub: HubProcess, path: str) -> None:
    status, problem = hub.ask("GET", path)
    assert (status, problem["status"]) == (422, 422)
    assert "5000" not in problem["detail"]


def test_reconciliation_of_too_many_events_is_refused(hub: HubProcess) -> None:
    event = {
        "device": "bus-1",
        "event_id": "0" * 36,
        "stream": "cases",
        "epoch": "0" * 8,
        "seq": 1,
    }
    assert hub.ask("POST", "/v1/reconciliation", [event] * 2_001)[0] == 422
    answered = hub.post("/v1/reconciliation", [event])
    assert [one["fate"] for one in answered["events"]] == ["unknown"]


def test_body_without_end_is_refused_before_anybody_looks_at_the_token(hub: HubProcess) -> None:
    status, problem = hub.ask("POST", "/v1/reconciliation", "x" * 1_100_000, token="")
    assert (status, problem["title"]) == (413, "Body too long")
    chunks = (b"x" * 100_000 for _ in range(12))
    assert hub.send_chunks("/v1/reconciliation", chunks) in {400, 413}


def test_port_that_is_taken_is_a_sentence(hub: HubProcess, tmp_path: Path) -> None:
    second = HubProcess(tmp_path / "hub", api_port=hub.port)
    second.command("init")
    refused = second.try_command("run")
    assert refused.returncode == 1
    assert "api_port" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_description_of_the_api_names_every_call(hub: HubProcess) -> None:
    described = hub.get("/openapi.json")["paths"]
    assert {"/health", "/ready", "/metrics", "/v1/devices", "/v1/reconciliation"} <= described.keys()


def test_readiness_while_the_broker_is_down_says_which_part_and_comes_back(
    hub: HubProcess, gate: Path
) -> None:
    gate.touch()
    os.kill([line["pid"] for line in hub.log() if line["event"] == "broker_up"][-1], signal.SIGKILL)
    down = {"broker": False, "link": False}
    eventually(lambda: down.items() <= parts(hub).items(), what="readiness without broker and link")
    assert hub.ask("GET", "/ready")[0] == 503
    assert parts(hub) == {**parts(hub), **down, "database": True, "keys": True}
    refused = hub.try_command("status")
    assert refused.returncode == 4
    assert "broker/nats.log" in refused.stdout
    gate.unlink()
    eventually(lambda: hub.ask("GET", "/ready")[0] == 200, timeout_s=30, what="readiness")
    assert hub.metrics()["ventanilla_broker_restarts_total"] >= 1


def test_second_hub_on_one_home_is_refused_and_the_first_goes_on(hub: HubProcess) -> None:
    second = hub.try_command("migrate")
    assert second.returncode == 1
    assert "the hub runs" in second.stderr
    assert hub.ask("GET", "/ready")[0] == 200


def test_devices_are_listed_and_fetched_by_page(hub: HubProcess, tmp_path: Path) -> None:
    for number in range(3):
        hub.enrol(f"a-{number}", tmp_path / f"a-{number}")
    first = hub.get("/v1/devices?limit=2")
    assert [device["id"] for device in first["items"]] == ["a-0", "a-1"]
    assert hub.get(f"/v1/devices?after={first['next']}")["items"][0]["id"] == "a-2"
    assert hub.get("/v1/devices?after=a-2&limit=1000")["next"] is None
    assert [row.split()[0] for row in hub.command("devices").splitlines()[:4]] == [
        "device",
        "a-0",
        "a-1",
        "a-2",
    ]


def test_release_of_an_unknown_device_says_what_to_do(hub: HubProcess) -> None:
    refused = hub.try_command("release", "nobody")
    assert refused.returncode == 1
    assert "ventanilla hub devices" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_device_that_is_revoked_is_cut_off_and_may_be_enrolled_again(hub: HubProcess, tmp_path: Path) -> None:
    with running(hub.enrol("kiosk-8", tmp_path / "kiosk-8")) as hand:
        eventually(lambda: hand.status()["state"] == "streaming", what="a session")
        began_s = time.monotonic()
        assert "is revoked" in hub.command("revoke", "kiosk-8", "--reason", "stolen")
        eventually(lambda: hand.status()["state"] != "streaming", what="the end of its connection")
        assert time.monotonic() - began_s < REVOKED_S_MAX
        assert hub.get("/v1/devices/kiosk-8")["state"] == "revoked"
        assert hub.ask("POST", "/v1/devices/kiosk-8/release")[0] == 404
    with running(hub.enrol("kiosk-8", tmp_path / "found")) as hand:
        eventually(lambda: hand.status()["state"] == "streaming", what="a session")


def test_backup_of_a_running_hub_is_a_whole_database_and_replaces_nothing(
    hub: HubProcess, tmp_path: Path
) -> None:
    copy = tmp_path / "hub-copy.db"
    assert "The keys are not in it" in hub.command("backup", str(copy))
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM hub_life").fetchone()[0] >= 1
    assert "name a new file" in hub.try_command("backup", str(copy)).stderr


def test_every_call_and_every_figure_is_in_the_manual(hub: HubProcess) -> None:
    manual = document("OPERATIONS.md")
    calls = hub.get("/openapi.json")["paths"]
    assert not [path for path in calls if path not in manual]
    lines = hub.get("/metrics").splitlines()
    figures = {line.split()[2].removesuffix("_created") for line in lines if line.startswith("# TYPE")}
    assert len(figures) >= 30
    assert not sorted(name for name in figures if not re.search(rf"`{name}\b", manual))


def test_stopped_hub_lists_audits_and_gives_out_tokens(hub: HubProcess, tmp_path: Path) -> None:
    hub.enrol("kiosk-5", tmp_path / "kiosk-5")
    token = hub.command("enrol", "kiosk-9")
    hub.stop()
    assert not (hub.home / "run" / "ports.json").exists()
    assert "the hub is stopped" in hub.command("devices")
    assert json.loads(hub.command("audit"))["clean"] is True
    assert "schema" in hub.command("migrate")
    refused = hub.try_command("status")
    assert (refused.returncode, "ventanilla hub run" in refused.stderr) == (1, True)
    newer = hub.command("enrol", "kiosk-9")
    before = hub.token
    assert "30 days" in hub.command("rotate", "api-token")
    assert "sealing" in hub.try_command("rotate", "shoes").stderr
    assert "seal to" in hub.command("rotate", "sealing")
    hub.start()
    assert hub.token != before
    assert (hub.ask("GET", "/ready", token=before)[0], hub.ask("GET", "/ready")[0]) == (200, 200)
    with pytest.raises(RefusedError):
        enrol(tmp_path / "old", Token.parse(token))
    assert enrol(tmp_path / "new", Token.parse(newer)).device == "kiosk-9"


def test_init_twice_changes_nothing(hub: HubProcess) -> None:
    hub.stop()
    before = {path.name: path.read_bytes() for path in (hub.home / "keys").iterdir()}
    hub.command("init")
    assert {path.name: path.read_bytes() for path in (hub.home / "keys").iterdir()} == before
    hub.start()


def test_home_that_was_never_made_names_the_command(tmp_path: Path) -> None:
    refused = HubProcess(tmp_path / "nowhere").try_command("run")
    assert refused.returncode == 1
    assert "ventanilla hub init" in refused.stderr


def test_setting_that_is_wrong_is_named_without_its_value(tmp_path: Path) -> None:
    refused = HubProcess(tmp_path / "hub", open311_url="secret://x", api_portt=1).try_command("run")
    assert refused.returncode == 1
    assert "VENTANILLA_OPEN311_URL" in refused.stderr
    assert "secret" not in refused.stderr


def test_database_that_is_away_is_a_sentence_without_its_password(tmp_path: Path) -> None:
    away = "postgresql://hub:s3cret@127.0.0.1:1/hub?connect_timeout=2"
    hub = HubProcess(tmp_path / "hub", database_url=away)
    refused = hub.try_command("init")
    assert refused.returncode == 1
    assert "database_url" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "s3cret" not in refused.stderr


def test_broker_of_the_citys_own_is_used_and_none_is_started(tmp_path: Path) -> None:
    port = free_port()
    home, keys = tmp_path / "hub", tmp_path / "hub" / "keys"
    addresses = json.dumps([f"127.0.0.1:{port}"])
    hub = HubProcess(home, broker="external", broker_addresses=addresses)
    hub.command("init")
    room = KeyRoom.open(keys, tmp_path / "copy", clock=now_ms, count_start=False)
    users = broker_users(room)
    room.close()
    settings = BrokerSettings(
        host="127.0.0.1",
        port=port,
        folder=tmp_path / "broker",
        certificate=keys / SERVER_CERTIFICATE,
        key=keys / SERVER_KEY,
        authority=keys / CA_CERTIFICATE,
        own_certificate=keys / HUB_CERTIFICATE,
        own_key=keys / HUB_KEY,
    )
    broker = NatsServer(settings, lambda: users)
    broker.start()
    try:
        hub.start()
        assert parts(hub)["link"]
        assert "broker" not in parts(hub)
        assert not (home / "broker").exists()
        hub.stop()
    finally:
        hub.kill()
        broker.stop()
