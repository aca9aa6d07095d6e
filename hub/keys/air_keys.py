"""Beacons' air keys: kept with their other keys, and given to no one but as keys of some days.

    air = AirKeys(room.registry)
    air.temporary_keys("beacon-3", first_period=27393, count=10)

A beacon's identifiers in the air follow from its air key by way of a *temporary key* for each 65,536 s. Who
has the temporary key of a period recognises the beacon in that period, and could imitate it; neither before
nor after. So that is what a phone's bundle carries, and the air key itself stays in the key registry: it came
there with the enrolment, in one line with the link keys, in both copies, and no restore takes it back.

Not here: identifiers (`shared.beacon_wire`), who gets which keys (the bundles for phones).

Source: Google, "Eddystone-EID: Computing the Ephemeral Identifier"; docs/BEACON.md.
"""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from hub.keys.registry import Registry, UnknownDeviceError
from shared.model.errors import InputError

PERIOD_S: Final = 65_536
"""A temporary key's period: `period = Unix seconds // PERIOD_S`."""
PERIOD_MAX: Final = 0xFFFF
"""The algorithm has four bytes for the time."""
COUNT_MAX: Final = 32
"""Periods in one answer, some 24 days: who has more could imitate a beacon for longer."""
_SALT: Final = bytes(11) + b"\xff" + bytes(2)


class NoAirKeyError(InputError):
    """This device is no beacon, or it is revoked; look at `ventanilla hub devices`."""


class PeriodError(InputError):
    """Temporary keys are given for 1 to 32 periods of 65,536 s that a clock of four bytes knows."""


class AirKeys:
    """The air keys of a registry. Any thread may ask."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def beacons(self) -> tuple[str, ...]:
        """Return the names of the devices that have an air key in force."""
        return tuple(device.id for device in self._registry.devices() if device.air_key)

    def temporary_keys(self, device: str, first_period: int, count: int) -> tuple[bytes, ...]:
        """Return a beacon's temporary keys, one for each period.

        Args:
            device: the beacon's name.
            first_period: Unix seconds divided by 65,536.
            count: how many periods, from that one on.

        Returns:
            Keys of 16 bytes.

        Raises:
            NoAirKeyError: it is unknown, revoked or no beacon.
            PeriodError: too many periods, or such as there are not.
        """
        if not (1 <= count <= COUNT_MAX and first_period >= 0 and first_period + count - 1 <= PERIOD_MAX):
            raise PeriodError(PeriodError.__doc__)
        cipher = Cipher(AES(self._air_key(device)), ECB())  # noqa: S305  one block each, as the algorithm has it
        return tuple(
            cipher.encryptor().update(_SALT + period.to_bytes(2))
            for period in range(first_period, first_period + count)
        )

    def _air_key(self, device: str) -> bytes:
        try:
            key = self._registry.device(device).air_key
        except UnknownDeviceError as error:
            raise NoAirKeyError(NoAirKeyError.__doc__) from error
        if not key:
            raise NoAirKeyError(NoAirKeyError.__doc__)
        return key
