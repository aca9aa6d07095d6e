"""How a ticket printer is attached: a network, a USB printer device, a serial line; bytes go both ways.

    open_wire("network:192.0.2.7:9100"); open_wire("usb:/dev/usb/lp0"); open_wire("serial:/dev/ttyUSB0:38400")

Source: RAW printing on port 9100; Linux usblp (`/dev/usb/lp*`); termios(3).
"""

import os
import select
import socket
import termios
import time
import tty
from typing import Final

from shared.model.errors import DeviceError

CONNECT_TIMEOUT_S: Final = 2.0
WRITE_TIMEOUT_S: Final = 10.0
"""A printer that takes nothing for so long stands still: it is out of paper, open, or switched off."""
_CHUNK_BYTES: Final = 4096
_BAUDS: Final = {baud: getattr(termios, f"B{baud}") for baud in (9600, 19200, 38400, 57600, 115200)}
_FORMS: Final = "network:HOST:PORT, usb:/dev/usb/lp0 or serial:/dev/ttyUSB0:38400"


class Wire:
    """Bytes to and from a printer.

    Args:
        name: as it stands in the settings.
        file: a descriptor that does not block, owned from now on.
    """

    def __init__(self, name: str, file: int) -> None:
        self._name = name
        self._file = file

    def write(self, data: bytes) -> None:
        """Write everything.

        Raises:
            DeviceError: the printer is gone, or takes nothing.
        """
        for begin in range(0, len(data), _CHUNK_BYTES):
            chunk = data[begin : begin + _CHUNK_BYTES]
            while chunk:
                if not select.select([], [self._file], [], WRITE_TIMEOUT_S)[1]:
                    raise DeviceError(f"the printer {self._name} takes nothing; look at its paper and cover")
                chunk = chunk[self._written(chunk) :]

    def read(self, timeout_s: float) -> bytes:
        """Return what came, as soon as something did; nothing where nothing came in time.

        Raises:
            DeviceError: the printer is gone.
        """
        if not select.select([self._file], [], [], timeout_s)[0]:
            return b""
        try:
            data = os.read(self._file, _CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            raise self._gone() from None
        if not data:
            raise self._gone()
        return data

    def drain(self) -> None:
        """Throw away what came unasked; at most a moment of it.

        Raises:
            DeviceError: the printer is gone.
        """
        until_s = time.monotonic() + CONNECT_TIMEOUT_S
        while time.monotonic() < until_s and self.read(0):
            pass

    def close(self) -> None:
        """Close it."""
        os.close(self._file)

    def _written(self, chunk: bytes) -> int:
        try:
            return os.write(self._file, chunk)
        except BlockingIOError:
            return 0
        except OSError:
            raise self._gone() from None

    def _gone(self) -> DeviceError:
        return DeviceError(f"the printer {self._name} is gone; check its cable and that it is on")


def open_wire(name: str) -> Wire:
    """Open a wire.

    Args:
        name: kind and place; see above.

    Raises:
        DeviceError: the name is none of the forms, or nobody is at its end.
    """
    kind, _, place = name.partition(":")
    try:
        match kind:
            case "network":
                return Wire(name, _connected(place))
            case "usb":
                return Wire(name, _opened(place))
            case "serial":
                return Wire(name, _serial(place))
            case _:
                raise DeviceError(f"a printer is named {_FORMS}")
    except (OSError, termios.error):
        raise DeviceError(f"no printer is at {name}; check its cable and that it is on") from None


def _connected(place: str) -> int:
    host, _, port = place.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise DeviceError(f"a printer is named {_FORMS}")
    connection = socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S)
    connection.settimeout(0)
    return connection.detach()


def _opened(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def _serial(place: str) -> int:
    path, _, baud = place.rpartition(":")
    if not baud.isascii() or not baud.isdigit() or int(baud) not in _BAUDS:
        raise DeviceError(f"a serial line has one of the speeds {', '.join(map(str, _BAUDS))}")
    file = _opened(path)
    try:
        tty.setraw(file)
        settings = termios.tcgetattr(file)
        settings[4] = settings[5] = _BAUDS[int(baud)]
        termios.tcsetattr(file, termios.TCSANOW, settings)
    except termios.error:
        os.close(file)
        raise
    return file
