"""A virtual air with real firmware on it, and what is heard there, as with a phone."""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from beacon_node.firmware import config, identity
from beacon_node.image import lay_out
from beacon_node.virtual_air.air import Air
from beacon_node.virtual_air.board import VirtualBoard
from beacon_node.virtual_air.scanner import scanner_on
from shared.beacon_wire import eddystone
from shared.beacon_wire.eid import identifier, temporary_key
from tests.support.micropython import Block, machine
from tests.support.polling import eventually

T = TypeVar("T")

SERVICE = "0000feaa-0000-1000-8000-00805f9b34fb"
DEVICE, TOWN = "beacon-17", "Vilanova"
SECRET = bytes(range(32))
HEARD_S = 60.0
WATCHDOG_MS = 3_000
AIR_KEY = identity.hkdf(SECRET, identity.AIR_INFO)[:16]
UID = hashlib.sha256(TOWN.encode()).digest()[:10] + hashlib.sha256(DEVICE.encode()).digest()[:6]


class OnAir:
    """An air in a thread of its own, and everything that a scanner has heard there.

    Attributes:
        air: bumble's, to be spoken to through `call` alone.
        where: its address.
        heard: time, the radio's address, strength, the service's data.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, int, bytes]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="air")
        self._thread.start()
        self.air = Air()
        self.where = self.call(self.air.open())
        self._scanner = BleakScanner(self._take, [SERVICE], backend=scanner_on(self.where))
        self.call(self._scanner.start())

    def call(self, asked: Coroutine[object, object, T]) -> T:
        """Do something in the air's thread."""
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(HEARD_S)

    def each_board(self, deed: str) -> None:
        """Let every board's controller do something: `silence` or `fail`."""

        async def do() -> None:
            for radio in self.air.radios()[1:]:
                getattr(radio, deed)()

        self.call(do())

    def since(self) -> int:
        """How much was heard until now."""
        return len(self.heard)

    def wait_for(self, kind: type[T], since: int = 0) -> T:
        """Wait until a frame of a kind is heard; return it."""

        def look() -> T | None:
            frames = (eddystone.read(data) for _, _, _, data in self.heard[since:])
            return next((frame for frame in frames if isinstance(frame, kind)), None)

        found = eventually(look, timeout_s=HEARD_S, what=lambda: f"{kind.__name__} in {self.heard[since:]}")
        assert found is not None
        return found

    def close(self) -> None:
        """End the air."""
        self.call(self._scanner.stop())
        self.call(self.air.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _take(self, device: BLEDevice, told: AdvertisementData) -> None:
        self.heard.append((time.monotonic(), device.address, told.rssi, told.service_data[SERVICE]))


def node_flash(folder: Path, **settings: object) -> Path:
    """The flash of a node that was set up, with a second slot that is the same firmware."""
    lay_out(folder)
    lay_out_second(folder)
    (folder / "identity").write_text(json.dumps({"v": 1, "device": DEVICE, "town": TOWN}))
    (folder / "secret").write_bytes(SECRET)
    (folder / "board").write_text(json.dumps({"board": "virtual", "rtc": True, "watchdog_ms": WATCHDOG_MS}))
    said = {name.replace("_", ".", 1): value for name, value in settings.items()}
    config.save({"beacon.interval_ms": 100} | said, str(folder / "config"))
    return folder


def lay_out_second(folder: Path) -> None:
    """Put the same firmware into the second slot too."""
    (folder / "b").mkdir()
    for path in (folder / "a").rglob("*.mpy"):
        copy = folder / "b" / path.relative_to(folder / "a")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def give_link(folder: Path, source: str, slot: str = "a") -> None:
    """Give the firmware of a slot another part that speaks to the hub."""
    room = folder / slot / "beacon_node/firmware"
    (room / "link.mpy").unlink(missing_ok=True)
    (room / "link.py").write_text(source)


@contextmanager
def powered(board: VirtualBoard) -> Iterator[VirtualBoard]:
    """A board with power, as long as that lasts."""
    board.power_on()
    try:
        yield board
    finally:
        board.power_off()


def board_on(
    on_air: OnAir, flash: Path, name: str = "64 bits", *, battery_clock_s: int | None = None
) -> VirtualBoard:
    """A board on an air."""
    return VirtualBoard(flash, on_air.where, machine=machine(name), battery_clock_s=battery_clock_s)


def identifiers(about_s: float, exponent: int = 10) -> set[bytes]:
    """The node's identifiers around an instant."""
    windows = (int(about_s) + (at << exponent) for at in (-1, 0, 1))
    return {identifier(Block, temporary_key(Block, AIR_KEY, at >> 16), at, exponent) for at in windows}
