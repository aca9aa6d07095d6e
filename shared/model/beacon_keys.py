"""Which beacons stand in a district, and how a phone recognises them (bundle `beacon-keys-<district>`).

    {"district":"centro","exponent":10,"first_period":27393,"beacons":[{"place":"biblio-3",
      "name":{"es":"Biblioteca central"},"lat":43.46,"long":-3.81,"uid":"<32 hex>",
      "keys":["<base64url of 16 bytes>",…]}]}

`keys[i]` is a beacon's temporary key of the period `first_period + i`; a period has 65,536 seconds, counted
from the Unix epoch. Rule: what these keys are made from never stands here. Who copies a phone's bundle can
imitate a beacon as long as these periods last, and no longer.

`uid` is what a beacon says while it does not know the time.

Source: docs/BEACON.md; Eddystone-EID, "Computing the EID".
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from shared.model import codes, fields
from shared.model.errors import InputError
from shared.model.wording import Wording, wording

BEACONS_MAX: Final = 1_000
"""Beacons of one district: a phone tries them all when a window of identifiers begins."""
KEYS_MAX: Final = 16
"""Periods of 18 hours: a bundle reaches from yesterday to 8 days ahead."""
NAME_LENGTH_MAX: Final = 80
EXPONENT_MAX: Final = 15
"""An identifier lasts 2 to the power of this in seconds, at most half a period."""
PERIOD_S: Final = 65_536
KEY_BYTES: Final = 16
UID_BYTES: Final = 16
_LATITUDE_MAX: Final = 90
_LONGITUDE_MAX: Final = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """A beacon, as a phone knows it: by the place where it stands.

    Attributes:
        place: code of the place.
        name: of the place, for people.
        lat: degrees; None where nobody said.
        long: the same.
        uid: 16 bytes, namespace and instance; public, anybody can say it.
        keys: temporary keys, 16 bytes each, one a period from `first_period` on; none where the hub has none.
        extra: what this version does not know.
    """

    place: str
    name: Wording
    lat: float | None
    long: float | None
    uid: bytes
    keys: Sequence[bytes] = field(repr=False)
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads one of `beacons`.

        Raises:
            InputError: a field is missing, of another type, or out of range.
        """
        beacon = cls(
            place=codes.place(data, "place"),
            name=wording(data, "name", NAME_LENGTH_MAX),
            lat=fields.degrees_or_none(data, "lat", _LATITUDE_MAX),
            long=fields.degrees_or_none(data, "long", _LONGITUDE_MAX),
            uid=_from_hex(data, "uid", UID_BYTES),
            keys=tuple(_key(text) for text in fields.texts(data, "keys", KEYS_MAX, KEY_BYTES * 2)),
            extra=fields.unknown(data, _BEACON_FIELDS),
        )
        if (beacon.lat is None) is not (beacon.long is None):
            raise InputError("lat and long come together; correct the sender")
        return beacon

    def to_data(self) -> dict[str, object]:
        """One of `beacons`."""
        return {
            "place": self.place,
            "name": self.name.to_data(),
            **fields.present(lat=self.lat, long=self.long),
            "uid": self.uid.hex(),
            "keys": [urlsafe_b64encode(key).rstrip(b"=").decode() for key in self.keys],
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconKeys:
    """The beacons of a district.

    Attributes:
        district: its code.
        exponent: an identifier lasts `2 ** exponent` seconds.
        first_period: of every beacon's first key, in units of 65,536 seconds since the Unix epoch.
        beacons: each place once.
        extra: what this version does not know.
    """

    district: str
    exponent: int
    first_period: int
    beacons: Sequence[Beacon]
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the bundle's body.

        Raises:
            InputError: a field is wrong, or a place stands twice; the sentence names the place in the file.
        """
        beacons = fields.each(data, "beacons", BEACONS_MAX, Beacon.from_data)
        fields.once("beacons", [one.place for one in beacons], "place")
        return cls(
            district=codes.district(data, "district"),
            exponent=fields.whole(data, "exponent", 0, EXPONENT_MAX),
            first_period=fields.whole(data, "first_period", 0, 2**32 // PERIOD_S),
            beacons=beacons,
            extra=fields.unknown(data, _FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The bundle's body, unknown fields included."""
        return {
            "district": self.district,
            "exponent": self.exponent,
            "first_period": self.first_period,
            "beacons": [one.to_data() for one in self.beacons],
            **self.extra,
        }

    def key_of(self, beacon: Beacon, period_n: int) -> bytes | None:
        """A beacon's temporary key of a period; None where this bundle does not reach that far.

        Args:
            beacon: one of `beacons`.
            period_n: Unix seconds divided by 65,536.
        """
        number = period_n - self.first_period
        return beacon.keys[number] if 0 <= number < len(beacon.keys) else None


def _from_hex(data: Mapping[str, object], name: str, size: int) -> bytes:
    written = fields.text(data, name, 2 * size)
    try:
        raw = bytes.fromhex(written)
    except ValueError:
        raw = b""
    if raw.hex() != written or len(raw) != size:
        raise InputError(f"{name} is {size} bytes as small hexadecimal digits; correct the sender")
    return raw


def _key(written: str) -> bytes:
    try:
        raw = urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES or urlsafe_b64encode(raw).rstrip(b"=").decode() != written:
        raise InputError("each of keys is 16 bytes as base64url without padding; correct the sender")
    return raw


_BEACON_FIELDS = frozenset({"place", "name", "lat", "long", "uid", "keys"})
_FIELDS = frozenset({"district", "exponent", "first_period", "beacons"})
