"""A scanner on the virtual air, behind bleak's own interface: the same program listens to a radio.

    BleakScanner(callback, backend=scanner_on("127.0.0.1:9100"))

It scans passively: nobody learns that somebody listens.

Source: bleak 3.1, `backends/scanner.py`; Bluetooth Core 5.4, volume 4, part E, 7.7.65.2 (advertising report).
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner

_RESET: Final = bytes((1, 0x03, 0x0C, 0))
_PASSIVE: Final = bytes((1, 0x0B, 0x20, 7, 0, 0x10, 0, 0x10, 0, 0, 0))
_SCAN: Final = bytes((1, 0x0C, 0x20, 2, 1, 0))
_ABOUT_LE: Final = 0x3E
_REPORT: Final = 0x02
_BASE: Final = "0000%04x-0000-1000-8000-00805f9b34fb"


def scanner_on(where: str) -> type[BaseBleakScanner]:
    """Return the backend for an air.

    Args:
        where: as `Air.open` and `python -m beacon_node.virtual_air` say it, `host:port`.
    """

    class AirScanner(_AirScanner):
        place = where

    return AirScanner


class _AirScanner(BaseBleakScanner):
    place = ""

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str = "passive",
        **_: object,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._mode = scanning_mode
        self._task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self.seen_devices = {}
        host, _, port = self.place.rpartition(":")
        reader, self._writer = await asyncio.open_connection(host, int(port))
        self._writer.write(_RESET + _PASSIVE + _SCAN)
        self._task = asyncio.create_task(self._listen(reader))

    async def stop(self) -> None:
        """Stop listening."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._writer:
            self._writer.close()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                head = await reader.readexactly(3)
                event = await reader.readexactly(head[2])
                if head[1] == _ABOUT_LE and event[0] == _REPORT:
                    self._heard(event)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass

    def _heard(self, event: bytes) -> None:
        """Take a report of one advertisement."""
        address = ":".join(f"{each:02X}" for each in reversed(event[4:10]))
        length = event[10]
        told = advertised(event[11 : 11 + length], event[11 + length] - ((event[11 + length] & 0x80) << 1))
        if self.is_allowed_uuid(told.service_uuids):
            device = self.create_or_update_device(address, address, told.local_name, event, told)
            self.call_detection_callbacks(device, told)


def advertised(data: bytes, rssi_dbm: int) -> AdvertisementData:
    """Return what an advertisement says, in bleak's words."""
    services: list[str] = []
    service_data: dict[str, bytes] = {}
    manufacturer_data: dict[int, bytes] = {}
    name: str | None = None
    for kind, value in _parts(data):
        match kind:
            case 0x02 | 0x03:
                services += [_uuid(value[at : at + 2]) for at in range(0, len(value) - 1, 2)]
            case 0x08 | 0x09:
                name = value.decode("utf-8", "replace")
            case 0x16 if len(value) >= 2:  # noqa: PLR2004 - a service's number has two bytes
                service_data[_uuid(value[:2])] = value[2:]
            case 0xFF if len(value) >= 2:  # noqa: PLR2004 - and so has a maker's
                manufacturer_data[int.from_bytes(value[:2], "little")] = value[2:]
            case _:
                pass
    return AdvertisementData(name, manufacturer_data, service_data, services, None, rssi_dbm, ())


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 1 < len(data) and data[at]:
        yield data[at + 1], data[at + 2 : at + 1 + data[at]]
        at += 1 + data[at]


def _uuid(two: bytes) -> str:
    return _BASE % int.from_bytes(two, "little")
