"""The attendant: asks every device how it is, in turns, so that nobody at the screen waits for one.

    attendant = Attendant({"camera": camera, "printer": printer}, {"camera": Ability.CAMERA, …})
    attendant.start()
    attendant.closed()          # what citizens cannot have now, and why; never waits
    attendant.health()          # what the machine tells of itself

Rule: what failed is said at once (`look_soon`), and what is back is found within a round.
"""

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kiosk_app.core.draft import Ability
from kiosk_app.core.words import Words
from kiosk_app.devices.port import Device, Health

ROUND_S: Final = 5.0
"""Between two rounds: a roll of paper that was changed is known before the next citizen is ready to print."""


class Attendant:
    """Looks after devices.

    Args:
        devices: by name.
        abilities: what citizens cannot have while a device is not usable, by the device's name.
        round_s: between two rounds.
    """

    def __init__(
        self, devices: Mapping[str, Device], abilities: Mapping[str, Ability], round_s: float = ROUND_S
    ) -> None:
        self._devices = dict(devices)
        self._abilities = dict(abilities)
        self._round_s = round_s
        self._health: Mapping[str, Health] = MappingProxyType({})
        self._wake = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="attendant", daemon=True)

    def start(self) -> None:
        """Look at every device once, then go on by itself."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """End, and close the devices."""
        self._is_over = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        for device in self._devices.values():
            device.close()

    def look(self) -> None:
        """Ask every device how it is."""
        self._health = MappingProxyType({name: device.health() for name, device in self._devices.items()})

    def look_soon(self) -> None:
        """Begin the next round now: something failed."""
        self._wake.set()

    def health(self) -> Mapping[str, Health]:
        """Return how every device was in the last round."""
        return self._health

    def closed(self) -> Mapping[Ability, Words]:
        """Return what citizens cannot have now, and why."""
        return {
            self._abilities[name]: health.why
            for name, health in self._health.items()
            if name in self._abilities and health.why is not None
        }

    def _run(self) -> None:
        while not self._is_over:
            self._wake.wait(self._round_s)
            self._wake.clear()
            if not self._is_over:
                self.look()
