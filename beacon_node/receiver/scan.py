"""The radio of this machine, through bleak.

Rules:
- Only what stands under Eddystone's service number is passed on, and every advertisement of it, not only
  changes.
- Nothing is sent: a listener connects to nobody. Where the system lets it, scanning is passive; else the
  radio asks those senders for more that offer it, which a beacon of ours does not.

Source: bleak, "BleakScanner"; Bluetooth Core, volume 6, part B, 4.4.3.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakError

from beacon_node.receiver.core.heard import Heard
from beacon_node.receiver.listening import NoRadioError
from shared.beacon_wire.eddystone import SERVICE

SERVICE_UUID: Final = f"0000{SERVICE:04x}-0000-1000-8000-00805f9b34fb"
WAITING_MAX: Final = 1_000
"""Advertisements that wait to be decided about; of more, the oldest are dropped."""


class BleakScan:
    """Listens through bleak. Implements `Scanner`.

    Args:
        backend: bleak's way to a radio; None: the system's own.
    """

    def __init__(self, backend: type[BaseBleakScanner] | None = None) -> None:
        self._backend = backend

    async def heard(self) -> AsyncGenerator[Heard, None]:
        """Yield what is heard.

        Raises:
            NoRadioError: this machine cannot listen.
        """
        waiting: asyncio.Queue[Heard] = asyncio.Queue(WAITING_MAX)

        def take(device: BLEDevice, said: AdvertisementData) -> None:
            if waiting.full():
                waiting.get_nowait()
            data = said.service_data.get(SERVICE_UUID)
            waiting.put_nowait(Heard(address=device.address, service_data=data, rssi_dbm=said.rssi))

        try:
            async with BleakScanner(take, service_uuids=[SERVICE_UUID], backend=self._backend):
                while True:
                    yield await waiting.get()
        except (BleakError, OSError) as error:
            raise NoRadioError(f"{NoRadioError.__doc__} ({type(error).__name__})") from error


def on_air(where: str) -> BleakScan:
    """Return what listens to a virtual air.

    Args:
        where: `host:port`, as `python -m beacon_node.virtual_air` says it.
    """
    # Only who tries beacons without a radio needs it.
    from beacon_node.virtual_air.scanner import scanner_on  # noqa: PLC0415  see above

    return BleakScan(scanner_on(where))
