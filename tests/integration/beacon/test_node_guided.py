"""A node that the hub guides: real MicroPython, broker and hub; settings to the air, and back by itself."""

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.beacon_wire.eddystone import Url
from tests.support.beacon import OnAir, board_on, powered
from tests.support.hub_process import HubProcess
from tests.support.node_process import NodeProcess, enrolled_board
from tests.support.polling import eventually

HEARD_S = 90.0
NOWHERE = ["127.0.0.1:1"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("town") / "hub") as process:
        yield process


@pytest.fixture
def on_air() -> Iterator[OnAir]:
    air = OnAir()
    yield air
    air.close()


def token(hub: HubProcess, name: str) -> str:
    """What the technician is given."""
    return hub.command("enrol", name, "--kind", "beacon")


def set_for(hub: HubProcess, device: str, name: str, value: object) -> None:
    """An operator sets something for one node."""
    wish = {"level": "device", "target": device, "name": name, "value": value, "who": "ana"}
    assert hub.post("/v1/settings", wish)["change"] is not None


def wait_at_hub(hub: HubProcess, device: str, state: str) -> None:
    """Wait until the hub knows how a node's settings stand."""

    def stands() -> bool:
        return hub.get(f"/v1/settings/devices/{device}")["twin"]["state"] == state

    eventually(stands, timeout_s=HEARD_S, what=lambda: f"{hub.get(f'/v1/settings/devices/{device}')}")


def says(on_air: OnAir, url: str) -> bool:
    """Whether an address was heard just now."""
    return on_air.wait_for(Url, max(0, on_air.since() - 100)).url == url


def is_state(state: str, *more: str) -> Any:  # noqa: ANN401 - a question to a status
    def holds(status: Mapping[str, Any]) -> bool:
        return bool(status["twin"]) and status["twin"]["state"] in (state, *more)

    return holds


@pytest.mark.sentence("W-2")
@pytest.mark.sentence("W-7")
def test_setting_of_the_hub_is_heard_on_the_air(hub: HubProcess, on_air: OnAir, tmp_path: Path) -> None:
    board = enrolled_board(tmp_path / "board", token(hub, "beacon-air"))
    set_for(hub, "beacon-air", "beacon.interval_ms", 100)
    set_for(hub, "beacon-air", "beacon.url", "https://x.es/b/1")
    with powered(board_on(on_air, board.root)):
        assert on_air.wait_for(Url).url == "https://x.es/b/1"
        wait_at_hub(hub, "beacon-air", "reached")
        set_for(hub, "beacon-air", "beacon.url", "https://x.es/b/2")
        eventually(lambda: says(on_air, "https://x.es/b/2"), timeout_s=HEARD_S, what="the new address")
        wait_at_hub(hub, "beacon-air", "reached")
    since = on_air.since()
    with powered(board_on(on_air, board.root)):  # it begins with them, whoever answers
        assert on_air.wait_for(Url, since).url == "https://x.es/b/2"


@pytest.mark.sentence("W-3")
@pytest.mark.sentence("W-4")
def test_brokers_that_cut_a_node_off_are_gone_back_from_even_over_a_power_cut(
    hub: HubProcess, tmp_path: Path
) -> None:
    board = enrolled_board(tmp_path / "board", token(hub, "beacon-cut"))
    set_for(hub, "beacon-cut", "link.confirm_s", 8)
    with NodeProcess(board) as node:
        node.wait_for(is_state("reached"), "settings that reached the hub")
        set_for(hub, "beacon-cut", "link.brokers", NOWHERE)
        status = node.wait_for(is_state("pending"), "a trial")
        assert status["settings"]["link.brokers"] == NOWHERE
    with NodeProcess(board) as node:
        status = node.wait_for(is_state("pending"), "the trial after a power cut")
        assert status["settings"]["link.brokers"] == NOWHERE
        status = node.wait_for(is_state("reverted"), "the way back")
        assert "link.brokers" not in status["settings"]
        wait_at_hub(hub, "beacon-cut", "reverted")
        node.say("telemetry", "device.counters", {"frames": 1})
        node.wait_until_acknowledged(telemetry=1)


@pytest.mark.sentence("W-5")
def test_commands_are_done_once_and_answered(hub: HubProcess, tmp_path: Path) -> None:
    board = enrolled_board(tmp_path / "board", token(hub, "beacon-told"))

    def ordered(op: str) -> str:
        asked = {"op": op, "args": {}, "life_s": 600, "who": "ana"}
        return hub.post("/v1/devices/beacon-told/commands", asked)["id"]

    def outcome(name: str) -> Mapping[str, Any]:
        eventually(
            lambda: hub.get(f"/v1/commands/{name}")["state"] in ("done", "failed"),
            timeout_s=HEARD_S,
            what=lambda: f"{hub.get(f'/v1/commands/{name}')}",
        )
        return hub.get(f"/v1/commands/{name}")

    with NodeProcess(board) as node:
        node.wait_for(lambda status: status["trusted"], "the hub's word")
        assert outcome(ordered("ping"))["state"] == "done"
        assert outcome(ordered("report"))["data"]["starts"] == 1
        assert "ping, report and restart" in outcome(ordered("fly"))["detail"]
        restart = ordered("restart")
        node.wait_for_end()
    with NodeProcess(board):
        assert outcome(restart)["state"] == "done"
