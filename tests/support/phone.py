"""A district for phones, its beacons' voices, and the rules a second time, plainly."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

from beacon_node.receiver.core.district import District
from beacon_node.receiver.core.heard import Heard
from beacon_node.receiver.core.matching import Decision
from beacon_node.receiver.core.person import Person
from beacon_node.receiver.core.resolver import Aes, Found
from shared.beacon_wire import eddystone
from shared.beacon_wire.eid import identifier, temporary_key
from shared.model.beacon_keys import PERIOD_S, Beacon, BeaconKeys
from shared.model.beacon_notices import BeaconNotice, BeaconNotices, Interest, Urgency
from shared.model.instants import to_rfc3339
from shared.model.wording import Language, Wording

NOW_MS: Final = 1_795_341_600_000
"""2026-11-22, 11:20 by the town's clock."""
NOW_S: Final = NOW_MS // 1000
HOUR_MS: Final = 3_600_000
EXPONENT: Final = 10
WINDOW_S: Final = 1 << EXPONENT
PERIODS: Final = 12
TX_DBM: Final = -20
NEAR_DBM: Final = -60
NAMESPACE: Final = sha256(b"Villafaro").digest()[:10]
MINE: Final = Person(consent_ms=NOW_MS - HOUR_MS, language=Language.CA, interests=frozenset({"musica"}))


def air_key(place: str) -> bytes:
    """A beacon's lasting key, which no phone ever has."""
    return sha256(f"air key of {place}".encode()).digest()[:16]


def period_key(place: str, period: int) -> bytes:
    return temporary_key(Aes, air_key(place), period)


def uid_of(place: str) -> bytes:
    return NAMESPACE + sha256(place.encode()).digest()[:6]


def beacon_keys(places: Sequence[str], now_s: int = NOW_S, district: str = "centro") -> BeaconKeys:
    """The bundle of keys from yesterday on."""
    first = now_s // PERIOD_S - 1
    return BeaconKeys(
        district=district,
        exponent=EXPONENT,
        first_period=first,
        beacons=tuple(
            Beacon(
                place=place,
                name=Wording(es=f"Sitio {place}", ca=f"Lloc {place}", en=f"Place {place}", extra={}),
                lat=None,
                long=None,
                uid=uid_of(place),
                keys=tuple(period_key(place, first + number) for number in range(PERIODS)),
                extra={},
            )
            for place in places
        ),
        extra={},
    )


def notice(notice_id: str, **changed: object) -> BeaconNotice:
    """A notice for everybody, everywhere, today."""
    return BeaconNotice.from_data(
        {
            "id": notice_id,
            "version": 1,
            "title": {"es": f"Título {notice_id}", "ca": f"Títol {notice_id}"},
            "text": {"es": "Entrada libre."},
            "interests": [],
            "places": [],
            "from": to_rfc3339(NOW_MS - 10 * HOUR_MS),
            "until": to_rfc3339(NOW_MS + 10 * HOUR_MS),
            "urgency": "normal",
            **changed,
        }
    )


def beacon_notices(
    notices: Sequence[BeaconNotice],
    interests: Sequence[str] = ("musica", "deporte"),
    district: str = "centro",
) -> BeaconNotices:
    names = {code: Wording(es=code.title(), ca=None, en=None, extra={}) for code in interests}
    return BeaconNotices(
        district=district,
        interests=tuple(Interest(code=code, name=name, extra={}) for code, name in names.items()),
        notices=tuple(notices),
        extra={},
    )


def district_of(
    places: Sequence[str], notices: Sequence[BeaconNotice], expires_ms: int = NOW_MS + 24 * HOUR_MS
) -> District:
    return District(beacon_keys(places), beacon_notices(notices), expires_ms)


def eid_said(place: str, at_s: int = NOW_S) -> bytes:
    """The service's data of a beacon that knows the time."""
    said = identifier(Aes, period_key(place, at_s // PERIOD_S), at_s, EXPONENT)
    return bytes([eddystone.EID, TX_DBM & 255]) + said


def uid_said(place: str) -> bytes:
    """The service's data of a beacon that does not."""
    return bytes([eddystone.UID, TX_DBM & 255]) + uid_of(place) + bytes(2)


def heard(service_data: bytes | None, rssi_dbm: int = NEAR_DBM, address: str = "F0:00:00:00:00:01") -> Heard:
    return Heard(address=address, service_data=service_data, rssi_dbm=rssi_dbm)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBefore:
    """What was shown, in the clear."""

    id: str
    version: int
    shown_ms: int
    until_ms: int = NOW_MS + 10 * HOUR_MS


@dataclass(slots=True, kw_only=True)
class PlainPhone:
    """The rules of docs/RECEIVER.md, by going through everything: no index, no table, no hash."""

    keys: BeaconKeys
    notices: BeaconNotices
    expires_ms: int
    person: Person
    shown: list[ShownBefore] = field(default_factory=list[ShownBefore])

    def decide(self, told: Heard, now_ms: int) -> tuple[str, str | None, bool | None, list[tuple[str, str]]]:
        """Reason, place, proven, and each notice with its reason."""
        if self.person.consent_ms is None:
            return "no_consent", None, None, []
        data = told.service_data
        is_uid = data is not None and data[:1] == b"\x00" and len(data) in {18, 20}
        is_eid = data is not None and data[:1] == b"\x30" and len(data) == 10
        if data is None or not (is_uid or is_eid):
            return "not_eddystone", None, None, []
        if now_ms >= self.expires_ms:
            return "expired_bundle", None, None, []
        found = self._found(data, now_ms // 1000)
        if found is None:
            return "foreign", None, None, []
        place, proven = found.beacon.place, found.proven
        if not proven and not self.person.unproven_shown:
            return "unproven", place, proven, []
        if told.rssi_dbm < self.person.weakest_dbm or told.rssi_dbm == 127:
            return "weak", place, proven, []
        verdicts: list[tuple[str, str]] = []
        for one in sorted(self.notices.notices, key=lambda n: (n.urgency == "normal", n.until_ms, n.id)):
            if one.is_at(place) and one.is_for(self.person.interests):
                counted = [reason for _, reason in verdicts].count("show")
                verdicts.append((one.id, self._judged(one, now_ms, counted)))
        reasons = [reason for _, reason in verdicts]
        whole = "show" if "show" in reasons else (reasons or ["no_interest"])[0]
        return whole, place, proven, verdicts

    def _found(self, data: bytes, now_s: int) -> Found | None:
        for beacon in self.keys.beacons:
            if data[0] == eddystone.UID and data[2:18] == beacon.uid:
                return Found(beacon=beacon, proven=False, window_off=0)
        for off in (0, -1, 1):
            at_s = now_s + off * (1 << self.keys.exponent)
            for beacon in self.keys.beacons if data[0] == eddystone.EID else ():
                key = self.keys.key_of(beacon, at_s // PERIOD_S)
                if key is not None and identifier(Aes, key, at_s, self.keys.exponent) == data[2:]:
                    return Found(beacon=beacon, proven=True, window_off=off)
        return None

    def _judged(self, one: BeaconNotice, now_ms: int, counted: int) -> str:
        local = datetime.fromtimestamp(now_ms / 1000, tz=UTC).astimezone(ZoneInfo("Europe/Madrid"))
        minute = local.hour * 60 + local.minute
        if not one.is_said(now_ms, minute):
            return "not_now"
        if any((was.id, was.version) == (one.id, one.version) for was in self.shown):
            return "already_shown"
        if self.person.urgent_passes and one.urgency is Urgency.URGENT:
            return "show"
        if self.person.quiet is not None and self.person.quiet.covers(minute):
            return "quiet_hours"
        for span_ms, most in ((HOUR_MS, self.person.per_hour), (24 * HOUR_MS, self.person.per_day)):
            if counted + sum(abs(now_ms - was.shown_ms) < span_ms for was in self.shown) >= most:
                return "capped"
        return "show"


def told(decision: Decision) -> tuple[str, str | None, bool | None, list[tuple[str, str]]]:
    """A decision in the same words."""
    found = decision.found
    return (
        decision.reason.value,
        None if found is None else found.beacon.place,
        None if found is None else found.proven,
        [(one.notice.id, one.reason.value) for one in decision.verdicts],
    )
