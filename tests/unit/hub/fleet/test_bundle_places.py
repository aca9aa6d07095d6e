"""Bundles for a district, a site or a device: the nearest that has not expired, and the way back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.db.fleet_repository import BundleRepository, BundleRow
from hub.domain.settings.service import Level, Place
from hub.fleet.bundle_press import NamesFullError, for_place
from shared.model.deny_list import PackedSubjects
from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.bundle import HUB_KEYS, Notice, decode_notice
from shared.protocol.versions import Version
from tests.support.office import Office

DAY_S = 86_400


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)  # its devices were enrolled for the site "plaza"
    office.connected = ["kiosk-1", "kiosk-2"]
    yield office
    office.close()


def publish(
    office: Office, body: bytes, level: Level = Level.CITY, target: str = "", life_s: int = DAY_S
) -> Version:
    row = office.fleet.press.publish("content", body, life_s, "ana", level=level, target=target)
    office.sent.clear()
    office.fleet.dispatch.changed()
    return row.version


def offered(office: Office, device: str) -> Notice | None:
    """What a device was sent last, kept as if it had said so."""
    sent = list(office.sent)
    found = dict(office.opened(device)).get("bundle/content")
    office.sent = sent
    return None if found is None else decode_notice(found)


def holds(office: Office, device: str, version: Version) -> None:
    office.reports(device, None, {"content": version})


def row(level: Level, target: str, n: int, expires_ms: int) -> BundleRow:
    return BundleRow(
        name="agenda",
        version=Version(1, n),
        size=1,
        expires_ms=expires_ms,
        who="ana",
        at_ms=0,
        level=level,
        target=target,
    )


@pytest.mark.sentence("W-16")
@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        ({"city": 9, "district": 9, "site": 9, "device": 9}, "device"),
        ({"city": 9, "district": 9, "site": 9}, "site"),
        ({"city": 9, "district": 9, "site": 9, "device": 5}, "site"),
        ({"city": 9, "district": 5, "site": 5, "device": 5}, "city"),
        ({"city": 5, "district": 5, "site": 5}, "site"),
        ({"city": 5, "site": 9}, "site"),
        ({"other": 9}, None),
    ],
)
def test_nearest_that_has_not_expired_is_the_one(ends: dict[str, int], wanted: str | None) -> None:
    targets = {"city": "", "district": "north", "site": "plaza", "device": "kiosk-1"}
    rows = [
        row(Level.SITE, "port", n, end) if level == "other" else row(Level(level), targets[level], n, end)
        for n, (level, end) in enumerate(ends.items(), 1)
    ]
    place = Place(device="kiosk-1", site="plaza", district="north")
    for order in (rows, rows[::-1]):
        found = for_place({one.reach: one for one in order}, place, now_ms=5)
        assert [one.level.value for one in found] == ([] if wanted is None else [wanted])


@pytest.mark.sentence("W-16")
def test_bundle_for_one_device_reaches_it_alone(office: Office) -> None:
    city = publish(office, b"city")
    mine = publish(office, b"mine", Level.DEVICE, "kiosk-1")
    first, second = offered(office, "kiosk-1"), offered(office, "kiosk-2")
    assert first is not None
    assert second is not None
    assert (first.version, first.body, second.version) == (mine, b"mine", city)
    holds(office, "kiosk-1", mine)
    holds(office, "kiosk-2", city)
    office.sent.clear()
    later = publish(office, b"newer")
    notice = offered(office, "kiosk-2")
    assert notice is not None
    assert notice.version == later
    assert offered(office, "kiosk-1") is None  # what is newer elsewhere is not nearer


@pytest.mark.sentence("W-16")
def test_what_is_wider_comes_back_under_a_new_version_when_the_nearer_is_withdrawn_or_over(
    office: Office,
) -> None:
    publish(office, b"city")
    mine = publish(office, b"mine", Level.DEVICE, "kiosk-1")
    holds(office, "kiosk-1", mine)
    office.sent.clear()
    office.fleet.press.withdraw("content", Level.DEVICE, "kiosk-1")
    office.fleet.dispatch.changed()
    back = offered(office, "kiosk-1")
    assert back is not None
    assert (back.body, back.version > mine) == (b"city", True)
    short = publish(office, b"short", Level.DEVICE, "kiosk-1", life_s=60)
    holds(office, "kiosk-1", short)
    office.sent.clear()
    office.now_ms += 60_000
    holds(office, "kiosk-1", short)  # a device tells that what it holds has expired
    back = offered(office, "kiosk-1")
    assert back is not None
    assert (back.body, back.version > short) == (b"city", True)


@pytest.mark.parametrize(
    ("name", "level", "target"),
    [
        ("content", Level.DEVICE, "nobody"),
        ("content", Level.SITE, ""),
        ("content", Level.CITY, "x"),
        (HUB_KEYS, Level.DEVICE, "kiosk-1"),
    ],
)
def test_place_that_cannot_be_is_refused(office: Office, name: str, level: Level, target: str) -> None:
    with pytest.raises(InputError):
        office.fleet.press.publish(name, b"x", 60, "ana", level=level, target=target)


def test_name_that_no_device_has_room_for_is_not_published(office: Office) -> None:
    assert office.fleet.press.publish_hub_keys()
    for n in range(limits.BUNDLES_HELD_MAX - 2):  # beside the hub's own two
        office.fleet.press.publish(f"name-{n}", b"x", 60, "ana")
    with pytest.raises(NamesFullError):
        office.fleet.press.publish("one-more", b"x", 60, "ana")
    office.fleet.press.publish("name-0", b"y", 60, "ana", level=Level.SITE, target="plaza")


@pytest.mark.parametrize(("level", "target"), [(Level.CITY, ""), (Level.SITE, "plaza")])
def test_nothing_is_withdrawn_where_there_is_nothing_or_from_everyone(
    office: Office, level: Level, target: str
) -> None:
    version = publish(office, b"city")
    with pytest.raises(InputError):
        office.fleet.press.withdraw("content", level, target)
    holds(office, "kiosk-1", version)
    assert office.fleet.dispatch.behind <= 1


@pytest.mark.sentence("W-17")
def test_retired_name_is_dropped_at_every_place_and_published_again_where_it_is_wanted(
    office: Office,
) -> None:
    city = publish(office, b"city")
    mine = publish(office, b"mine", Level.DEVICE, "kiosk-1")
    holds(office, "kiosk-1", mine)
    holds(office, "kiosk-2", city)
    office.sent.clear()
    office.fleet.press.retire("content", "ana")
    office.fleet.dispatch.changed()
    for device in ("kiosk-1", "kiosk-2"):
        gone = offered(office, device)
        assert gone is not None
        assert (gone.retires, gone.version > mine) == (True, True)
        holds(office, device, gone.version)
    office.sent.clear()
    office.fleet.dispatch.changed()
    assert office.sent == []
    again = publish(office, b"again", Level.DEVICE, "kiosk-2")
    back = offered(office, "kiosk-2")
    assert back is not None
    assert (back.version, back.body, offered(office, "kiosk-1")) == (again, b"again", None)
    holds(office, "kiosk-2", again)
    everywhere = publish(office, b"everywhere")
    back = offered(office, "kiosk-1")
    assert back is not None
    assert (back.version, back.body, offered(office, "kiosk-2")) == (everywhere, b"everywhere", None)


@pytest.mark.sentence("W-17")
def test_device_that_never_held_a_retired_name_hears_nothing_of_it(office: Office) -> None:
    publish(office, b"city")
    office.fleet.press.retire("content", "ana")
    office.sent.clear()
    office.reports("kiosk-1", None, {})
    assert office.sent == []


def test_what_was_published_before_a_name_was_retired_stays_in_the_database(office: Office) -> None:
    version = publish(office, b"city")
    gone = office.fleet.press.retire("content", "ana")
    with office.writer.read() as connection:
        repository = BundleRepository(connection)
        assert repository.body("content", version) == b"city"
        (newest,) = repository.newest().values()
    assert (newest.retires, newest.who, newest.version) == (True, "ana", gone.version)


@pytest.mark.parametrize("name", ["content", HUB_KEYS, "report-status"])
def test_name_that_nothing_is_published_under_or_that_is_the_hubs_is_not_retired(
    office: Office, name: str
) -> None:
    assert office.fleet.press.publish_hub_keys()
    with pytest.raises(InputError):
        office.fleet.press.retire(name, "ana")


def test_retired_name_makes_room_for_another_until_devices_remember_no_more(office: Office) -> None:
    for n in range(limits.BUNDLES_HELD_MAX - 2):
        office.fleet.press.publish(f"name-{n}", b"x", 60, "ana")
    for n in range(limits.BUNDLES_RETIRED_MAX):
        office.fleet.press.retire(f"name-{n}", "ana")
        office.fleet.press.publish(f"name-{n + limits.BUNDLES_HELD_MAX - 2}", b"x", 60, "ana")
    with pytest.raises(NamesFullError):
        office.fleet.press.retire(f"name-{limits.BUNDLES_RETIRED_MAX}", "ana")
    with pytest.raises(InputError, match="retire"):
        office.fleet.press.publish("name-40", b"", 60, "ana")


@pytest.mark.sentence("W-18")
def test_packed_deny_list_is_signed_only_if_every_card_would_be_found(office: Office) -> None:
    packed = PackedSubjects.of(["ab" * 16, "cd" * 16]).to_bytes()
    assert office.fleet.press.publish("deny-list", packed, DAY_S, "ana").size == len(packed)
    for wrong in (packed[:12] + packed[19:] + packed[12:19], packed[:19] + packed[12:19]):
        with pytest.raises(InputError, match="pack it again"):
            office.fleet.press.publish("deny-list", wrong, DAY_S, "ana")
    with pytest.raises(InputError, match="publish"):
        office.fleet.press.publish("deny-list", packed + b"\0", DAY_S, "ana")
