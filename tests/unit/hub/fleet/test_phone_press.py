"""Bundles for phones: the keys of some days, what is said, versions that rise, and nothing about who asks."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert, update

from hub.db.beacon_tables import beacon_notice, beacon_place, beacon_stand
from hub.fleet.phone_press import PhonePress
from shared.model.beacon_keys import BEACONS_MAX, PERIOD_S
from shared.model.errors import InputError
from shared.protocol.bundle import BundleError, check_notice, decode_notice, make_notice
from shared.protocol.limits import PHONE_BUNDLE_BYTES_MAX
from shared.protocol.signing import SignatureError, signing_key_id
from shared.protocol.versions import Version
from tests.support.beacon_town import DAY_MS, MUSIC, TOWN, BeaconTown, place


@pytest.fixture
def town(tmp_path: Path) -> Iterator[BeaconTown]:
    town = BeaconTown(tmp_path)
    town.desk.add_place(place(), "ana")
    town.desk.add_place(place("kiosko-1", "puerto"), "ana")
    town.desk.assign("biblio-3", "beacon-1", None, "ana", "")
    yield town
    town.close()


@pytest.mark.sentence("W-20")
def test_keys_reach_from_yesterday_to_eight_days_ahead_and_are_never_what_they_are_made_from(
    town: BeaconTown,
) -> None:
    keys = town.keys()
    (beacon,) = keys.beacons
    now_s = town.office.now_ms // 1_000
    assert keys.first_period == (now_s - 86_400) // PERIOD_S
    last = keys.first_period + len(beacon.keys) - 1
    assert last == (now_s + 8 * 86_400) // PERIOD_S
    now = now_s // PERIOD_S
    assert keys.key_of(beacon, now) == sha256(f"beacon-1|{now}".encode()).digest()[:16]
    assert beacon.uid == sha256(TOWN.encode()).digest()[:10] + sha256(b"beacon-1").digest()[:6]
    assert keys.exponent == 10


@pytest.mark.sentence("W-20")
def test_beacon_without_a_key_is_known_by_its_public_name_alone(town: BeaconTown) -> None:
    town.air.without.add("beacon-1")
    town.phones.renew()
    (beacon,) = town.keys().beacons
    assert beacon.keys == ()


def test_bundle_is_made_again_when_something_changes_and_else_stays(town: BeaconTown) -> None:
    before = town.versions()
    town.phones.renew()
    assert town.versions() == before
    town.say(town.notice())
    assert town.versions()[0] == before[0]
    assert town.versions()[1] > before[1]
    assert town.versions("puerto")[1] > before[1]  # it is said everywhere
    after = town.versions("puerto")
    town.desk.assign("biblio-3", "beacon-2", None, "ana", "")
    assert town.versions()[0] > before[0]
    assert town.versions("puerto") == after


def test_bundle_is_made_again_before_its_last_week_begins(town: BeaconTown) -> None:
    first = town.opened(town.phones.notices_bundle("centro"))
    assert first.expires_ms == town.office.now_ms + 8 * DAY_MS
    town.pass_days(0.9)
    assert town.opened(town.phones.notices_bundle("centro")).version == first.version
    town.pass_days(0.2)
    later = town.opened(town.phones.notices_bundle("centro"))
    assert later.version > first.version
    assert later.expires_ms == town.office.now_ms + 8 * DAY_MS


@pytest.mark.sentence("W-11")
def test_version_rises_over_a_restart_of_the_hub(town: BeaconTown) -> None:
    before = town.versions()
    town.office.life.kept += 1
    town.office.start()
    town.phones = town.press()
    town.phones.renew()
    assert min(town.versions()) > max(before)


def test_notice_is_given_eight_days_before_it_begins_and_goes_when_it_ends(town: BeaconTown) -> None:
    later = town.notice(days=12)
    later["from"] = town.notice(days=9)["until"]
    town.say(later)
    assert town.notices().notices == ()
    town.pass_days(1.5)
    assert [one.id for one in town.notices().notices] == ["concierto-7"]
    town.pass_days(11)
    assert town.notices().notices == ()


def test_notice_for_some_places_names_those_of_its_district_alone(town: BeaconTown) -> None:
    town.say(town.notice("a", places=["biblio-3", "kiosko-1"]))
    town.say(town.notice("b", places=["kiosko-1"]))
    town.say(town.notice("c", districts=["centro"]))
    assert [(one.id, one.places) for one in town.notices().notices] == [("a", ("biblio-3",)), ("c", ())]
    assert [(one.id, one.places) for one in town.notices("puerto").notices] == [
        ("a", ("kiosko-1",)),
        ("b", ("kiosko-1",)),
    ]


@pytest.mark.sentence("W-20")
def test_district_without_a_place_in_use_says_so_and_another_says_nothing(
    town: BeaconTown,
) -> None:
    town.say(town.notice("b", places=["kiosko-1"]))
    town.desk.withdraw_place("kiosko-1", "ana", "")
    assert (town.keys("puerto").beacons, town.notices("puerto").notices) == ((), ())
    assert town.phones.keys_bundle("norte") is None
    assert town.phones.notices_bundle("../keys") is None


@pytest.mark.sentence("W-8")
def test_bundle_is_signed_by_the_key_before_a_rotation_too(town: BeaconTown) -> None:
    room = town.office.town.room
    old, new = room.keys.signing, Ed25519PrivateKey.generate()
    rolled = replace(room.keys, signing=new, signing_before=(old, *room.keys.signing_before))
    office = town.office
    press = PhonePress(office.writer, rolled, office.fleet.versions, town.air, TOWN, lambda: office.now_ms)
    press.renew()
    made = press.keys_bundle("centro")
    assert made is not None
    notice = decode_notice(made.message)
    for key in (old, new):
        check_notice(notice, {signing_key_id(key.public_key()): key.public_key()})
    stranger = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(SignatureError):
        check_notice(notice, {signing_key_id(stranger): stranger})


def test_bundle_of_phones_travels_whole_and_has_an_end() -> None:
    key = Ed25519PrivateKey.generate()
    body = b"{" + b" " * 100_000 + b"}"
    notice = make_notice("beacon-notices-centro", Version(1, 1), body, 1, [key])
    assert notice.body == body
    assert make_notice("agenda", Version(1, 1), body, 1, [key]).body is None
    with pytest.raises(BundleError):
        make_notice("beacon-notices-centro", Version(1, 1), b" " * (PHONE_BUNDLE_BYTES_MAX + 1), 1, [key])


def test_more_than_a_bundle_holds_leaves_the_one_before(town: BeaconTown) -> None:
    town.say(town.notice("first"))
    before = town.versions()
    long = dict.fromkeys(("es", "ca", "en"), "ñ" * 600)
    for number in range(600):
        town.desk.draft(town.notice(f"n{number}", text=long), "ana")
    town.office.writer.run(
        lambda connection: connection.execute(update(beacon_notice).values(state="approved")).rowcount
    )
    town.phones.renew()
    assert town.versions()[1] == before[1]
    assert [one.id for one in town.notices().notices] == ["first"]


def test_bundle_that_phones_would_not_read_leaves_the_one_before(town: BeaconTown) -> None:
    before = town.versions()
    crowd = [
        {"code": f"p{number:04}", "district": "centro", "site": "plaza", "name": '{"es": "Lugar"}'}
        | {"lat": None, "long": None, "position": "", "is_withdrawn": False}
        for number in range(BEACONS_MAX)
    ]
    stands = [
        {"place": one["code"], "device": f"d-{one['code']}", "since_ms": 1, "who": "ana"} for one in crowd
    ]

    def job(connection: Connection) -> int:
        connection.execute(insert(beacon_place), crowd)
        return connection.execute(insert(beacon_stand), stands).rowcount

    town.office.writer.run(job)
    town.phones.renew()
    assert town.versions() == before
    assert [one.place for one in town.keys().beacons] == ["biblio-3"]


@pytest.mark.sentence("W-19")
def test_devices_are_never_sent_what_is_for_phones(town: BeaconTown) -> None:
    with pytest.raises(InputError, match="places and notices"):
        town.office.fleet.press.publish("beacon-keys-centro", b"{}", 60, "ana")


def test_interests_of_the_town_stand_in_every_district(town: BeaconTown) -> None:
    town.desk.put_interest(MUSIC, "ana")
    assert [one.code for one in town.notices().interests] == ["musica"]
