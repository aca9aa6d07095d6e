"""What a phone does with what it heard, rule by rule."""

from dataclasses import replace

import pytest

from beacon_node.receiver.core.history import History
from beacon_node.receiver.core.matching import Decision, Reason, decide
from beacon_node.receiver.core.person import Person
from shared.model.beacon_notices import BeaconNotice
from shared.model.instants import to_rfc3339
from tests.support.phone import (
    HOUR_MS,
    MINE,
    NOW_MS,
    NOW_S,
    WINDOW_S,
    district_of,
    eid_said,
    heard,
    notice,
    uid_said,
)

PLACES = ("biblio-3", "parada-12")
CONCERT = notice("concierto", interests=["musica"], places=["biblio-3"])
MATCH = notice("partido", interests=["deporte"])
WATER = notice("agua", urgency="urgent")
NIGHT_MS = NOW_MS + 12 * HOUR_MS
"""23:20 by the town's clock."""


def decided(
    *notices: BeaconNotice,
    said: bytes | None = None,
    person: Person = MINE,
    history: History | None = None,
    rssi_dbm: int = -60,
    now_ms: int = NOW_MS,
) -> Decision:
    data = eid_said("biblio-3", now_ms // 1000) if said is None else said
    told = heard(data, rssi_dbm)
    district = district_of(PLACES, notices)
    return decide(told, district, person, history or History(bytes(32)), now_ms)


def ids(decision: Decision) -> list[str]:
    return [one.id for one in decision.shown]


def test_notice_of_the_persons_interest_is_shown_and_no_other() -> None:
    decision = decided(CONCERT, MATCH)
    assert (decision.reason, ids(decision)) == (Reason.SHOW, ["concierto"])


def test_person_who_did_not_ask_is_shown_nothing_and_nothing_is_looked_at() -> None:
    decision = decided(CONCERT, WATER, person=replace(MINE, consent_ms=None, urgent_passes=True))
    assert (decision.reason, decision.found, decision.verdicts) == (Reason.NO_CONSENT, None, ())


@pytest.mark.parametrize(
    "said", [b"", b"\x00", b"\x30\x00" + bytes(7), b"\x20\x00" + bytes(12), b"\x10\xee\x02abc"]
)
def test_frame_that_names_no_beacon_is_none(said: bytes) -> None:
    assert decided(CONCERT, said=said).reason is Reason.NOT_EDDYSTONE


def test_identifier_that_is_nobodys_now_is_foreign() -> None:
    assert decided(CONCERT, said=eid_said("elsewhere")).reason is Reason.FOREIGN
    assert decided(CONCERT, said=eid_said("biblio-3", NOW_S - 3 * WINDOW_S)).reason is Reason.FOREIGN


def test_phone_whose_clock_is_wrong_by_minutes_recognises_the_beacon() -> None:
    for wrong_s in (-900, 900):
        assert decided(CONCERT, said=eid_said("biblio-3", NOW_S + wrong_s)).reason is Reason.SHOW


def test_beacon_that_proves_nothing_is_shown_unless_the_person_wants_proof() -> None:
    shown = decided(CONCERT, said=uid_said("biblio-3"))
    assert shown.reason is Reason.SHOW
    assert shown.found is not None
    assert not shown.found.proven
    careful = replace(MINE, unproven_shown=False)
    assert decided(CONCERT, said=uid_said("biblio-3"), person=careful).reason is Reason.UNPROVEN


@pytest.mark.parametrize(("rssi_dbm", "reason"), [(-90, Reason.SHOW), (-91, Reason.WEAK), (127, Reason.WEAK)])
def test_beacon_too_far_away_does_not_count(rssi_dbm: int, reason: Reason) -> None:
    assert decided(CONCERT, rssi_dbm=rssi_dbm).reason is reason


def test_bundle_that_has_expired_shows_nothing() -> None:
    assert decided(CONCERT, now_ms=NOW_MS + 24 * HOUR_MS).reason is Reason.EXPIRED_BUNDLE


def test_place_without_anything_of_interest_says_so() -> None:
    assert decided(MATCH).reason is Reason.NO_INTEREST
    assert decided(CONCERT, said=eid_said("parada-12")).reason is Reason.NO_INTEREST


def test_notice_outside_its_days_or_hours_waits() -> None:
    later = notice("luego", **{"from": to_rfc3339(NOW_MS + 1)})
    over = notice("ya-no", until=to_rfc3339(NOW_MS))
    evening = notice("noche", hours={"from": "20:00", "until": "22:00"})
    decision = decided(later, over, evening)
    assert {one.reason for one in decision.verdicts} == {Reason.NOT_NOW}
    assert decision.reason is Reason.NOT_NOW


def test_notice_is_shown_once_and_again_when_it_is_corrected() -> None:
    history = History(bytes(32))
    history.note("concierto", 1, CONCERT.until_ms, NOW_MS - 60_000)
    assert decided(CONCERT, history=history).reason is Reason.ALREADY_SHOWN
    assert decided(replace(CONCERT, version=2), history=history).reason is Reason.SHOW


def test_quiet_hours_are_quiet_and_urgent_notices_pass_where_the_person_said_so() -> None:
    tonight = replace(CONCERT, until_ms=NIGHT_MS + HOUR_MS)
    urgent = replace(WATER, until_ms=NIGHT_MS + HOUR_MS)
    decision = decided(tonight, urgent, now_ms=NIGHT_MS)
    assert [one.reason for one in decision.verdicts] == [Reason.QUIET_HOURS] * 2
    assert ids(decided(tonight, urgent, now_ms=NIGHT_MS, person=replace(MINE, urgent_passes=True))) == [
        "agua"
    ]
    assert len(ids(decided(tonight, urgent, now_ms=NIGHT_MS, person=replace(MINE, quiet=None)))) == 2


def test_no_more_are_shown_than_an_hour_and_a_day_hold() -> None:
    many = [notice(f"n{number}") for number in range(6)]
    decision = decided(*many)
    assert ids(decision) == ["n0", "n1", "n2"]
    assert [one.reason for one in decision.verdicts[3:]] == [Reason.CAPPED] * 3
    history = History(bytes(32))
    for number in range(7):
        history.note(f"earlier-{number}", 1, NOW_MS + HOUR_MS, NOW_MS - 2 * HOUR_MS)
    assert ids(decided(*many, history=history)) == ["n0"]


def test_urgent_notice_comes_first_and_takes_a_place_of_the_hour() -> None:
    many = [notice(f"n{number}") for number in range(3)]
    assert ids(decided(*many, WATER)) == ["agua", "n0", "n1"]
    passing = replace(MINE, urgent_passes=True, per_hour=0)
    assert ids(decided(*many, WATER, person=passing)) == ["agua"]


def test_clock_that_went_back_uncaps_nothing() -> None:
    history = History(bytes(32))
    for number in range(3):
        history.note(f"earlier-{number}", 1, NOW_MS + HOUR_MS, NOW_MS + 60_000)
    assert decided(CONCERT, history=history).reason is Reason.CAPPED
