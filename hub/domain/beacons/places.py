"""Places: where beacons stand. A place is not a device: a broken beacon goes, the place stays.

Rules:
- A place has a code, which stands on its case and in its address, and keeps it for ever.
- At one place stands one device at a time, and a device stands at one place at a time.
- What stands there is a beacon: phones could not hear another device.
- What was is kept: which device stood there since when, and who said so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from shared.model import codes, fields
from shared.model.beacon_keys import NAME_LENGTH_MAX, UID_BYTES
from shared.model.errors import InputError
from shared.model.wording import Wording, wording

SITE_LENGTH_MAX: Final = 64
POSITION_LENGTH_MAX: Final = 300
_NAMESPACE_BYTES: Final = 10
_LATITUDE_MAX: Final = 90
_LONGITUDE_MAX: Final = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place.

    Attributes:
        code: names it, for ever.
        district: its code; the phones of a district know its places.
        site: as devices are enrolled with it.
        name: for people.
        lat: degrees; None where nobody said.
        long: the same.
        position: where it hangs, in words for technicians.
        is_withdrawn: it is out of use.
    """

    code: str
    district: str
    site: str
    name: Wording
    lat: float | None
    long: float | None
    position: str
    is_withdrawn: bool = False

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads a place as a clerk writes it.

        Raises:
            InputError: a field is missing or wrong, or there is one that a place does not have.
        """
        if unknown := sorted(fields.unknown(data, _FIELDS)):
            raise InputError(f"a place has no {unknown[0]}; it has {', '.join(sorted(_FIELDS))}")
        place = cls(
            code=codes.place(data, "code"),
            district=codes.district(data, "district"),
            site=fields.text(data, "site", SITE_LENGTH_MAX),
            name=wording(data, "name", NAME_LENGTH_MAX),
            lat=fields.degrees_or_none(data, "lat", _LATITUDE_MAX),
            long=fields.degrees_or_none(data, "long", _LONGITUDE_MAX),
            position=fields.text_or_none(data, "position", POSITION_LENGTH_MAX) or "",
        )
        if (place.lat is None) is not (place.long is None):
            raise InputError("lat and long come together; add the other one")
        return place

    def to_data(self) -> dict[str, object]:
        """A place as a clerk writes it."""
        return {
            "code": self.code,
            "district": self.district,
            "site": self.site,
            "name": self.name.to_data(),
            **fields.present(lat=self.lat, long=self.long, position=self.position or None),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Which device stands at a place since when.

    Attributes:
        place: its code.
        device: None where nothing stands there since.
        since_ms: Unix epoch.
        who: said so.
    """

    place: str
    device: str | None
    since_ms: int
    who: str


def uid_of(town: str, device: str) -> bytes:
    """What a beacon says while it does not know the time: 10 bytes of the town, 6 of the device.

    Source: docs/BEACON.md; Eddystone-UID.
    """
    instance = sha256(device.encode()).digest()[: UID_BYTES - _NAMESPACE_BYTES]
    return sha256(town.encode()).digest()[:_NAMESPACE_BYTES] + instance


_FIELDS: Final = frozenset({"code", "district", "site", "name", "lat", "long", "position"})
