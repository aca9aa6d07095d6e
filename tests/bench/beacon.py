"""A node in real MicroPython: its heap, what a step allocates, its first advertisement, taking a firmware."""

import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import Final

from beacon_node.virtual_air.board import Cause
from shared.protocol import limits
from shared.protocol.firmware import sign
from tests.support.beacon import OnAir, board_on, give_link, node_flash, powered
from tests.support.firmware import Shelf, manifest, parts, town_key
from tests.support.micropython import run as run_on
from tests.support.polling import eventually

Row = dict[str, object]
STARTS: Final = 40
STEPS: Final = 1_000
HEAP_USED_B: Final = 40_000
HEAP_FREE_B: Final = 60_000
FIRST_PDU_MS: Final = 150
OTA_HEAP_B: Final = 4_096
OTA_FILES: Final = 32
TELLS: Final = """
async def run(node):
    import asyncio, machine
    while True:
        await asyncio.sleep_ms(1500)
        values = node.telemetry.measured(node.air, node.clock)
        print("heap", values["heap_used"] - machine.HEAP_TAKEN, values["heap_free"] + machine.HEAP_TAKEN)
"""


def run() -> list[Row]:
    """Measure all of it."""
    on_air = OnAir()
    try:
        with tempfile.TemporaryDirectory() as folder:
            flash = node_flash(Path(folder) / "flash")
            return [*_heap(on_air, flash), _allocated(), _first(on_air, flash), _taken(Path(folder))]
    finally:
        on_air.close()


def _heap(on_air: OnAir, flash: Path) -> list[Row]:
    """A node that advertises, all but its link, on a board's word size and a heap of 111 KiB."""
    give_link(flash, TELLS)
    with powered(board_on(on_air, flash, "32 bits", battery_clock_s=int(time.time()))) as board:
        told = eventually(lambda: [line for line in board.said if line.startswith("heap ")][2:], timeout_s=60)
    used, free = map(int, told[0].split()[1:])
    return [
        _row("beacon.heap_used", used, "bytes", "40 KB", used / HEAP_USED_B),
        _row("beacon.heap_free", free, "bytes", "60 KB", free / HEAP_FREE_B),
    ]


def _allocated() -> Row:
    (first, *_) = run_on("32 bits", "rotating.py", "alloc", str(STEPS))
    each = int(first.split()[1]) / STEPS
    return _row("beacon.rotation_alloc", each, "bytes a step", "none", each)


def _first(on_air: OnAir, flash: Path) -> Row:
    """From the start of the machine to what a phone hears, of many starts."""
    took_ms: list[float] = []
    for _ in range(STARTS):
        since = on_air.since()
        began_s = time.monotonic()
        with powered(board_on(on_air, flash)) as board:
            eventually(lambda: on_air.heard[since:], timeout_s=60)  # noqa: B023 - looked at in this turn
            took_ms.append((on_air.heard[since][0] - began_s) * 1000)
        if board.starts != [Cause.POWER]:
            msg = f"It started {board.starts}."
            raise RuntimeError(msg)
    late_ms = quantiles(took_ms, n=20)[-1]
    return _row("beacon.first_pdu", late_ms, "ms", "150 ms, p95", late_ms / FIRST_PDU_MS)


def _taken(folder: Path) -> Row:
    """A firmware as large as a slot, verified and taken on a real littlefs, on a board's word size."""
    files = parts((limits.FIRMWARE_BYTES_MAX // OTA_FILES,) * OTA_FILES)
    shelf = Shelf(folder)
    shelf.offer(sign(manifest(files).unsigned(), town_key()), b"".join(files.values()), heap=True)
    (taken,) = shelf.taken("32 bits")
    if not taken["whole"]:
        raise RuntimeError(taken["said"])
    return _row("beacon.ota_heap", taken["heap"], "bytes more", "4 KB", taken["heap"] / OTA_HEAP_B)


def _row(name: str, value: float, unit: str, against: str, ratio: float) -> Row:
    return {
        "name": name,
        "value": round(value, 1),
        "unit": unit,
        "against": against,
        "ratio": round(ratio, 2),
    }
