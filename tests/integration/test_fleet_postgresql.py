"""Settings, bundles, commands and what devices say of them, on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.db.engine import Connection
from hub.db.fleet_repository import (
    BUNDLE_VERSIONS_KEPT,
    BundleRepository,
    FleetWords,
    TwinRepository,
    reverted,
)
from hub.db.migrate import upgrade
from hub.domain.settings.service import Level
from hub.fleet.command_post import CommandsFullError
from hub.fleet.settings_desk import ChangedSinceError
from shared.protocol import limits
from shared.protocol.bundle import decode_notice
from shared.protocol.command import decode_command
from shared.protocol.twin import decode_desired
from shared.protocol.versions import Version
from tests.support.office import Office, order
from tests.support.postgresql import new_database, postgresql_server

pytestmark = pytest.mark.requires("postgres")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql_server() as url:
        yield url


@pytest.fixture
def office(server: str, tmp_path: Path) -> Iterator[Office]:
    url = new_database(server)
    upgrade(url)
    office = Office(tmp_path, url)
    yield office
    office.close()


def test_settings_are_set_kept_placed_and_undone(office: Office) -> None:
    office.fleet.settings.put_site("plaza", "north")
    office.fleet.settings.put_site("plaza", "south")
    first = office.set("screen.languages", ["es", "ca"])
    second = office.set("screen.idle_s", 30, Level.DISTRICT, "south")
    assert first is not None
    assert second is not None
    assert office.set("screen.idle_s", 30, Level.DISTRICT, "south") is None
    third = office.set("screen.idle_s", 40, Level.DISTRICT, "south")
    with pytest.raises(ChangedSinceError):
        office.fleet.settings.undo(second, "eva")
    assert third is not None
    office.fleet.settings.undo(third, "eva")
    history = office.fleet.settings.history(0, 10).items
    assert [(c.id > 0, c.before, c.after, c.who) for c in history][1:] == [
        (True, None, "30", "ana"),
        (True, "30", "40", "ana"),
        (True, "40", "30", "eva"),
    ]
    assert [v.value for v in office.fleet.settings.values()] == [30, ["es", "ca"]]


def test_twin_is_given_reported_and_given_above_what_a_device_knows(office: Office) -> None:
    office.set("screen.idle_s", 20)
    version = decode_desired(dict(office.opened())["desired"]).version
    office.reports("kiosk-1", version, state="reverted")
    with office.writer.read() as connection:
        row = TwinRepository(connection).rows(["kiosk-1"])["kiosk-1"]
        assert (row.desired and row.desired.doc, row.reported, row.state) == (
            {"screen.idle_s": 20},
            version,
            "reverted",
        )
        assert list(reverted(connection)) == ["kiosk-1"]
    office.reports("kiosk-1", Version(9, 4))
    office.life.kept = 10
    office.pass_time(2 * limits.PUSH_MAX_MS)
    assert decode_desired(dict(office.opened())["desired"]).version > Version(9, 4)


def test_bundles_are_published_kept_for_a_while_and_counted(office: Office) -> None:
    rows = [office.fleet.press.publish("content", bytes([0, n]), 600, "ana") for n in range(5)]
    other = office.fleet.press.publish("agenda", b'{"items":[]}', 600, "ana")
    with office.writer.read() as connection:
        repository = BundleRepository(connection)
        assert repository.newest() == {row.reach: row for row in (rows[-1], other)}
        kept = [repository.body("content", row.version) for row in rows]
    assert kept == [None] * (5 - BUNDLE_VERSIONS_KEPT) + [bytes([0, n]) for n in (2, 3, 4)]
    office.reports("kiosk-1", None, {"content": rows[-1].version, "agenda": rows[0].version})
    sent = dict(office.opened())
    assert decode_notice(sent["bundle/agenda"]).version == other.version
    assert "bundle/content" not in sent
    office.reports("kiosk-2", None, {"content": rows[-1].version})
    office.reports("kiosk-2", None, {"content": rows[-1].version})
    with office.writer.read() as connection:
        assert BundleRepository(connection).holders()["content", rows[-1].version] == 2


def test_bundle_for_a_site_is_kept_beside_that_for_everyone_and_withdrawn(office: Office) -> None:
    city = office.fleet.press.publish("content", b"city", 600, "ana")
    sites = [
        office.fleet.press.publish("content", b"%d" % n, 600, "ana", level=Level.SITE, target="plaza")
        for n in range(5)
    ]
    with office.writer.read() as connection:
        repository = BundleRepository(connection)
        assert repository.newest() == {row.reach: row for row in (city, sites[-1])}
        assert [repository.body("content", row.version) for row in sites] == [None, None, b"2", b"3", b"4"]
        assert repository.body("content", city.version) == b"city"
    office.fleet.press.withdraw("content", Level.SITE, "plaza")
    with office.writer.read() as connection:
        assert BundleRepository(connection).newest() == {city.reach: city}
        assert BundleRepository(connection).body("content", sites[-1].version) is None


def test_commands_are_sent_bounded_and_their_first_outcome_stays(office: Office) -> None:
    row = office.fleet.commands.send("kiosk-1", order())
    ((_, body),) = office.opened()
    assert decode_command(body).id == row.id

    def say(state: str, data: dict[str, object]) -> None:
        def job(connection: Connection) -> None:
            words = FleetWords(connection)
            values = {"state": state, "detail": "ñ", "data": data}
            words.result("kiosk-1", row.id, values, office.now_ms)
            words.result("kiosk-2", row.id, {**values, "state": "failed"}, office.now_ms)
            words.flush()

        office.writer.run(job)

    say("running", {})
    say("done", {"n": 1})
    say("failed", {"n": 2})
    found = office.fleet.commands.row(row.id)
    assert found is not None
    assert (found.state, found.data, found.detail) == ("done", {"n": 1}, "ñ")
    for _ in range(limits.COMMANDS_REMEMBERED - 1):
        office.fleet.commands.send("kiosk-1", order())
    with pytest.raises(CommandsFullError):
        office.fleet.commands.send("kiosk-1", order())
    assert len(office.fleet.commands.of_device("kiosk-1", 100)) == limits.COMMANDS_REMEMBERED
