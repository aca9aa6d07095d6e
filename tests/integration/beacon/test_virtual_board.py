"""The firmware in real MicroPython on the virtual air, heard through bleak as a phone would hear it."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from beacon_node.firmware import boot
from beacon_node.virtual_air.board import Cause, NoMachineError, VirtualBoard
from shared.beacon_wire.eddystone import Eid, SealedTlm, Tlm, Uid, Url
from shared.beacon_wire.eid import Sealer
from tests.support.beacon import (
    AIR_KEY,
    HEARD_S,
    UID,
    OnAir,
    board_on,
    give_link,
    identifiers,
    node_flash,
    powered,
)
from tests.support.micropython import MACHINES, Block
from tests.support.polling import eventually

RUN = """
async def run(node):
    import asyncio
    {}
    await asyncio.sleep_ms({})
    while True:
        {}
"""
SILENT = RUN.format("", 0, "await asyncio.sleep_ms(1000)")
HANGS = RUN.format("", 1500, "pass")
STALLS = RUN.format("node.guard.watch('link', 1000)", 600_000, "pass")
TRUSTS = RUN.format("node.clock.trust(1795293730000)", 600_000, "pass")
BREAKS = "async def run(node):\n    raise ValueError('broken')\n"


@pytest.fixture
def on_air() -> Iterator[OnAir]:
    air = OnAir()
    yield air
    air.close()


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    made = node_flash(tmp_path / "flash", beacon_url="https://x.es/b/biblio-3")
    give_link(made, SILENT)
    return made


def counted(flash: Path, count: int) -> bool:
    """Whether the node has counted so many starts."""
    starts = flash / "starts"
    return starts.exists() and starts.read_text() == str(count)


@pytest.mark.parametrize("name", MACHINES)
def test_node_without_time_says_its_lasting_identity_address_and_telemetry(
    on_air: OnAir, flash: Path, name: str
) -> None:
    with powered(board_on(on_air, flash, name)):
        uid = on_air.wait_for(Uid)
        assert uid.namespace + uid.instance == UID
        assert on_air.wait_for(Url).url == "https://x.es/b/biblio-3"
        assert on_air.wait_for(Tlm).sent > 0
    assert not any(data[0] == 0x30 for _, _, _, data in on_air.heard)


@pytest.mark.parametrize("name", MACHINES)
def test_node_with_a_clock_that_ran_on_says_the_identifier_of_now(
    on_air: OnAir, flash: Path, name: str
) -> None:
    now_s = int(time.time())
    with powered(board_on(on_air, flash, name, battery_clock_s=now_s)):
        assert on_air.wait_for(Eid).identifier in identifiers(now_s)
        told = on_air.wait_for(SealedTlm)
    sealer = Sealer(Block, AIR_KEY)
    frame = told.sealed + told.salt + told.check
    windows = [now_s + (at << 10) for at in (-1, 0, 1)]
    assert any(sealer.opened(at >> 16, at & 0xFFFF, 10, frame) for at in windows)
    assert {data[0] for _, _, _, data in on_air.heard} <= {0x10, 0x20, 0x30}


def test_node_that_learns_the_time_hides_and_takes_another_address(on_air: OnAir, flash: Path) -> None:
    give_link(flash, TRUSTS)
    with powered(board_on(on_air, flash)):
        on_air.wait_for(Uid)
        assert on_air.wait_for(Eid).identifier in identifiers(1_795_293_730)
    addresses: dict[int, set[str]] = {}
    for _, address, _, data in on_air.heard:
        addresses.setdefault(data[0], set()).add(address)
    assert not addresses[0x00] & addresses[0x30]
    assert Path(flash / "clock").read_text().startswith("17952937")


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff" * 5_000])
def test_node_with_spoilt_files_advertises_all_the_same(on_air: OnAir, flash: Path, damage: bytes) -> None:
    for name in ("config", "identity", "secret", "board", "clock", "slots", "starts"):
        (flash / name).write_bytes(damage)
    with powered(board_on(on_air, flash)):
        on_air.wait_for(Uid)


def test_node_that_is_killed_is_back_and_counts_its_starts(on_air: OnAir, flash: Path) -> None:
    board = board_on(on_air, flash)
    for count in (1, 2, 3):
        since = on_air.since()
        with powered(board):
            on_air.wait_for(Uid, since)
            eventually(partial(counted, flash, count), timeout_s=HEARD_S)
    assert board.starts == [Cause.POWER] * 3
    assert boot.read(str(flash / "slots"))["boots"] == 3


def test_task_that_hangs_is_ended_by_the_watchdog_and_the_air_comes_back(on_air: OnAir, flash: Path) -> None:
    give_link(flash, HANGS)
    with powered(board_on(on_air, flash)) as board:
        eventually(lambda: Cause.WATCHDOG in board.starts, timeout_s=HEARD_S, what="a bite")
        on_air.wait_for(Uid, on_air.since())


def test_task_that_does_not_move_is_named_after_the_watchdog_has_bitten(on_air: OnAir, flash: Path) -> None:
    give_link(flash, STALLS)
    with powered(board_on(on_air, flash)) as board:
        eventually((flash / "stalled").exists, timeout_s=HEARD_S, what="who stalled")
        assert (flash / "stalled").read_text() == "link"
        eventually(lambda: Cause.WATCHDOG in board.starts, timeout_s=HEARD_S, what="a bite")


@pytest.mark.parametrize("deed", ["silence", "fail"])
def test_radio_that_stops_is_told_again(on_air: OnAir, flash: Path, deed: str) -> None:
    with powered(board_on(on_air, flash)) as board:
        on_air.wait_for(Uid)
        on_air.each_board(deed)
        on_air.wait_for(Uid, on_air.since())
        assert board.starts == [Cause.POWER]


def test_firmware_on_trial_that_breaks_three_times_gives_way_to_the_good_one(
    on_air: OnAir, flash: Path
) -> None:
    give_link(flash, BREAKS, slot="b")
    stand = {"good": "a", "trial": "b", "sequence": 12, "boots": 0, "refused": []}
    (flash / "slots").write_text(json.dumps(stand))
    with powered(board_on(on_air, flash)) as board:
        eventually(
            lambda: boot.read(str(flash / "slots"))["trial"] is None, timeout_s=HEARD_S, what="the end"
        )
        on_air.wait_for(Uid, on_air.since())
    found = boot.read(str(flash / "slots"))
    assert (found["good"], found["refused"]) == ("a", [12])
    assert board.starts == [Cause.POWER, Cause.RESET, Cause.RESET, Cause.RESET]
    assert (flash / "ended").read_text() == "ValueError"


def test_good_firmware_that_never_stands_goes_into_safe_mode_and_advertises(
    on_air: OnAir, flash: Path
) -> None:
    give_link(flash, BREAKS)
    (flash / "slots").write_text(json.dumps({"good": "a", "boots": 9}))
    with powered(board_on(on_air, flash)) as board:
        eventually(
            lambda: boot.read(str(flash / "slots"))["boots"] == 11, timeout_s=HEARD_S, what="safe mode"
        )
        since = on_air.since()
        on_air.wait_for(Tlm, since)
        assert len(board.starts) == 2


def test_board_without_a_machine_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoMachineError, match="make setup"):
        VirtualBoard(tmp_path, "", machine=tmp_path / "no-such-machine")
