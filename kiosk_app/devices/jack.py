"""The socket for a headset, by the switch that the kernel reports for it.

Rule: what is not known counts as nothing plugged in, so that nothing private reaches the speaker.

Source: Linux, include/uapi/linux/input.h (EVIOCGSW) and input-event-codes.h (SW_HEADPHONE_INSERT).
"""

import os
from collections.abc import Callable
from fcntl import ioctl
from typing import Final

from kiosk_app.devices.port import WORKS, Health, State
from shared.model.errors import DeviceError

_HEADPHONE_INSERT: Final = 2
_SWITCH_BYTES: Final = 4
_READ_SWITCHES: Final = (2 << 30) | (_SWITCH_BYTES << 16) | (ord("E") << 8) | 0x1B


class KernelJack:
    """A socket that the kernel watches.

    Args:
        path: of its input device, such as `/dev/input/by-path/…-event`.
        read_switches: asks the kernel how the switches of an open input device stand.
    """

    def __init__(self, path: str, read_switches: Callable[[int], bytes] | None = None) -> None:
        self._path = path
        self._read = read_switches or _kernel_switches
        self._file: int | None = None

    def open(self) -> None:
        """Open its input device.

        Raises:
            DeviceError: it is not there.
        """
        self.close()
        try:
            self._file = self._opened()
        except OSError:
            raise DeviceError(self._remedy()) from None

    def close(self) -> None:
        """Close it."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def is_plugged(self) -> bool:
        """Tell whether a headset is in the socket."""
        return bool(self._switches() or 0)

    def health(self) -> Health:
        """Ask for the switches."""
        if self._switches() is not None:
            return WORKS
        return Health(state=State.AWAY, remedy=self._remedy())

    def _switches(self) -> int | None:
        """Return the headset's switch; None where it cannot be read. One that came back is opened again."""
        try:
            if self._file is None:
                self._file = self._opened()
            bits = int.from_bytes(self._read(self._file)[:_SWITCH_BYTES], "little")
        except OSError:
            self.close()
            return None
        return (bits >> _HEADPHONE_INSERT) & 1

    def _opened(self) -> int:
        return os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def _remedy(self) -> str:
        return f"the headset's socket {self._path} cannot be read; name its input device in the settings"


class NoJack:
    """A kiosk without a socket for a headset: nothing private is ever spoken."""

    def open(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""

    def is_plugged(self) -> bool:
        """Never."""
        return False

    def health(self) -> Health:
        """Say that there is none."""
        return Health(state=State.AWAY, remedy="no socket for a headset is set up; name its input device")


def _kernel_switches(file: int) -> bytes:
    return ioctl(file, _READ_SWITCHES, bytes(_SWITCH_BYTES))
