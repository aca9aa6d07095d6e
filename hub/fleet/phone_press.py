"""Bundles for phones: two for each district, made from the registers, signed, held ready for whoever asks.

Rules:
- A bundle is made again when what it says has changed, and before the last day of its life begins: `renew`
  comes round every minute, and a change wakes it at once.
- A version comes from the same counter as every bundle's (W-11): it rises over restarts and restores.
- They are signed as every bundle is (W-8): by the present key and the two before it.
- They lie in memory: nothing of them is lost with it, since both registers make them again.
- A body that is longer than a bundle may be, or that phones would not read, is not handed out; the one before
  stays, and the log says so.
- Who asked is known to nobody: they are handed out as they are, to everybody the same.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final

import structlog

from hub.db.beacon_notice_repository import NoticeRepository
from hub.db.beacon_repository import InterestRepository, PlaceRepository
from hub.db.settings_repository import SettingsRepository
from hub.db.writer import Writer
from hub.domain.beacons.phones import AHEAD_MS, DAY_MS, keys_of, notices_of
from hub.domain.beacons.places import Place
from hub.domain.beacons.ports import AirKeys
from hub.domain.settings.service import Level
from hub.fleet.versions import Versions
from hub.keys.hub_keys import HubKeys
from shared.model.beacon_keys import EXPONENT_MAX, BeaconKeys
from shared.model.beacon_notices import BeaconNotice, BeaconNotices
from shared.model.errors import InputError
from shared.protocol.bundle import BEACON_KEYS, BEACON_NOTICES, encode_notice, make_notice
from shared.protocol.parsing import encode, parse_object
from shared.protocol.settings import EID_EXPONENT

EXPONENT_DEFAULT: Final = 10
RENEW_MS: Final = AHEAD_MS - DAY_MS
"""Less than this left, and a bundle is made again: every phone finds one that lasts a week."""
SIGNING_BEFORE: Final = 2

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A bundle, ready to be handed out.

    Attributes:
        message: the signed notice with its body in it.
        tag: names this version, for caches.
        digest: of the body.
        expires_ms: Unix epoch.
    """

    message: bytes
    tag: str
    digest: bytes
    expires_ms: int


class PhonePress:
    """Makes the bundles.

    Args:
        writer: the database.
        keys: sign.
        versions: gives versions out.
        air: gives beacons' keys of some days.
        town: what the town is called.
        clock: the hub's time, Unix epoch in milliseconds.
    """

    def __init__(
        self,
        writer: Writer,
        keys: HubKeys,
        versions: Versions,
        air: AirKeys,
        town: str,
        clock: Callable[[], int],
    ) -> None:
        self._writer = writer
        self._keys = keys
        self._versions = versions
        self._air = air
        self._town = town
        self._clock = clock
        self._made: Mapping[str, Made] = MappingProxyType({})
        self._turn = threading.Lock()

    def keys_bundle(self, district: str) -> Made | None:
        """Return the bundle of a district's beacons; None where there is no such district."""
        return self._made.get(BEACON_KEYS + district)

    def notices_bundle(self, district: str) -> Made | None:
        """Return the bundle of what is said in a district; None where there is no such district."""
        return self._made.get(BEACON_NOTICES + district)

    def here(self, code: str) -> tuple[Place, list[BeaconNotice], BeaconNotices] | None:
        """Return a place, what is said there these days, and its district; None where there is none."""
        now_ms = self._clock()
        with self._writer.read() as connection:
            repository = PlaceRepository(connection)
            place = repository.find(code)
            if place is None:
                return None
            said = notices_of(
                place.district,
                NoticeRepository(connection).said(now_ms),
                InterestRepository(connection).all(),
                _in_use(repository.all()),
                now_ms,
            )
        return place, [one for one in said.notices if one.is_at(code)], said

    def renew(self) -> None:
        """Make what has changed or ends soon again; for a timetable, and after a change.

        Raises:
            TransientError: the database cannot be read; what was made stays.
        """
        with self._turn:
            now_ms = self._clock()
            made: dict[str, Made] = {}
            for name, body in self._bodies(now_ms).items():
                before = self._made.get(name)
                digest = sha256(body).digest()
                if before is not None and before.digest == digest and before.expires_ms - now_ms > RENEW_MS:
                    made[name] = before
                    continue
                try:
                    made[name] = self._make(name, body, now_ms)
                except InputError as error:
                    log.exception("phone_bundle_not_made", part=name, bytes=len(body), reason=str(error))
                    if before is not None:
                        made[name] = before
            self._made = MappingProxyType(made)

    def _bodies(self, now_ms: int) -> dict[str, bytes]:
        with self._writer.read() as connection:
            repository = PlaceRepository(connection)
            places, standing = repository.all(), repository.standing()
            versions = NoticeRepository(connection).said(now_ms)
            interests = InterestRepository(connection).all()
            exponents = {
                (value.level, value.target): value.value
                for value in SettingsRepository(connection).values()
                if value.name == EID_EXPONENT
            }
        in_use = _in_use(places)
        bodies: dict[str, bytes] = {}
        for district in sorted({place.district for place in places}):
            here = [
                (place, standing[place.code])
                for place in places
                if place.district == district and place.code in in_use and place.code in standing
            ]
            known = keys_of(
                district,
                here,
                town=self._town,
                exponent=_exponent(exponents, district),
                air=self._air,
                now_ms=now_ms,
            )
            said = notices_of(district, versions, interests, in_use, now_ms)
            bodies[BEACON_KEYS + district] = encode(known.to_data())
            bodies[BEACON_NOTICES + district] = encode(said.to_data())
        return bodies

    def _make(self, name: str, body: bytes, now_ms: int) -> Made:
        read = BeaconKeys.from_data if name.startswith(BEACON_KEYS) else BeaconNotices.from_data
        read(parse_object(body))
        version, expires_ms = self._versions.next(), now_ms + AHEAD_MS
        keys = [self._keys.signing, *self._keys.signing_before[:SIGNING_BEFORE]]
        message = encode_notice(make_notice(name, version, body, expires_ms, keys))
        return Made(message=message, tag=f'"{version}"', digest=sha256(body).digest(), expires_ms=expires_ms)


def _in_use(places: list[Place]) -> dict[str, str]:
    return {place.code: place.district for place in places if not place.is_withdrawn}


def _exponent(found: Mapping[tuple[Level, str], object], district: str) -> int:
    """The town's exponent, or the district's own: a site or a device has none, a phone could not know it.

    One that cannot be is as none, as on a node.
    """
    value = found.get((Level.DISTRICT, district), found.get((Level.CITY, ""), EXPONENT_DEFAULT))
    return value if type(value) is int and 0 <= value <= EXPONENT_MAX else EXPONENT_DEFAULT
