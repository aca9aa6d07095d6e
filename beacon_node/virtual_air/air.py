"""The air: every connection is one radio's controller, and what one advertises the others hear.

Controllers are bumble's, spoken to in HCI (H4) over TCP, as boards and scanners do. How strong a radio is
heard, and how much of it is lost, is set here; so is what a failing chip does.

Rules:
- An advertisement reaches every radio that scans, or none of those that lose it; nothing is changed on the
  way.
- Losses come from a seed: the same run loses the same.

Source: Bluetooth Core 5.4, volume 4, parts A and E; bumble 0.0.236, of whose legacy advertising three things
are put right below: what is not connectable is never sent, an interval is counted in other units, every
signal is as strong.
"""

import asyncio
import random
from typing import Final

from bumble import hci, ll
from bumble.controller import Controller, LegacyAdvertiser
from bumble.link import LocalLink
from bumble.transport.common import PacketParser

RSSI_DBM: Final = -60
_INTERVAL_UNIT_S: Final = 0.000625
_INTERVAL_MIN_S: Final = 0.02
_READ_BYTES: Final = 4096
_HARDWARE_ERROR: Final = bytes((4, 0x10, 1, 0))


class Air(LocalLink):
    """The waves between radios.

    Args:
        loss: the share of advertisements that are lost, 0 to 1.
        rssi_dbm: how strong a radio is heard that nothing else is said of.
        seed: of the losses.

    Attributes:
        sent: advertisements that went out.
    """

    def __init__(self, *, loss: float = 0.0, rssi_dbm: int = RSSI_DBM, seed: int = 1) -> None:
        super().__init__()
        self.loss = loss
        self.sent = 0
        self._rssi_dbm = rssi_dbm
        self._strength: dict[int, int] = {}
        self._random = random.Random(seed)  # noqa: S311 - it loses advertisements, it makes no secrets
        self._radios: dict[int, Radio] = {}
        self._served: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._count = 0

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Open the air for radios; return where, as `host:port`."""
        self._server = await asyncio.start_server(self._connected, host, port)
        name, number = self._server.sockets[0].getsockname()[:2]
        return f"{name}:{number}"

    async def close(self) -> None:
        """Take every radio off the air."""
        if self._server:
            self._server.close()
        for task in tuple(self._served):
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)

    def radios(self) -> tuple["Radio", ...]:
        """Return what is connected, in the order in which it came."""
        return tuple(self._radios.values())

    def hear(self, number: int, rssi_dbm: int) -> None:
        """Say how strong a radio, by its number in the order of connecting, is heard from now on."""
        self._strength[number] = rssi_dbm

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """Carry one advertisement to every other radio; bumble calls this."""
        self.sent += 1
        if self.loss and self._random.random() < self.loss:
            return
        number = sender_controller.number if isinstance(sender_controller, Radio) else 0
        rssi_dbm = self._strength.get(number, self._rssi_dbm)
        for radio in self.radios():
            if radio is not sender_controller and isinstance(packet, ll.AdvInd):
                radio.heard(packet, rssi_dbm)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._served.add(serving)
        serving.add_done_callback(self._served.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        radio = Radio(self, self._count, writer)
        self._radios[radio.number] = radio
        parser = PacketParser(radio)
        try:
            while data := await reader.read(_READ_BYTES):
                parser.feed_data(data)
        except ConnectionError:
            pass
        finally:
            radio.silence()
            del self._radios[radio.number]
            self.remove_controller(radio)
            writer.close()


class Radio(Controller):
    """One controller, as far as beacons and scanners use it.

    Attributes:
        number: from 1, in the order of connecting.
    """

    def __init__(self, air: Air, number: int, writer: asyncio.StreamWriter) -> None:
        address = hci.Address(f"F0:00:00:00:{number >> 8 & 255:02X}:{number & 255:02X}")
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  bumble leaves one argument untyped
            f"radio {number}", link=air, public_address=address
        )
        self.number = number
        self._writer = writer
        self.le_legacy_advertiser = Advertiser(self)
        self.set_packet_sink(self)

    def on_packet(self, packet: bytes) -> None:
        """Take a packet: what comes from the host is a command, what the controller says goes to the host."""
        if packet[0] == hci.HCI_EVENT_PACKET:
            if not self._writer.is_closing():
                self._writer.write(packet)
        else:
            super().on_packet(packet)

    def heard(self, packet: ll.AdvInd, rssi_dbm: int) -> None:
        """Report an advertisement to the host, if it scans."""
        if self.le_scan_enable:
            kind = hci.HCI_LE_Advertising_Report_Event.EventType.ADV_NONCONN_IND
            report = hci.HCI_LE_Advertising_Report_Event.Report(
                event_type=kind,
                address_type=packet.advertiser_address.address_type,
                address=packet.advertiser_address,
                data=packet.data,
                rssi=rssi_dbm,
            )
            self.on_packet(bytes(hci.HCI_LE_Advertising_Report_Event([report])))

    def silence(self) -> None:
        """Stop advertising and tell nobody, as a chip does that has forgotten."""
        self.le_legacy_advertiser.stop()

    def fail(self) -> None:
        """Say that the hardware failed, and go silent."""
        self.silence()
        self.on_packet(_HARDWARE_ERROR)


class Advertiser(LegacyAdvertiser):
    """Advertises what is not connectable too, in the interval that was asked for."""

    def _on_timer_fired(self) -> None:
        self.send_advertising_data()
        interval_s = max(_INTERVAL_MIN_S, self.advertising_interval_min * _INTERVAL_UNIT_S)
        self.timer_handle = asyncio.get_running_loop().call_later(interval_s, self._on_timer_fired)

    def send_advertising_data(self) -> None:
        """Send one advertisement."""
        if self.enabled:
            packet = ll.AdvInd(advertiser_address=self.address, data=self.advertising_data)
            self.controller.send_advertising_pdu(packet)
