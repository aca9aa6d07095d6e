"""What phones read of beacons: as it was written, refused with its place, and never a key too long."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.beacon_keys import KEYS_MAX, BeaconKeys
from shared.model.beacon_notices import BeaconNotices, Hours, Urgency
from shared.model.errors import InputError

KEYS: dict[str, Any] = {
    "district": "centro",
    "exponent": 10,
    "first_period": 27393,
    "beacons": [
        {
            "place": "biblio-3",
            "name": {"es": "Biblioteca central", "gl": "Biblioteca"},
            "lat": 43.46,
            "long": -3.81,
            "uid": "00112233445566778899aabbccddeeff",
            "keys": ["AAAAAAAAAAAAAAAAAAAAAA", "_____________________w"],
            "height": 3,
        },
        {"place": "kiosko-1", "name": {"es": "Quiosco"}, "uid": "ff" * 16, "keys": []},
    ],
    "made": "here",
}
NOTICES: dict[str, Any] = {
    "district": "centro",
    "interests": [{"code": "musica", "name": {"es": "Música"}, "icon": "note"}],
    "notices": [
        {
            "id": "concierto-7",
            "version": 2,
            "title": {"es": "Concierto", "ca": "Concert"},
            "text": {"es": "A las ocho."},
            "interests": ["musica"],
            "places": ["biblio-3"],
            "from": "2026-11-20T00:00:00Z",
            "until": "2026-11-21T19:00:00Z",
            "hours": {"from": "08:00", "until": "22:30"},
            "urgency": "urgent",
            "link": "https://ciudad.example/agenda?n=7",
            "picture": {"url": "https://ciudad.example/7.jpg", "sha256": "ab" * 32, "alt": "x"},
            "colour": "red",
        },
        {
            "id": "corte",
            "version": 1,
            "title": {"es": "Corte"},
            "text": {"es": "De 9 a 14 h."},
            "interests": [],
            "places": [],
            "from": "2026-11-20T00:00:00Z",
            "until": "2026-11-21T19:00:00Z",
            "urgency": "normal",
        },
    ],
    "made": "here",
}


def changed(data: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with another value at a place; the word GONE takes the field out."""
    result = copy.deepcopy(data)
    inner: Any = result
    *outer, last = path.split(".")
    for step in outer:
        inner = inner[int(step) if step.isdigit() else step]
    if value == "GONE":
        del inner[last]
    else:
        inner[last] = value
    return result


def test_beacon_keys_read_and_written_are_the_same() -> None:
    assert BeaconKeys.from_data(KEYS).to_data() == KEYS


def test_beacon_notices_read_and_written_are_the_same() -> None:
    read = BeaconNotices.from_data(NOTICES)
    assert read.to_data() == NOTICES
    assert read.notices[0].urgency is Urgency.URGENT


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("district", "El Centro", "district"),
        ("district", "a" * 18, "district"),
        ("exponent", 16, "exponent"),
        ("first_period", -1, "first_period"),
        ("beacons", {}, "beacons"),
        ("beacons.0.place", "b-3", "beacons[0].place"),
        ("beacons.0.place", "Biblio-3", "beacons[0].place"),
        ("beacons.1.place", "biblio-3", "beacons[1].place"),
        ("beacons.0.lat", 91, "beacons[0].lat"),
        ("beacons.0.lat", "GONE", "beacons[0].lat"),
        ("beacons.0.uid", "00" * 15, "beacons[0].uid"),
        ("beacons.0.uid", "FF" * 16, "beacons[0].uid"),
        ("beacons.0.keys", ["AAAA"], "beacons[0].each of keys"),
        ("beacons.0.keys", ["AAAAAAAAAAAAAAAAAAAAAA=="], "beacons[0].each of keys"),
        ("beacons.0.keys", ["AAAAAAAAAAAAAAAAAAAAAB"], "beacons[0].each of keys"),
        ("beacons.0.keys", ["AAAAAAAAAAAAAAAAAAAAAA"] * (KEYS_MAX + 1), "beacons[0].keys"),
        ("beacons.0.name", {"en": "Library"}, "beacons[0].name.es"),
    ],
)
def test_beacon_keys_with_a_fault_are_refused_with_its_place(path: str, value: object, place: str) -> None:
    with pytest.raises(InputError) as refused:
        BeaconKeys.from_data(changed(KEYS, path, value))
    assert str(refused.value).startswith(place)


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("interests.0.code", "Música", "interests[0].code"),
        ("notices.1.id", "concierto-7", "notices[1].id"),
        ("notices.0.version", 0, "notices[0].version"),
        ("notices.0.title.es", "x" * 81, "notices[0].title.es"),
        ("notices.0.text", "GONE", "notices[0].text"),
        ("notices.0.until", "2026-11-20T00:00:00Z", "notices[0].until"),
        ("notices.0.from", "2026-11-20T00:00:00", "notices[0].from"),
        ("notices.0.hours", {"from": "8:00", "until": "22:00"}, "notices[0].hours.from"),
        ("notices.0.hours", {"from": "08:00", "until": "24:00"}, "notices[0].hours.until"),
        ("notices.0.hours", {"from": "08:60", "until": "22:00"}, "notices[0].hours.from"),
        ("notices.0.hours", {"from": "08:00", "until": "08:00"}, "notices[0].hours.from"),
        ("notices.0.urgency", "very", "notices[0].urgency"),
        ("notices.0.link", "http://ciudad.example", "notices[0].link"),
        ("notices.0.link", "https://somebody@ciudad.example", "notices[0].link"),
        ("notices.0.link", "javascript:alert(1)", "notices[0].link"),
        ("notices.0.link", 'https://ciudad.example/ " onclick', "notices[0].link"),
        ("notices.0.link", "https://[", "notices[0].link"),
        ("notices.0.link", "https:///path", "notices[0].link"),
        ("notices.0.picture.sha256", "AB" * 32, "notices[0].picture.sha256"),
        ("notices.0.picture.sha256", "GONE", "notices[0].picture.sha256"),
        ("notices.0.places", ["b3"], "notices[0].places"),
        ("notices.0.interests", ["Música"], "notices[0].interests"),
        ("notices.0.interests", "musica", "notices[0].interests"),
    ],
)
def test_beacon_notices_with_a_fault_are_refused_with_its_place(path: str, value: object, place: str) -> None:
    with pytest.raises(InputError) as refused:
        BeaconNotices.from_data(changed(NOTICES, path, value))
    assert str(refused.value).startswith(place)


def test_key_of_a_period_beyond_the_bundle_is_none() -> None:
    keys = BeaconKeys.from_data(KEYS)
    library, kiosk = keys.beacons
    assert keys.key_of(library, 27393) == bytes(16)
    assert keys.key_of(library, 27394) == b"\xff" * 16
    assert keys.key_of(library, 27392) is None
    assert keys.key_of(library, 27395) is None
    assert keys.key_of(kiosk, 27393) is None
    assert "AAAA" not in repr(library)
    assert "\\xff\\xff" not in repr(library)


@given(start=st.integers(0, 1439), end=st.integers(0, 1439), minute=st.integers(0, 1439))
def test_hours_of_the_day_cover_what_lies_between_round_the_clock(start: int, end: int, minute: int) -> None:
    if start == end:
        with pytest.raises(InputError):
            Hours.from_data(
                {"from": f"{start // 60:02}:{start % 60:02}", "until": f"{end // 60:02}:{end % 60:02}"}
            )
        return
    hours = Hours(from_min=start, until_min=end)
    assert Hours.from_data(hours.to_data()) == hours
    walked = (minute - start) % 1440 < (end - start) % 1440
    assert hours.covers(minute) is walked


def test_notice_is_said_at_its_time_its_hours_its_places_and_for_its_interests() -> None:
    concert, cut = BeaconNotices.from_data(NOTICES).notices
    noon = 12 * 60
    assert concert.is_said(concert.from_ms, noon)
    assert not concert.is_said(concert.from_ms - 1, noon)
    assert not concert.is_said(concert.until_ms, noon)
    assert not concert.is_said(concert.from_ms, 23 * 60)
    assert concert.is_at("biblio-3")
    assert not concert.is_at("kiosko-1")
    assert cut.is_at("kiosko-1")
    assert concert.is_for(frozenset({"musica", "deporte"}))
    assert not concert.is_for(frozenset())
    assert cut.is_for(frozenset())


@given(
    junk=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
    name=st.sampled_from(
        [
            "beacons",
            "notices",
            "interests",
            "district",
            "beacons.0.keys",
            "notices.0.places",
            "notices.0.hours",
        ]
    ),
)
def test_whatever_stands_in_a_field_is_read_or_refused(junk: object, name: str) -> None:
    for kind, good in ((BeaconKeys, KEYS), (BeaconNotices, NOTICES)):
        if name.split(".", maxsplit=1)[0] in good:
            try:
                read = kind.from_data(changed(good, name, junk) if "." in name else good | {name: junk})
            except InputError:
                continue
            json.dumps(read.to_data())
