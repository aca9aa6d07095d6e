"""What is in force, what each device is sent and sent again, and versions that are never given twice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.db.engine import Connection
from hub.db.fleet_repository import COMMANDS_KEPT, CommandRepository
from hub.db.settings_repository import SettingsRepository
from hub.domain.settings.service import Level, Place, Value, document, in_force
from hub.fleet.command_post import UNANSWERED, CommandsFullError, Order
from hub.fleet.fleet import Wire, make_fleet
from hub.fleet.settings_desk import ChangedSinceError, NoSuchChangeError
from hub.keys.hub_keys import load, make_hub_key
from hub.keys.records import HubKeyRole
from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.bundle import HUB_KEYS, HubPublicKeys, check_notice, decode_notice
from shared.protocol.command import Command, decode_command
from shared.protocol.settings import settings_of
from shared.protocol.twin import decode_desired
from shared.protocol.versions import Version
from tests.support.office import Office, order
from tests.support.town import now_ms

MINUTE_MS = 60_000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def test_nearest_level_wins_setting_by_setting() -> None:
    def value(level: Level, target: str, name: str, said: int) -> Value:
        return Value(level=level, target=target, name=name, value=said, who="ana", at_ms=0, change=said)

    values = [
        value(Level.CITY, "", "a", 1),
        value(Level.DISTRICT, "north", "a", 2),
        value(Level.SITE, "plaza", "a", 3),
        value(Level.DEVICE, "kiosk-1", "a", 4),
        value(Level.CITY, "", "b", 5),
        value(Level.DISTRICT, "south", "b", 6),
        value(Level.SITE, "north", "b", 7),
    ]
    place = Place(device="kiosk-1", site="plaza", district="north")
    found = in_force(reversed(values), place)
    assert [v.value for v in found["a"]] == [4, 3, 2, 1]
    assert document(found) == {"a": 4, "b": 5}
    assert document(in_force(values, Place(device="kiosk-9", site="", district=""))) == {"a": 1, "b": 5}


def test_values_come_from_the_place_of_the_device(office: Office) -> None:
    office.fleet.settings.put_site("plaza", "north")
    office.set("screen.idle_s", 20, Level.DISTRICT, "north")
    standing = office.fleet.settings.standing("kiosk-1")
    assert (standing.place.site, standing.place.district) == ("plaza", "north")
    assert [v.who for v in standing.values["screen.idle_s"]] == ["ana"]
    office.fleet.settings.put_site("plaza", "")
    assert office.fleet.settings.standing("kiosk-1").values == {}


@pytest.mark.sentence("W-7")
def test_whoever_lacks_something_is_sent_it_again_at_longer_and_longer_intervals(office: Office) -> None:
    office.set("screen.idle_s", 20)
    ((topic, body),) = office.opened()
    assert (topic, decode_desired(body).doc) == ("desired", {"screen.idle_s": 20})
    sent_at: list[int] = []
    for second in range(0, 100, 5):
        office.pass_time(5_000)
        sent_at += [second + 5] * len(office.opened())
    assert sent_at == [5, 15, 35, 75]
    assert office.fleet.dispatch.behind == 1
    office.reports("kiosk-1", decode_desired(body).version)
    assert office.fleet.dispatch.behind == 0
    office.pass_time(limits.PUSH_MAX_MS)
    assert office.opened() == []


@pytest.mark.sentence("W-7")
def test_whoever_is_away_is_sent_nothing_until_it_reports(office: Office) -> None:
    office.set("screen.idle_s", 20)
    office.pass_time(limits.PUSH_MAX_MS)
    assert office.opened("kiosk-2") == []
    office.connected.append("kiosk-2")
    office.reports("kiosk-2", None)
    assert [topic for topic, _ in office.opened("kiosk-2")] == ["desired"]


def test_settings_that_a_device_gave_up_are_not_sent_again(office: Office) -> None:
    office.set("screen.idle_s", 20)
    ((_, body),) = office.opened()
    office.reports("kiosk-1", decode_desired(body).version, state="reverted")
    office.pass_time(limits.PUSH_MAX_MS)
    assert office.opened() == []


def test_device_without_settings_is_sent_none(office: Office) -> None:
    office.reports("kiosk-1", None)
    assert office.opened() == []
    number = office.set("screen.idle_s", 20)
    ((_, body),) = office.opened()
    office.reports("kiosk-1", decode_desired(body).version)
    assert number is not None
    office.fleet.settings.undo(number, "eva")
    ((_, body),) = office.opened()
    assert decode_desired(body).doc == {}


def test_link_that_is_down_costs_time_alone(office: Office) -> None:
    office.link_up = False
    office.set("screen.idle_s", 20)
    assert office.opened() == []
    office.link_up = True
    office.pass_time(limits.PUSH_FIRST_MS)
    assert len(office.opened()) == 1


@pytest.mark.sentence("W-11")
def test_versions_rise_within_a_life_and_over_lives(office: Office) -> None:
    versions: list[Version] = []
    for value in (20, 30):
        office.set("screen.idle_s", value)
        versions.append(decode_desired(office.opened()[0][1]).version)
    office.life.kept += 1
    office.start()
    office.set("screen.idle_s", 40)
    versions.append(decode_desired(office.opened()[0][1]).version)
    assert versions == sorted(set(versions))
    assert versions[-1].incarnation == 8


@pytest.mark.sentence("W-11")
def test_device_that_knows_a_later_version_is_given_the_same_under_a_new_one(office: Office) -> None:
    office.set("screen.idle_s", 20)
    row = office.fleet.press.publish("content", b"{}", 600, "ana")
    office.sent.clear()
    later = Version(9, 4)  # of a life that this database has forgotten
    office.reports("kiosk-1", later, {"content": later})
    assert "desired" not in dict(office.opened())
    office.life.kept = 10  # the device's birth told of it
    office.pass_time(2 * limits.PUSH_MAX_MS)
    sent = dict(office.opened())
    assert decode_desired(sent["desired"]).version > later
    assert decode_desired(sent["desired"]).doc == {"screen.idle_s": 20}
    assert decode_notice(sent["bundle/content"]).version > max(later, row.version)


@pytest.mark.sentence("W-8")
def test_bundle_is_signed_by_the_key_before_too_while_devices_may_trust_it_alone(office: Office) -> None:
    room = office.town.room
    assert office.fleet.press.publish_hub_keys()
    assert not office.fleet.press.publish_hub_keys()
    before = {room.registry.hub_keys(HubKeyRole.SIGNING)[0].key_id: room.keys.signing.public_key()}
    make_hub_key(room.folder, room.registry, HubKeyRole.SIGNING)
    keys = load(room.folder, room.registry, now_ms)
    assert keys.signing_before
    assert not office.fleet.press.publish_hub_keys()  # its own start tells of it, when it has read the keys
    office.life.kept += 1
    wire = Wire(publish=lambda t, p: office.sent.append((t, p)), connected=lambda: office.connected)
    again = replace(room, keys=keys)
    office.fleet = make_fleet(again, office.life, office.writer, wire, lambda: office.now_ms)
    assert office.fleet.press.publish_hub_keys()
    office.reports("kiosk-1", None)
    notice = decode_notice(dict(office.opened())[f"bundle/{HUB_KEYS}"])
    check_notice(notice, before)
    assert notice.body is not None
    said = HubPublicKeys.from_body(notice.body)
    assert said.signing == (keys.signing.public_key().public_bytes_raw(),)
    check_notice(notice, said.trusted())


def test_change_is_kept_with_who_made_it_and_undone_once(office: Office) -> None:
    first = office.set("screen.idle_s", 20)
    assert office.set("screen.idle_s", 20) is None
    second = office.set("screen.idle_s", 30)
    assert first is not None
    assert second is not None
    with pytest.raises(ChangedSinceError):
        office.fleet.settings.undo(first, "eva")
    third = office.fleet.settings.undo(second, "eva")
    history = office.fleet.settings.history(0, 10).items
    assert [(c.id, c.before, c.after, c.who, c.undoes) for c in history] == [
        (first, None, "20", "ana", None),
        (second, "20", "30", "ana", None),
        (third, "30", "20", "eva", second),
    ]
    with pytest.raises(ChangedSinceError):
        office.fleet.settings.undo(second, "eva")
    with pytest.raises(NoSuchChangeError):
        office.fleet.settings.undo(999, "eva")


@pytest.mark.parametrize(
    ("name", "value", "level", "target"),
    [
        ("screen.idle_s", 14, Level.CITY, ""),
        ("screen.idle_s", True, Level.CITY, ""),
        ("screen.idle_s", "60", Level.CITY, ""),
        ("screen.languages", ["es", "es"], Level.CITY, ""),
        ("screen.languages", [], Level.CITY, ""),
        ("link.brokers", ["a:1"] * 9, Level.CITY, ""),
        ("link.brokers", ["broker:70000"], Level.CITY, ""),
        ("link.brokers", ["Broker:1"], Level.CITY, ""),
        ("nothing", 1, Level.CITY, ""),
        ("log.level", "info", Level.DEVICE, "nobody"),
        ("log.level", "info", Level.SITE, ""),
        ("log.level", "info", Level.CITY, "x"),
        ("log.level", "info", Level.SITE, "x" * 65),
    ],
)
def test_wish_that_cannot_be_changes_nothing(
    office: Office, name: str, value: object, level: Level, target: str
) -> None:
    with pytest.raises(InputError):
        office.set(name, value, level, target)
    assert office.fleet.settings.history(0, 10).items == []


def test_command_is_sent_at_once_and_again_until_it_has_an_outcome(office: Office) -> None:
    row = office.fleet.commands.send("kiosk-1", order())
    ((topic, body),) = office.opened()
    assert (topic, decode_command(body).id) == ("command", row.id)
    office.pass_time(limits.PUSH_FIRST_MS)
    assert len(office.opened()) == 1
    assert office.fleet.commands.of_device("kiosk-1", 5)[0].state == "waiting"
    office.pass_time(3 * MINUTE_MS)
    assert office.opened() == []
    judged = office.fleet.commands.row(row.id)
    assert judged is not None
    assert judged.state == UNANSWERED


def test_commands_of_long_ago_are_forgotten(office: Office) -> None:
    def fill(connection: Connection) -> None:
        repository = CommandRepository(connection)
        for n in range(COMMANDS_KEPT + 5):
            command = Command(id=f"c-{n}", op="ping", args={}, expires_ms=office.now_ms - 1)
            repository.add("kiosk-1", command, "ana", office.now_ms - COMMANDS_KEPT + n)

    office.writer.run(fill)
    newest = office.fleet.commands.send("kiosk-1", order())
    rows = office.fleet.commands.of_device("kiosk-1", 2 * COMMANDS_KEPT)
    assert len(rows) == COMMANDS_KEPT
    assert newest.id in {row.id for row in rows}
    assert "c-0" not in {row.id for row in rows}


@pytest.mark.sentence("W-6")
def test_device_is_given_no_more_commands_than_it_remembers(office: Office) -> None:
    for _ in range(limits.COMMANDS_REMEMBERED):
        office.fleet.commands.send("kiosk-1", order())
    with pytest.raises(CommandsFullError):
        office.fleet.commands.send("kiosk-1", order())
    office.pass_time(MINUTE_MS + 1)
    assert office.fleet.commands.send("kiosk-1", order()).state == "waiting"


@pytest.mark.parametrize(
    "wrong", [order(life_s=0), order(life_s=limits.COMMAND_LIFE_S_MAX + 1), order(op="")]
)
def test_command_that_cannot_be_is_refused(office: Office, wrong: Order) -> None:
    with pytest.raises(InputError):
        office.fleet.commands.send("kiosk-1", wrong)
    assert office.fleet.commands.of_device("kiosk-1", 5) == []


def test_revoked_device_is_sent_nothing(office: Office) -> None:
    office.town.room.registry.revoke("kiosk-1", "stolen")
    with pytest.raises(InputError):
        office.fleet.commands.send("kiosk-1", order())
    office.set("screen.idle_s", 20)
    assert office.sent == []


def test_words_of_networks_are_shown_to_nobody_and_can_be_put_back(office: Office) -> None:
    desk = office.fleet.settings
    first = office.set("wifi.networks", [["plaza", "palabra-1"], ["libre", ""]])
    second = office.set("wifi.networks", [["plaza", "palabra-2"]])
    assert first is not None
    assert second is not None
    assert [value.value for value in desk.values()] == [[["plaza", "***"]]]
    standing = desk.standing("kiosk-1").values["wifi.networks"]
    assert [value.value for value in standing] == [[["plaza", "***"]]]
    assert "palabra" not in str(desk.history(0, 100).items)
    assert "libre" in str(desk.history(0, 100).items)
    desk.undo(second, "ana")
    with office.writer.read() as connection:
        values = SettingsRepository(connection).values()
    assert values[0].value == [["plaza", "palabra-1"], ["libre", ""]]


def test_what_is_set_for_nodes_is_sent_to_no_other_device(office: Office) -> None:
    office.set("wifi.networks", [["plaza", "palabra-1"]])
    office.set("beacon.interval_ms", 500)
    office.set("screen.idle_s", 20)
    office.fleet.dispatch.changed()
    sent = [decode_desired(body).doc for end, body in office.opened() if end == "desired"]
    assert sent[-1] == {"screen.idle_s": 20}
    assert "palabra" not in str(sent)
    given = {"wifi.networks": [["plaza", "palabra-1"]], "beacon.interval_ms": 500, "link.confirm_s": 9}
    assert settings_of("beacon", {**given, "screen.idle_s": 20}) == given


@pytest.mark.parametrize("level", [Level.SITE, Level.DEVICE])
def test_exponent_is_refused_where_phones_could_not_know_it(office: Office, level: Level) -> None:
    with pytest.raises(InputError, match="phones learn it by district"):
        office.set("beacon.eid_exponent", 12, level, "kiosk-1")
    assert office.set("beacon.eid_exponent", 12, Level.DISTRICT, "north")


@pytest.mark.parametrize(
    "value",
    [
        [],
        [["plaza"]],
        [["plaza", "short"]],
        [["", "palabra-1"]],
        [["x" * 33, "palabra-1"]],
        [["plaza", "x" * 64]],
        [["\ud800", "palabra-1"]],
        [["plaza", "palabra-1"]] * 5,
        "plaza",
    ],
)
def test_networks_that_cannot_be_are_refused_and_not_repeated(office: Office, value: object) -> None:
    with pytest.raises(InputError) as refused:
        office.set("wifi.networks", value)
    assert "palabra" not in str(refused.value)
