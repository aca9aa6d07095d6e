"""What phones get of a district: its beacons with their keys of some days, and what is said there. Pure.

Rules:
- A phone gets keys from yesterday to 8 days ahead, whoever's it is: who has them recognises the beacons, and
  could imitate them as long, and no longer.
- What begins within those days is in the bundle already: a phone that was at home shows it in time. So
  a notice says nothing that must not be known a week before.
- A notice for certain places names those of this district alone.
- A town with no place in a district any more says so: the bundle is empty, and phones take it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from hub.domain.beacons.notices import NoticeState, NoticeVersion
from hub.domain.beacons.places import Place, uid_of
from hub.domain.beacons.ports import AirKeys
from shared.model.beacon_keys import PERIOD_S, Beacon, BeaconKeys
from shared.model.beacon_notices import BeaconNotice, BeaconNotices, Interest

DAY_MS: Final = 86_400_000
AHEAD_MS: Final = 8 * DAY_MS
"""How far a phone without a network comes: a week, and a day to spare."""
BEHIND_MS: Final = DAY_MS


def keys_of(
    district: str,
    standing: Iterable[tuple[Place, str]],
    *,
    town: str,
    exponent: int,
    air: AirKeys,
    now_ms: int,
) -> BeaconKeys:
    """Return the bundle of a district's beacons.

    Args:
        district: its code.
        standing: its places that are in use, each with the device that stands there.
        town: what the town is called.
        exponent: an identifier lasts `2 ** exponent` seconds.
        air: gives temporary keys.
        now_ms: Unix epoch.
    """
    first = (now_ms - BEHIND_MS) // 1_000 // PERIOD_S
    count = (now_ms + AHEAD_MS) // 1_000 // PERIOD_S - first + 1
    beacons = [
        Beacon(
            place=place.code,
            name=place.name,
            lat=place.lat,
            long=place.long,
            uid=uid_of(town, device),
            keys=tuple(air.temporary_keys(device, first, count)),
            extra={},
        )
        for place, device in sorted(standing, key=lambda pair: pair[0].code)
    ]
    return BeaconKeys(district=district, exponent=exponent, first_period=first, beacons=beacons, extra={})


def notices_of(
    district: str,
    versions: Iterable[NoticeVersion],
    interests: Sequence[Interest],
    places: Mapping[str, str],
    now_ms: int,
) -> BeaconNotices:
    """Return the bundle of what is said in a district.

    Args:
        district: its code.
        versions: of every notice.
        interests: the town's list.
        places: the district of every place in use, by code.
        now_ms: Unix epoch.
    """
    here = {code for code, its in places.items() if its == district}
    said = [one.notice for one in versions if _is_said(one, district, now_ms)]
    narrowed = [_narrowed(notice, here) for notice in said]
    return BeaconNotices(
        district=district,
        interests=interests,
        notices=[one for one in narrowed if one is not None],
        extra={},
    )


def _is_said(version: NoticeVersion, district: str, now_ms: int) -> bool:
    is_here = not version.districts or district in version.districts
    is_time = version.notice.from_ms < now_ms + AHEAD_MS and now_ms < version.notice.until_ms
    return version.state is NoticeState.APPROVED and is_here and is_time


def _narrowed(notice: BeaconNotice, here: Collection[str]) -> BeaconNotice | None:
    """A notice as one district gets it; None where none of its places is there."""
    if not notice.places:
        return notice
    places = tuple(code for code in notice.places if code in here)
    return replace(notice, places=places) if places else None
