"""A firmware from its build to its trial: signed by the town, offered by a hub, fetched and run by a node."""

import json
import time
from collections.abc import Callable, Generator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from beacon_node import release
from beacon_node.virtual_air.board import VirtualBoard
from shared.protocol import firmware
from shared.protocol.firmware import FirmwareFile, Manifest
from tests.support.beacon import OnAir, board_on, powered
from tests.support.firmware import town_key
from tests.support.hub_process import HubProcess
from tests.support.node_process import enrolled_board
from tests.support.polling import eventually

NAME = "beacon-1"
BREAKS = b"raise ValueError('broken')\n"
TURN_S = 120.0


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("town") / "hub") as process:
        yield process


@pytest.fixture
def on_air() -> Iterator[OnAir]:
    air = OnAir()
    yield air
    air.close()


def built(folder: Path, sequence: int) -> Path:
    """A firmware that the town has signed."""
    expires_s = int(time.time()) + 86_400
    release.build(folder, board="esp32", sequence=sequence, minimum=0, version="0.2.0", expires_s=expires_s)
    release.sign(folder, town_key())
    return folder


def broken(folder: Path, sequence: int) -> Path:
    """A firmware that the town has signed, and that breaks when it is started."""
    name = "beacon_node/firmware/main.py"
    (folder / release.FILES / name).parent.mkdir(parents=True)
    (folder / release.FILES / name).write_bytes(BREAKS)
    file = FirmwareFile(name=name, size=len(BREAKS), sha256=sha256(BREAKS).hexdigest())
    made = Manifest(
        board="esp32",
        sequence=sequence,
        minimum=0,
        version="0.2.0",
        expires_s=int(time.time()) + 86_400,
        files=(file,),
    )
    (folder / release.MANIFEST).write_bytes(firmware.sign(made.unsigned(), town_key()))
    return folder


def slots(flash: Path) -> dict[str, Any]:
    """How the slots stand."""
    try:
        return json.loads((flash / "slots").read_text())
    except (OSError, ValueError):
        return {}


def told(hub: HubProcess) -> str | None:
    """What the hub heard last of the node's firmware."""
    states = hub.get(f"/v1/devices/{NAME}")["states"]
    return next((state["detail"] for state in states if state["key"] == "firmware"), None)


def run_until(board: VirtualBoard, holds: Callable[[], bool], what: str) -> None:
    """Give a board power until something holds."""
    with powered(board):
        eventually(
            holds, timeout_s=TURN_S, what=lambda: f"{what}; slots {slots(board.flash)}; {board.said[-9:]}"
        )


@pytest.mark.timeout(400)
def test_firmware_is_fetched_tried_and_confirmed_and_one_that_breaks_gives_way(
    hub: HubProcess, on_air: OnAir, tmp_path: Path
) -> None:
    keys = firmware.modulus(town_key().public_key())
    token = hub.command("enrol", NAME, "--kind", "beacon", "--site", "plaza")
    flash = enrolled_board(tmp_path / "flash", token, keys).root
    (flash / "board").write_text(json.dumps({"board": "esp32", "rtc": True, "watchdog_ms": 30_000}))
    board = board_on(on_air, flash)

    said = hub.command("firmware", "offer", str(built(tmp_path / "12", 12)), "--site", "plaza")
    assert "is offered to 100 % of plaza" in said
    run_until(board, lambda: slots(flash).get("good") == "b" and told(hub) == "12 runs", "12 runs")
    assert slots(flash)["trial"] is None
    assert hub.get(f"/v1/devices/{NAME}")["firmware"] == "0.2.0+12"
    assert hub.metrics()["ventanilla_firmware_fetches_total"] == 1

    hub.command("firmware", "offer", str(broken(tmp_path / "13", 13)))
    given_up = "13: it was tried and given up"
    run_until(board, lambda: slots(flash).get("refused") == [13] and told(hub) == given_up, given_up)
    assert slots(flash)["good"] == "b"
    assert hub.get(f"/v1/devices/{NAME}")["firmware"] == "0.2.0+12"

    hub.command("firmware", "withdraw", "esp32", "13")
    hub.command("firmware", "offer", str(built(tmp_path / "14", 14)), "--site", "elsewhere")
    listed = hub.command("firmware", "list")
    assert "100 % of elsewhere" in listed
    assert "nobody: withdrawn" in listed
