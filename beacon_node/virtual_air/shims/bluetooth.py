"""The board's `bluetooth`, carried as HCI (H4) over TCP to a controller of the virtual air.

What a beacon needs and no more: `active`, `config`, `irq`, `gap_advertise`. Sending allocates nothing, so
that a step of the firmware can be measured together with its radio.

Source: MicroPython's documentation of `bluetooth`; Bluetooth Core 5.4, volume 4, parts A and E.
"""

import os
import socket

RESET, SET_ADDRESS, SET_PARAMETERS, SET_DATA, ENABLE = 0x0C03, 0x2005, 0x2006, 0x2008, 0x200A
ADVERTISEMENT_MAX = 31
NOT_ACTIVE, INVALID, BUSY = 19, 22, 16
INTERVAL_UNIT_US = 625
INTERVAL_MIN = 0x20
CONNECTABLE, NOT_CONNECTABLE = 0, 3
RANDOM_ADDRESS = 1
COMPLETE, STATUS, HARDWARE_ERROR = 0x0E, 0x0F, 0x10


class BLE:
    """One radio of one board; every call gives the same."""

    _one = None

    def __new__(cls):
        """Give the one that there is."""
        if cls._one is None:
            cls._one = super().__new__(cls)
            cls._one._stand()
        return cls._one

    def _stand(self):
        self._socket = None
        self._advertising = False
        self._out = bytearray(40)
        self._in = bytearray(3)
        self._event = bytearray(260)
        self._address = bytearray(6)

    def active(self, on=None):
        """Switch on or off, or say how it stands. A controller that is gone counts as off."""
        if on is None:
            return self._socket is not None
        if on and self._socket is None:
            host, _, port = (os.getenv("BLE_AIR") or "127.0.0.1:9100").partition(":")
            self._socket = socket.socket()
            try:
                self._socket.connect(socket.getaddrinfo(host, int(port))[0][-1])
                self._command(RESET, 0)
                self.config(addr_mode=3)
            except OSError:
                self._lost()
                raise
        elif not on and self._socket is not None:
            self._lost()
        return self._socket is not None

    def irq(self, handler):
        """Take a handler of events; a beacon that is not connectable has none."""

    def config(self, *names, **values):
        """Say the address, or take another."""
        if names:
            return (RANDOM_ADDRESS, bytes(self._address))
        if values.get("addr_mode"):
            fresh = os.urandom(6)
            for place in range(6):
                self._address[place] = self._out[4 + place] = fresh[place]
            self._address[5] = self._out[9] = fresh[5] & 0x3F  # neither resolvable nor static
            self._command(SET_ADDRESS, 6)
        return None

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        """Advertise, or stop with None."""
        if self._socket is None:
            raise OSError(NOT_ACTIVE)
        if adv_data is not None and len(adv_data) > ADVERTISEMENT_MAX:
            raise OSError(INVALID)
        out = self._out
        if self._advertising:
            out[4] = 0
            self._command(ENABLE, 1)
            self._advertising = False
        if interval_us is None:
            return
        for place in range(4, 19):
            out[place] = 0
        interval = max(INTERVAL_MIN, interval_us // INTERVAL_UNIT_US)
        out[4] = out[6] = interval & 255
        out[5] = out[7] = interval >> 8
        out[8] = CONNECTABLE if connectable else NOT_CONNECTABLE
        out[9] = RANDOM_ADDRESS
        out[17] = 7
        self._command(SET_PARAMETERS, 15)
        if adv_data is not None:
            for place in range(ADVERTISEMENT_MAX):
                out[5 + place] = adv_data[place] if place < len(adv_data) else 0
            out[4] = len(adv_data)
            self._command(SET_DATA, 32)
        out[4] = 1
        self._command(ENABLE, 1)
        self._advertising = True

    def _command(self, code, length):
        """Send a command whose parameters stand in the buffer; wait until it is done."""
        out, head, event = self._out, self._in, self._event
        out[0], out[1], out[2], out[3] = 1, code & 255, code >> 8, length
        if self._socket is None:
            raise OSError(NOT_ACTIVE)
        if self._socket.write(out, 4 + length) != 4 + length:
            self._lost()
            raise OSError(NOT_ACTIVE)
        while True:
            self._read(head, 3)
            self._read(event, head[2])
            if head[1] == HARDWARE_ERROR:
                self._lost()
                raise OSError(NOT_ACTIVE)
            if head[1] == COMPLETE and event[1] | event[2] << 8 == code:
                if event[3]:
                    raise OSError(BUSY)
                return
            if head[1] == STATUS and event[2] | event[3] << 8 == code and event[0]:
                raise OSError(BUSY)

    def _read(self, into, length):
        got = 0
        while got < length:
            read = self._socket.readinto(into if got == 0 else memoryview(into)[got:], length - got)
            if not read:
                self._lost()
                raise OSError(NOT_ACTIVE)
            got += read

    def _lost(self):
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._advertising = False
