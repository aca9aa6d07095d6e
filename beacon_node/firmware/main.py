"""The node put together: the air first, whatever else there is; then the tasks, each watched by the guard.

Rules:
- Nothing of the network is imported before the first advertisement, and none at all in safe mode.
- A task that ends, or hangs, takes the board down; the start is counted by `boot`.
"""

import gc
import json
import time

import bluetooth
import cryptolib
import machine

from beacon_node.firmware import config, slots
from beacon_node.firmware import identity as identities
from beacon_node.firmware.air import Air
from beacon_node.firmware.clock import Clock
from beacon_node.firmware.guard import Guard
from beacon_node.firmware.twin import Twin

BOARD = "/board"
WATCHDOG_MS = 8000
"""The longest that every board can wait."""
CHECK_MS = 1000
STOOD_MS = 60000
MINUTE_MS = 60000
SAFE_MS = 900000
MEASURE_MS = 60000
SWEEP_BYTES = 4096
"""The heap is swept whenever so much was taken: swept only when full, it is in pieces too small for TLS."""
_ECB = 1


class Node:
    """What every task of a node is given.

    Attributes:
        twin: what the hub wants.
        settings: in force: what it was set up with, and the twin's document over it.
        identity: who it is.
        clock: its time.
        air: what it says on the air.
        guard: who feeds the watchdog.
        board: what the board is: `board`, `watchdog_ms`, `rtc`, `battery_pin`.
        telemetry: what it measures; None until the first advertisement is out.
    """

    def __init__(self) -> None:
        self.board = _board()
        self.twin = Twin()
        self._set_up = config.load()
        self.settings = config.over(self._set_up, self.twin.in_force())
        self.identity = identities.load(machine.unique_id())
        self.clock = Clock(time, machine.RTC() if self.board.get("rtc") else None)
        self.air = Air(bluetooth.BLE(), self.clock, self.settings, self.identity, aes, time)
        self.telemetry = None
        self.guard = None

    def put_in_force(self, doc: dict) -> None:
        """Do from now on what another document of the hub wants."""
        self.settings = config.over(self._set_up, doc)
        self.air.take(self.settings)
        self.watch_air()

    def watch_air(self) -> None:
        """Wait for the air as long as its steps last."""
        self.guard.watch("air", 4 * self.air.step_ms + 5000)


def aes(key: bytes):
    """Return AES of a key, one block at a time."""
    return cryptolib.aes(key, _ECB)


def run() -> None:
    """Advertise, then do the rest, until something ends."""
    gc.threshold(SWEEP_BYTES)
    node = Node()
    node.air.begin()
    import asyncio

    asyncio.run(live(node))


async def live(node: Node) -> None:
    """Start every task; end with the first that ends, and with that the board starts again."""
    import asyncio

    from beacon_node.firmware.telemetry import Telemetry

    node.telemetry = Telemetry(machine, node.board)
    asked_ms = node.board.get("watchdog_ms")
    dog = machine.WDT(timeout=asked_ms if isinstance(asked_ms, int) and asked_ms > CHECK_MS else WATCHDOG_MS)
    node.guard = Guard(time, dog)
    tasks = [_watch(node), _speak(node), _look(node)]
    if slots.safe():
        tasks.append(_wait_safely())
    else:
        tasks.append(_stand(node))
        link = _link()
        if link is not None:
            tasks.append(link.run(node))
    running = [asyncio.create_task(task) for task in tasks]
    while not any(task.done() for task in running):
        await asyncio.sleep_ms(CHECK_MS)
    for task in running:
        if task.done():
            await task  # what ended it is told to who runs this


async def _speak(node: Node) -> None:
    import asyncio

    node.watch_air()
    while True:
        await asyncio.sleep_ms(node.air.step_ms)
        if node.air.step():
            node.guard.moved("air")
        if node.clock.record_due():
            node.clock.record()


async def _look(node: Node) -> None:
    import asyncio

    node.guard.watch("telemetry", 3 * MEASURE_MS)
    while True:
        node.telemetry.aired(node.air)
        node.guard.moved("telemetry")
        await asyncio.sleep_ms(MEASURE_MS)


async def _watch(node: Node) -> None:
    import asyncio

    while True:
        node.guard.check()
        await asyncio.sleep_ms(CHECK_MS)


async def _stand(node: Node) -> None:
    """After a minute the start was a good one; a trial that nobody confirms has failed."""
    import asyncio

    await asyncio.sleep_ms(STOOD_MS)
    slots.stood()
    minutes = heard_minutes = 0
    while not (slots.on_trial() and slots.has_failed(minutes, heard_minutes)):
        await asyncio.sleep_ms(MINUTE_MS)
        minutes += 1
        heard_minutes += node.clock.heard


async def _wait_safely() -> None:
    """After a while, let the whole firmware be tried again."""
    import asyncio

    await asyncio.sleep_ms(SAFE_MS)
    slots.tried_safely()
    machine.reset()


def _link():
    """The part that speaks to the hub; a node without one is a beacon all the same."""
    try:
        from beacon_node.firmware import link
    except ImportError:
        return None
    return link


def _board() -> dict:
    try:
        with open(BOARD) as file:
            said = json.load(file)
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
