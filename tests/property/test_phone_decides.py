"""Whatever is heard, whoever the person is: what a phone may never do, and what the plain rules say."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from beacon_node.receiver.core.district import District
from beacon_node.receiver.core.history import DAY_MS, History
from beacon_node.receiver.core.matching import decide, town_minute
from beacon_node.receiver.core.person import Person
from shared.model.beacon_notices import BeaconNotice, Hours, Urgency
from shared.model.instants import to_rfc3339
from shared.model.wording import Language
from tests.support.phone import (
    HOUR_MS,
    NOW_MS,
    WINDOW_S,
    PlainPhone,
    ShownBefore,
    beacon_keys,
    beacon_notices,
    eid_said,
    heard,
    notice,
    told,
    uid_said,
)

PLACES = ("biblio-3", "parada-12", "quiosco-1")
INTERESTS = ("musica", "deporte", "obras")
KEYS = beacon_keys(PLACES)
EXPIRES_MS = NOW_MS + 36 * HOUR_MS
minutes = st.integers(min_value=0, max_value=1_439)
hours = st.none() | st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1]).map(
    lambda pair: Hours(from_min=pair[0], until_min=pair[1])
)
instants = st.integers(min_value=NOW_MS - 12 * HOUR_MS, max_value=NOW_MS + 40 * HOUR_MS)
persons = st.builds(
    Person,
    consent_ms=st.sampled_from([None, NOW_MS, NOW_MS, NOW_MS]),
    language=st.sampled_from(Language),
    interests=st.frozensets(st.sampled_from(INTERESTS)),
    quiet=hours,
    per_hour=st.integers(min_value=0, max_value=4),
    per_day=st.integers(min_value=0, max_value=6),
    urgent_passes=st.booleans(),
    unproven_shown=st.booleans(),
)


@st.composite
def notices(draw: st.DrawFn) -> tuple[BeaconNotice, ...]:
    count = draw(st.integers(min_value=0, max_value=8))
    return tuple(
        replace(
            notice(
                f"n{number}",
                interests=draw(st.lists(st.sampled_from(INTERESTS), unique=True, max_size=2)),
                places=draw(st.lists(st.sampled_from(PLACES), unique=True, max_size=2)),
                urgency=draw(st.sampled_from(list(Urgency))),
                **{"from": to_rfc3339(NOW_MS - draw(st.integers(min_value=1, max_value=30)) * HOUR_MS)},
                until=to_rfc3339(NOW_MS + draw(st.integers(min_value=0, max_value=30)) * HOUR_MS),
            ),
            hours=draw(hours),
        )
        for number in range(count)
    )


@st.composite
def voices(draw: st.DrawFn) -> tuple[bytes, int]:
    """What is said, and when it is heard."""
    now_ms = draw(instants)
    place = draw(st.sampled_from((*PLACES, "elsewhere")))
    off = draw(st.integers(min_value=-3, max_value=3))
    said = draw(
        st.sampled_from([eid_said(place, now_ms // 1000 + off * WINDOW_S), eid_said(place, now_ms // 1000)])
        | st.sampled_from([uid_said(place)])
        | st.binary(max_size=20)
    )
    return said, now_ms


shown_before = st.lists(
    st.builds(
        ShownBefore,
        id=st.sampled_from([f"n{number}" for number in range(8)]),
        version=st.just(1),
        shown_ms=st.integers(min_value=NOW_MS - 30 * HOUR_MS, max_value=NOW_MS + 2 * HOUR_MS),
    ),
    max_size=4,
    unique_by=lambda one: one.id,
)


@given(
    said=notices(),
    voice=voices(),
    person=persons,
    before=shown_before,
    rssi_dbm=st.sampled_from([-100, -60, 127]),
)
def test_phone_does_what_the_plain_rules_say(
    said: tuple[BeaconNotice, ...],
    voice: tuple[bytes, int],
    person: Person,
    before: list[ShownBefore],
    rssi_dbm: int,
) -> None:
    data, now_ms = voice
    spoken = beacon_notices(said, INTERESTS)
    history = History(bytes(32))
    for one in before:
        history.note(one.id, one.version, one.until_ms, one.shown_ms)
    plain = PlainPhone(keys=KEYS, notices=spoken, expires_ms=EXPIRES_MS, person=person, shown=before)
    found = decide(heard(data, rssi_dbm), District(KEYS, spoken, EXPIRES_MS), person, history, now_ms)
    assert told(found) == plain.decide(heard(data, rssi_dbm), now_ms)


@given(said=notices(), person=persons, walk=st.lists(voices(), max_size=25))
def test_phone_on_a_walk_keeps_to_what_its_person_chose(
    said: tuple[BeaconNotice, ...], person: Person, walk: list[tuple[bytes, int]]
) -> None:
    district = District(KEYS, beacon_notices(said, INTERESTS), EXPIRES_MS)
    history = History(bytes(32))
    shown: list[tuple[BeaconNotice, int]] = []
    for data, now_ms in sorted(walk, key=lambda voice: voice[1]):
        decision = decide(heard(data), district, person, history, now_ms)
        for one in decision.shown:
            history.note(one.id, one.version, one.until_ms, now_ms)
            shown.append((one, now_ms))
    assert not shown or person.consent_ms is not None
    assert len({one.id for one, _ in shown}) == len(shown)
    for one, at_ms in shown:
        minute = town_minute(at_ms)
        passes = person.urgent_passes and one.urgency is Urgency.URGENT
        assert one.is_said(at_ms, minute)
        assert at_ms < EXPIRES_MS
        assert one.is_for(person.interests)
        assert passes or person.quiet is None or not person.quiet.covers(minute)
        if not passes:
            for span_ms, most in ((HOUR_MS, person.per_hour), (DAY_MS, person.per_day)):
                earlier = [was for was, was_ms in shown if at_ms - span_ms < was_ms <= at_ms]
                plain = [
                    was for was in earlier if was.urgency is not Urgency.URGENT or not person.urgent_passes
                ]
                assert len(plain) <= most
