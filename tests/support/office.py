"""A hub's fleet room: settings, bundles and commands on a real database; the wire is the test's."""

from collections.abc import Mapping
from pathlib import Path

from hub.db.engine import Connection, open_reader, open_writer, sqlite_url
from hub.db.fleet_repository import FleetWords
from hub.db.settings_repository import Wish
from hub.db.triggers import create_all
from hub.db.writer import Writer
from hub.domain.settings.service import Level
from hub.fleet.command_post import Order
from hub.fleet.fleet import Wire, make_fleet
from shared.adapters.mqtt_link import LinkDownError
from shared.protocol import topics
from shared.protocol.mac import open_message
from shared.protocol.versions import Version
from tests.support.town import Town, now_ms


class Life:
    """An incarnation that the test raises."""

    kept = 7


class Office:
    """The room on a real database and registry.

    Args:
        folder: an empty one of the test.
        url: of a database with its schema; None for a SQLite of its own.
    """

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.town = Town(folder, ["kiosk-1", "kiosk-2"])
        self.life = Life()
        self.now_ms = now_ms()
        self.connected = ["kiosk-1"]
        self.sent: list[tuple[str, bytes]] = []
        self.link_up = True
        if url is None:
            url = sqlite_url(folder / "hub.db")
            engine = open_writer(url)
            with engine.begin() as connection:
                create_all(connection)
            engine.dispose()
        self.writer = Writer(open_writer(url), open_reader(url))
        self.start()

    def start(self) -> None:
        """A life of the hub begins."""
        wire = Wire(publish=self._publish, connected=lambda: self.connected)
        self.fleet = make_fleet(self.town.room, self.life, self.writer, wire, lambda: self.now_ms)

    def close(self) -> None:
        self.writer.close()
        self.town.close()

    def set(self, name: str, value: object, level: Level = Level.CITY, target: str = "") -> int | None:
        return self.fleet.settings.change(Wish(level=level, target=target, name=name, value=value, who="ana"))

    def reports(
        self,
        device: str,
        version: Version | None,
        bundles: Mapping[str, Version] | None = None,
        state: str = "reached",
    ) -> None:
        """A device says what it has."""

        def job(connection: Connection) -> None:
            words = FleetWords(connection)
            columns = {
                "reported_incarnation": version and version.incarnation,
                "reported_n": version and version.n,
                "state": state,
                "why": None,
                "refused": {},
            }
            held = {name: (item, "held") for name, item in (bundles or {}).items()}
            words.report(device, columns, held, self.now_ms)
            words.flush()

        self.writer.run(job)
        self.fleet.dispatch.heard([device])
        self.fleet.dispatch.run()

    def opened(self, device: str = "kiosk-1") -> list[tuple[str, bytes]]:
        """What was sent to a device since the last look, by the end of its topic."""
        key = self.town.room.registry.down_key(device)
        found = [
            (topic.removeprefix(topics.down(device, "")), open_message({key.id: key.key}, topic, payload))
            for topic, payload in self.sent
            if f"/{device}/" in topic
        ]
        self.sent.clear()
        return found

    def pass_time(self, ms: int) -> None:
        self.now_ms += ms
        self.fleet.dispatch.run()

    def _publish(self, topic: str, payload: bytes) -> None:
        if not self.link_up:
            raise LinkDownError(LinkDownError.__doc__)
        self.sent.append((topic, payload))


def order(op: str = "ping", life_s: int = 60) -> Order:
    """An order of a command."""
    return Order(op=op, args={}, life_s=life_s, who="ana")
