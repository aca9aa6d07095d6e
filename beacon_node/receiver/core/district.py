"""A district as a phone knows it: who may be heard in it, and what is said where, ordered for quick answers.

Rules:
- Both bundles are needed, of one district, and neither may have expired: what an old bundle says may be
  untrue by now.
- Notices lie by place and by interest; what one person may see at one place is put together once and kept.
"""

from collections.abc import Sequence
from typing import Final

from beacon_node.receiver.core.resolver import Resolver
from shared.model.beacon_keys import BeaconKeys
from shared.model.beacon_notices import BeaconNotice, BeaconNotices, Urgency
from shared.model.errors import InputError

EVERYWHERE: Final = ""
"""Stands for every place of the district."""
_KEPT_MAX: Final = 1_000
"""Answers that are kept: a place and a set of interests each."""


class District:
    """What a phone knows of a district.

    Args:
        keys: its beacons.
        notices: what is said.
        expires_ms: when the first of the two bundles ends.

    Attributes:
        code: of the district.
        expires_ms: the same.
        resolver: finds its beacons.
        interests: what people may choose from.

    Raises:
        InputError: the bundles are of two districts.
    """

    def __init__(self, keys: BeaconKeys, notices: BeaconNotices, expires_ms: int) -> None:
        if keys.district != notices.district:
            raise InputError("Keys and notices are of two districts; fetch both of one.")
        self.code = keys.district
        self.expires_ms = expires_ms
        self.resolver = Resolver(keys)
        self.interests = notices.interests
        self._said: dict[str, dict[str | None, list[BeaconNotice]]] = {}
        self._kept: dict[tuple[str, frozenset[str]], tuple[BeaconNotice, ...]] = {}
        for notice in notices.notices:
            for place in notice.places or (EVERYWHERE,):
                by_interest = self._said.setdefault(place, {})
                for interest in notice.interests or (None,):
                    by_interest.setdefault(interest, []).append(notice)

    def notices_for(self, place: str, interests: frozenset[str]) -> Sequence[BeaconNotice]:
        """Return what is for somebody with these interests at a place, the most pressing first.

        Urgent ones come first, then what ends first, then by id.
        """
        asked = (place, interests)
        found = self._kept.get(asked)
        if found is None:
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            found = self._kept[asked] = self._gathered(place, interests)
        return found

    def _gathered(self, place: str, interests: frozenset[str]) -> tuple[BeaconNotice, ...]:
        lists = (
            self._said.get(where, {}).get(interest, ())
            for where in (place, EVERYWHERE)
            for interest in (None, *interests)
        )
        once = {notice.id: notice for listed in lists for notice in listed}
        return tuple(
            sorted(once.values(), key=lambda one: (one.urgency is not Urgency.URGENT, one.until_ms, one.id))
        )
