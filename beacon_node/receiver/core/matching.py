"""What a phone does with what it heard: `decide`, a pure function, the same in every app for a town.

What is asked, in this order; the first answer that ends it is the decision:

    no_consent        the person did not ask for notices: nothing else is looked at
    not_eddystone     no frame that names a beacon
    expired_bundle    what the phone knows of the district is too old
    foreign           no beacon of this district says that now
    unproven          a lasting identity, and the person wants only beacons that prove themselves
    weak              too far away

Then each notice of the place that is for everyone or for one of the person's interests, the most pressing
first:

    not_now           outside its days or hours
    already_shown     this version of it
    quiet_hours       the person sleeps
    capped            enough for this hour or this day, those of this very decision counted
    show

An urgent notice passes quiet hours and caps where the person said that it may. The decision's own reason is
`show` if one notice is shown, else that of the first notice, else `no_interest`.

Source: docs/RECEIVER.md; vectors in `tests/vectors/receiver`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from beacon_node.receiver.core.district import District
from beacon_node.receiver.core.heard import UNKNOWN_DBM, Heard
from beacon_node.receiver.core.history import DAY_MS, HOUR_MS, History
from beacon_node.receiver.core.person import Person
from beacon_node.receiver.core.resolver import Found
from shared.beacon_wire.eddystone import Eid, Uid, read
from shared.model.beacon_notices import BeaconNotice, Urgency
from shared.model.instants import TOWN_ZONE

_ZONE: Final = ZoneInfo(TOWN_ZONE)


class Reason(StrEnum):
    """Why something is shown, or is not."""

    NO_CONSENT = "no_consent"
    NOT_EDDYSTONE = "not_eddystone"
    EXPIRED_BUNDLE = "expired_bundle"
    FOREIGN = "foreign"
    UNPROVEN = "unproven"
    WEAK = "weak"
    NO_INTEREST = "no_interest"
    NOT_NOW = "not_now"
    ALREADY_SHOWN = "already_shown"
    QUIET_HOURS = "quiet_hours"
    CAPPED = "capped"
    SHOW = "show"


class Verdict(NamedTuple):
    """What is done with one notice.

    Attributes:
        notice: which.
        reason: `show`, or why not.
    """

    notice: BeaconNotice
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done with one advertisement.

    Attributes:
        reason: the whole in one word.
        found: the beacon, where it was recognised.
        notices: what is for this person here, the most pressing first.
        reasons: what is done with each of them.
    """

    reason: Reason
    found: Found | None = None
    notices: Sequence[BeaconNotice] = ()
    reasons: Sequence[Reason] = ()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Each notice with what is done with it."""
        return tuple(map(Verdict, self.notices, self.reasons))

    @property
    def shown(self) -> tuple[BeaconNotice, ...]:
        """What is shown now."""
        return tuple(one.notice for one in self.verdicts if one.reason is Reason.SHOW)


def decide(heard: Heard, district: District, person: Person, history: History, now_ms: int) -> Decision:
    """Decide what to show.

    Args:
        heard: the advertisement.
        district: what the phone knows of where it is.
        person: what its owner chose.
        history: what was shown; the caller notes in it what this decision shows.
        now_ms: by the phone's clock, Unix epoch.
    """
    if person.consent_ms is None:
        return Decision(reason=Reason.NO_CONSENT)
    frame = _identity(heard.service_data)
    if frame is None:
        return Decision(reason=Reason.NOT_EDDYSTONE)
    if now_ms >= district.expires_ms:
        return Decision(reason=Reason.EXPIRED_BUNDLE)
    found = district.resolver.find(frame, now_ms // 1000)
    if found is None:
        return Decision(reason=Reason.FOREIGN)
    if not found.proven and not person.unproven_shown:
        return Decision(reason=Reason.UNPROVEN, found=found)
    if heard.rssi_dbm < person.weakest_dbm or heard.rssi_dbm == UNKNOWN_DBM:
        return Decision(reason=Reason.WEAK, found=found)
    notices = district.notices_for(found.beacon.place, person.interests)
    reasons = _judged(notices, person, history, now_ms)
    return Decision(reason=_of_all(reasons), found=found, notices=notices, reasons=reasons)


def _judged(
    notices: Sequence[BeaconNotice], person: Person, history: History, now_ms: int
) -> Sequence[Reason]:
    """Judge one notice after the other, and count what is let through.

    There may be hundreds, for each beacon that is passed: members of enumerations are looked up once.
    """
    minute = town_minute(now_ms)
    is_quiet = person.quiet is not None and person.quiet.covers(minute)
    not_now, already, quiet, capped = Reason.NOT_NOW, Reason.ALREADY_SHOWN, Reason.QUIET_HOURS, Reason.CAPPED
    show, passing = Reason.SHOW, Urgency.URGENT if person.urgent_passes else None
    hour, day = history.within(now_ms, HOUR_MS, DAY_MS)
    left = min(person.per_hour - hour, person.per_day - day)
    reasons: list[Reason] = []
    for notice, was_shown in zip(notices, history.has_each(notices), strict=True):
        hours = notice.hours
        if not notice.from_ms <= now_ms < notice.until_ms or (hours is not None and not hours.covers(minute)):
            reasons.append(not_now)
        elif was_shown:
            reasons.append(already)
        elif is_quiet and notice.urgency is not passing:
            reasons.append(quiet)
        elif left <= 0 and notice.urgency is not passing:
            reasons.append(capped)
        else:
            left -= 1
            reasons.append(show)
    return reasons


def town_minute(now_ms: int) -> int:
    """Return the minute of the town's day, 0 to 1,439."""
    local = datetime.fromtimestamp(now_ms // 1000, tz=_ZONE)
    return local.hour * 60 + local.minute


def _identity(service_data: bytes | None) -> Uid | Eid | None:
    if service_data is None:
        return None
    try:
        frame = read(service_data)
    except ValueError:
        return None
    return frame if isinstance(frame, Uid | Eid) else None


def _of_all(reasons: Sequence[Reason]) -> Reason:
    if Reason.SHOW in reasons:
        return Reason.SHOW
    return reasons[0] if reasons else Reason.NO_INTEREST
