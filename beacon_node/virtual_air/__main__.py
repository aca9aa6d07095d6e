"""`python -m beacon_node.virtual_air [FOLDER …]`: an air, with a board for every folder, until told to end.

where the air is (`host:port`) is its first line; scanners and other boards connect to that
a folder that is empty becomes a board's flash, with the firmware in its first slot

--port N     where the air is, else any
--loss 0.1   a share of the advertisements is lost
--listen     every advertisement that is new, a line each: strength, address, bytes
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from beacon_node.image import lay_out
from beacon_node.virtual_air.air import Air
from beacon_node.virtual_air.board import VirtualBoard
from beacon_node.virtual_air.scanner import scanner_on


async def serve(flashes: list[Path], port: int, loss: float, *, listen: bool) -> None:
    """Be the air until SIGTERM or Ctrl-C."""
    ending = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    air = Air(loss=loss)
    where = await air.open(port=port)
    _tell(where)
    boards: list[VirtualBoard] = []
    for flash in flashes:
        if not (flash / "boot.py").exists():
            lay_out(flash)
        boards.append(VirtualBoard(flash.absolute(), where, chip=flash.name))
        boards[-1].power_on()
    scanner = BleakScanner(_heard(set()), backend=scanner_on(where)) if listen else None
    if scanner:
        await scanner.start()
    await ending.wait()
    if scanner:
        await scanner.stop()
    for board in boards:
        await asyncio.to_thread(board.power_off)
    await air.close()


def _heard(known: set[tuple[str, bytes]]):  # noqa: ANN202 - what bleak calls
    def heard(device: BLEDevice, told: AdvertisementData) -> None:
        for data in told.service_data.values():
            if (device.address, data) not in known:
                known.add((device.address, data))
                _tell(f"{told.rssi} dBm  {device.address}  {data.hex()}")

    return heard


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m beacon_node.virtual_air", description=__doc__)
    parser.add_argument("flash", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--listen", action="store_true")
    given = parser.parse_args()
    asyncio.run(serve(given.flash, given.port, given.loss, listen=given.listen))


if __name__ == "__main__":
    main()
