"""Which place a beacon's identifier belongs to, by the keys that were fetched earlier for the whole district.

Rules:
- An identifier counts in its own window and in the one before and after it: a phone's clock is wrong by
  minutes, a beacon's too. What is relayed within these windows cannot be told from the beacon itself.
- All identifiers of a window are made at once, when the window comes near; what is heard is then looked up.
- A lasting identity (UID) proves nothing: anybody can say it. It is found, and marked.

Source: Eddystone-EID, "Resolving the EID"; docs/RECEIVER.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from shared.beacon_wire.eddystone import Eid, Uid
from shared.beacon_wire.eid import identifier
from shared.model.beacon_keys import PERIOD_S, Beacon, BeaconKeys

WINDOWS_AROUND: Final = 1
"""Windows before and after the present one in which an identifier still counts."""


class Aes:
    """AES of single blocks under one key.

    Args:
        key: 16 bytes.
    """

    def __init__(self, key: bytes) -> None:
        single = modes.ECB()  # noqa: S305  single blocks, as the specification has them
        self._update = Cipher(algorithms.AES(key), single).encryptor().update

    def encrypt(self, block: bytes | bytearray, into: bytearray | None = None, /) -> bytes:
        """Return 16 bytes, and write them into a buffer where one is given."""
        made = self._update(bytes(block))
        if into is not None:
            into[:] = made
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A beacon of the district that was recognised.

    Attributes:
        beacon: which.
        proven: whether it knows a key; a lasting identity alone proves nothing.
        window_off: how many windows its identifier lies from the present one; 0 for a lasting identity.
    """

    beacon: Beacon
    proven: bool
    window_off: int


class Resolver:
    """Finds places.

    Args:
        keys: of the district.
    """

    def __init__(self, keys: BeaconKeys) -> None:
        self._keys = keys
        self._by_uid = {beacon.uid: beacon for beacon in keys.beacons}
        self._windows: dict[int, Mapping[bytes, Beacon]] = {}
        self._period = -1
        self._ciphers: list[tuple[Beacon, Aes]] = []

    def find(self, frame: Uid | Eid, now_s: int) -> Found | None:
        """Return whose frame it is; None where it is nobody's of this district at this time.

        Args:
            frame: as it was heard.
            now_s: Unix time.
        """
        if isinstance(frame, Uid):
            beacon = self._by_uid.get(frame.namespace + frame.instance)
            return None if beacon is None else Found(beacon=beacon, proven=False, window_off=0)
        return self.find_within(frame.identifier, now_s, WINDOWS_AROUND)

    def find_within(self, said: bytes, now_s: int, around: int) -> Found | None:
        """Return whose identifier it is, the nearest window first.

        Args:
            said: 8 bytes.
            now_s: Unix time.
            around: how many windows before and after the present one are looked through.
        """
        now = now_s >> self._keys.exponent
        self.turn(now_s, around)
        for distance in range(around + 1):
            for off in {-distance, distance}:
                beacon = self._windows[now + off].get(said)
                if beacon is not None:
                    return Found(beacon=beacon, proven=True, window_off=off)
        return None

    def turn(self, now_s: int, around: int = WINDOWS_AROUND) -> None:
        """Make what is missing for the present windows, and drop what is past; else nothing."""
        now = now_s >> self._keys.exponent
        wanted = range(now - around, now + around + 1)
        if wanted[0] in self._windows and wanted[-1] in self._windows:
            return
        kept = {number: made for number, made in self._windows.items() if number >= wanted[0]}
        self._windows = {number: kept[number] if number in kept else self._made(number) for number in wanted}

    def _made(self, window: int) -> Mapping[bytes, Beacon]:
        second = window << self._keys.exponent
        if second < 0:
            return {}
        return {
            identifier(lambda _, cipher=cipher: cipher, b"", second, self._keys.exponent): beacon
            for beacon, cipher in self._ciphers_of(second // PERIOD_S)
        }

    def _ciphers_of(self, period_n: int) -> list[tuple[Beacon, Aes]]:
        if period_n != self._period:
            keyed = ((beacon, self._keys.key_of(beacon, period_n)) for beacon in self._keys.beacons)
            self._ciphers = [(beacon, Aes(key)) for beacon, key in keyed if key is not None]
            self._period = period_n
        return self._ciphers
