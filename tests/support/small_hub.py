"""A hub for the tests of devices: keys, broker, ingest and database are the real ones; no core, no HTTP."""

from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_bytes
from typing import Any

from sqlalchemy import Table, select

from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.tables import inbox, loss_record, quarantine
from hub.db.triggers import create_all
from hub.db.unit_of_work import Rules
from hub.db.writer import Writer
from hub.ingest.apply import Ingest
from hub.ingest.opening import Opener
from hub.ingest.worker import IngestWorker, WorkerHooks
from hub.metrics import Measures
from shared.adapters.mqtt_link import MqttLink, Will
from shared.edge.home import DeviceHome
from shared.protocol import topics
from tests.support.edge import enrol_home
from tests.support.polling import eventually
from tests.support.town import Town, now_ms


class SmallHub:
    """A town with a hub in this process; `stop` and `start` leave its database where it is.

    Attributes:
        town: keys and broker.
        ingest: what is done with messages.
        database: the file.
        clock: the hub's time.
    """

    town_class: type[Town] = Town

    def __init__(
        self, folder: Path, devices: Sequence[str] = ("bus-7",), *, clock: Callable[[], int] = now_ms
    ) -> None:
        self._folder = folder
        self.clock = clock
        folder.mkdir(exist_ok=True)
        self.town = self.town_class(folder)
        for device in devices:
            self.enrol(device)
        self.town.broker.start()
        self.database = folder / "hub.db"
        self._url = sqlite_url(self.database)
        engine = open_writer(self._url)
        with engine.begin() as connection:
            create_all(connection)
        engine.dispose()
        self.start()

    def home(self, device: str) -> DeviceHome:
        """The home folder of a device."""
        return DeviceHome(self._folder / device)

    def enrol(self, device: str) -> None:
        """Enrol a device, all but the HTTP."""
        enrol_home(self.town, self.home(device), device)

    def start(self) -> None:
        """Begin a life of the hub."""
        room = self.town.room
        assert room.incarnation is not None
        self.writer = Writer(open_writer(self._url), open_reader(self._url))
        self.ingest = Ingest(room.registry, room.incarnation, Opener(room.keys.sealing), token_bytes)
        worker = IngestWorker(
            self.ingest,
            self.writer,
            room.incarnation,
            WorkerHooks(work_committed=lambda: None, incarnation_jumped=lambda _connection, _now: None),
            Measures(),
            clock=self.clock,
            rules=Rules(),
        )
        will = Will(topic=topics.HUB_STATE, payload=b'{"v":1,"on":false}', retain=True)
        self.link = MqttLink(self.town.settings("hub"), worker.deliver, will=lambda _session: will)
        worker.attach(self.link)
        self.link.start()
        eventually(lambda: worker.connected, what="the hub on its broker")

    def stop(self) -> None:
        """End this life of the hub, as a power cut would: nothing is finished."""
        self.link.close()
        self.writer.close()

    def close(self) -> None:
        self.stop()
        self.town.close()

    def rows(self, table: Table = inbox) -> list[dict[str, Any]]:
        """Every committed row of a table."""
        with self.writer.read() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def ids(self) -> list[str]:
        """The ids of all events that were taken, as often as they were."""
        return [row["event_id"] for row in self.rows()]

    def wait_for(self, ids: Sequence[str], *, timeout_s: float = 30.0) -> None:
        """Wait until every one of these events is committed; each is there once."""
        wanted = set(ids)
        eventually(
            lambda: wanted <= set(self.ids()),
            timeout_s=timeout_s,
            what=f"{len(wanted)} events at the hub",
        )
        found = self.ids()
        assert len(found) == len(set(found))

    def nothing_wrong(self) -> None:
        """Check that nothing was quarantined and nothing recorded as lost."""
        assert self.rows(quarantine) == []
        assert self.rows(loss_record) == []
