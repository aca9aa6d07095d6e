"""The service manager: told that the process is ready and alive, by one datagram each.

Where nobody asks to be told, nothing is sent. Source: sd_notify(3), systemd.service(5), WatchdogSec.
"""

import os
import socket
from contextlib import suppress
from typing import Final

_SOCKET: Final = "NOTIFY_SOCKET"
READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"
STOPPING: Final = "STOPPING=1"


class ServiceManager:
    """Tells systemd, or whoever else listens at the socket that the environment names."""

    def __init__(self) -> None:
        """Look whether anybody asks."""
        self._address = os.environ.get(_SOCKET, "")

    def tell(self, word: str) -> None:
        """Tell it; a manager that has gone is nobody's trouble."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out, suppress(OSError):
            out.sendto(word.encode(), address)
