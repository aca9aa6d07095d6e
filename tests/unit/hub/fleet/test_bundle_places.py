"""Bundles for a district, a site or a device: the nearest that has not expired, and the way back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.db.fleet_repository import BundleRow
from hub.domain.settings.service import Level, Place
from hub.fleet.bundle_press import NamesFullError, for_place
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
