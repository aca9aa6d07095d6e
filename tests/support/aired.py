"""Real firmware on the virtual air, with a time and a secret of its own, for whoever listens."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from beacon_node.firmware import config
from beacon_node.firmware.identity import hkdf
from beacon_node.image import lay_out
from beacon_node.receiver.core.heard import Heard
from beacon_node.receiver.core.resolver import Aes
from beacon_node.receiver.listening import Scanner
from beacon_node.virtual_air.air import Air
from beacon_node.virtual_air.board import VirtualBoard
from shared.beacon_wire.eid import temporary_key
from shared.model.beacon_keys import BeaconKeys
from tests.support.phone import PERIODS, beacon_keys

TOWN: Final = "Villafaro"
SLOT: Final = "a/beacon_node/firmware"
LINK: Final = """
import asyncio

async def run(node):
    node.clock.trust({unix_ms})
    while True:
        await asyncio.sleep_ms(1000)
"""
"""In place of the node's link: a hub that says the time at once, and nothing else."""
LIMIT_S: Final = 90.0


def now_s() -> int:
    return int(time.time())


def secret_of(device: str) -> bytes:
    return sha256(f"secret of {device}".encode()).digest()


def air_key_of(device: str) -> bytes:
    """What the node makes its identifiers of."""
    return hkdf(secret_of(device), b"vt1 air")[:16]


def node(flash: Path, where: str, device: str, *, unix_s: int | None, name: str = "") -> VirtualBoard:
    """A board with firmware on it, not yet powered.

    Args:
        flash: its folder.
        where: the air.
        device: whose secret it has.
        unix_s: what the hub tells it; None: no hub is reached.
        name: what it calls itself; as a rule the same.
    """
    lay_out(flash)
    for compiled in (flash / SLOT).glob("link.*"):
        compiled.unlink()
    if unix_s is not None:
        (flash / SLOT / "link.py").write_text(LINK.format(unix_ms=unix_s * 1000))
    (flash / "identity").write_text(json.dumps({"v": 1, "device": name or device, "town": TOWN}))
    (flash / "secret").write_bytes(secret_of(device))
    config.save({"beacon.interval_ms": 100}, str(flash / "config"))
    return VirtualBoard(flash, where, chip=flash.name)


def keys_of(*devices: str) -> BeaconKeys:
    """The district's bundle, each device at a place of its name."""
    made = beacon_keys(devices, now_s())
    first = made.first_period
    return replace(
        made,
        beacons=tuple(
            replace(
                one,
                uid=sha256(TOWN.encode()).digest()[:10] + sha256(one.place.encode()).digest()[:6],
                keys=tuple(
                    temporary_key(Aes, air_key_of(one.place), first + number) for number in range(PERIODS)
                ),
            )
            for one in made.beacons
        ),
    )


@asynccontextmanager
async def aired(folder: Path, loss: float = 0.0) -> AsyncGenerator[tuple[str, Callable[..., None]]]:
    """An air; yields where it is, and what puts a node on it (as `node` takes it, without the air)."""
    air = Air(loss=loss)
    where = await air.open()
    boards: list[VirtualBoard] = []

    def put(device: str, *, unix_s: int | None, name: str = "") -> None:
        boards.append(node(folder / f"board-{len(boards)}", where, device, unix_s=unix_s, name=name))
        boards[-1].power_on()

    try:
        yield where, put
    finally:
        for board in boards:
            await asyncio.to_thread(board.power_off)
        await air.close()


async def listen_until(scanner: Scanner, hear: Callable[[Heard], object], done: Callable[[], bool]) -> None:
    """Listen until something is so."""
    async with asyncio.timeout(LIMIT_S), aclosing(scanner.heard()) as all_heard:
        async for one in all_heard:
            hear(one)
            if done():
                return
