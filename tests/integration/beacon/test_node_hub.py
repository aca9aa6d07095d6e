"""A node from an empty flash to acknowledged lines: real MicroPython, TLS, broker and hub."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from beacon_node.provisioning.enrolling import SECRET, enrol_board, told_keys
from shared.adapters.enrolment_client import RefusedError
from shared.protocol.enrolment import Token
from tests.support.hub_process import HubProcess
from tests.support.node_process import NodeProcess, board_at, enrolled_board

STREAMING = 3
HEAP_MAX = 110_000
"""Of the machine with 64 bits, compiler and source included; a board has half of each, and compiled files."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("town") / "hub") as process:
        yield process


def token(hub: HubProcess, name: str) -> str:
    """What the technician is given."""
    return hub.command("enrol", name, "--kind", "beacon")


def counters(number: int) -> dict[str, object]:
    """Counters of a node."""
    return {"frames": number}


@pytest.mark.sentence("K-9")
@pytest.mark.sentence("B-2")
def test_node_is_born_and_what_it_says_is_acknowledged(hub: HubProcess, tmp_path: Path) -> None:
    board = enrolled_board(tmp_path / "board", token(hub, "beacon-1"))
    with NodeProcess(board) as node:
        node.say("telemetry", "device.counters", counters(1))
        node.say("health", "device.state", {"key": "air", "state": "ok"})
        status = node.wait_until_acknowledged(telemetry=1, health=1)
        assert status["state"] == STREAMING
        assert status["trusted"]
        assert status["refused"] == 0
        assert status["heap"] < HEAP_MAX
        for number in range(60):
            node.say("telemetry", "device.counters", counters(number))
        node.wait_until_acknowledged(telemetry=61)
    air = told_keys(board).air
    assert air not in hub.log_text()
    assert all(
        air.encode() not in path.read_bytes() for path in (hub.home / "data").rglob("*") if path.is_file()
    )


def test_node_goes_on_after_a_power_cut_and_a_hub_that_was_away(hub: HubProcess, tmp_path: Path) -> None:
    board = enrolled_board(tmp_path / "board", token(hub, "beacon-2"))
    with NodeProcess(board) as node:
        node.say("telemetry", "device.counters", counters(1))
        node.wait_until_acknowledged(telemetry=1)
        hub.kill()  # and its broker with it
        for number in range(30):
            node.say("telemetry", "device.counters", counters(number))
        node.wait_for(lambda status: status["last"]["telemetry"] == 31, "lines on the flash")
    with NodeProcess(board) as node:
        node.say("telemetry", "device.counters", counters(99))
        node.wait_for(lambda status: status["last"]["telemetry"] == 32, "lines of both starts")
        hub.start()
        status = node.wait_until_acknowledged(telemetry=32)
        assert status["recognised"]
        hub.kill()
        hub.start()
        node.say("telemetry", "device.counters", counters(100))
        node.wait_until_acknowledged(telemetry=33)
    assert "beacon-2" not in json.dumps(hub.get("/v1/quarantine"))


def test_enrolment_that_was_cut_goes_on_and_another_boards_is_refused(
    hub: HubProcess, tmp_path: Path
) -> None:
    printed = token(hub, "beacon-4")
    board = board_at(tmp_path / "board")
    first = enrol_board(board, Token.parse(printed), "Villafaro")
    secret = board.read(SECRET)
    (board.root / "identity").unlink()  # cut before the last file
    assert enrol_board(board, Token.parse(printed), "Villafaro").certificate == first.certificate
    assert board.read(SECRET) == secret
    assert secret is not None
    assert len(secret) == 32
    with pytest.raises(RefusedError, match="revoke"):
        enrol_board(board_at(tmp_path / "other"), Token.parse(printed), "Villafaro")


def test_node_of_another_kind_is_refused(hub: HubProcess, tmp_path: Path) -> None:
    printed = hub.command("enrol", "kiosk-9", "--kind", "kiosk")
    with pytest.raises(RefusedError, match="air key"):
        enrol_board(board_at(tmp_path / "board"), Token.parse(printed), "Villafaro")
