"""Whether a USB device is plugged in, by what the kernel lists: card reader, proximity sensor.

Their health stands here; what is done with them joins later.

Source: Linux, Documentation/ABI/testing/sysfs-bus-usb (`idVendor`, `idProduct`).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk_app.devices.port import WORKS, Health, State
from shared.model.errors import DeviceError, InputError

KERNEL_USB: Final = Path("/sys/bus/usb/devices")
_ID: Final = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbPresence:
    """A USB device that is there or not.

    Attributes:
        name: what people call it, for the remedy.
        usb_id: vendor and product as `lsusb` shows them: `08e6:3437`.
        listed: where the kernel lists them.

    Raises:
        InputError: the id is none.
    """

    name: str
    usb_id: str
    listed: Path = KERNEL_USB

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.usb_id):
            raise InputError(f"{self.name} needs an id such as 08e6:3437; lsusb shows it")

    def open(self) -> None:
        """See that it is there.

        Raises:
            DeviceError: it is not.
        """
        health = self.health()
        if not health.is_usable:
            raise DeviceError(health.remedy)

    def close(self) -> None:
        """Nothing is held."""

    def health(self) -> Health:
        """Look for it."""
        vendor, product = self.usb_id.split(":")
        for folder in self.listed.glob("*"):
            if _line(folder / "idVendor") == vendor and _line(folder / "idProduct") == product:
                return WORKS
        return Health(
            state=State.AWAY, remedy=f"{self.name} {self.usb_id} is not plugged in; check its cable"
        )


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
