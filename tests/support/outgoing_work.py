"""A hub's database with work towards the core in it, and a forwarder to start, stop and break off."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid5

from sqlalchemy import Connection, select

from hub.core.notices import notices_connector
from hub.core.open311 import Open311Connector, Open311Settings
from hub.core.open311_photographs import PhotographConnector, PhotographSettings
from hub.core.port import Connector, Effect
from hub.core.settlements import settlements_connector
from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.outgoing_repository import OutgoingInserts, OutgoingRepository
from hub.db.tables import exception, outgoing
from hub.db.triggers import create_all
from hub.db.writer import Writer
from hub.forwarder.worker import Forwarder, ForwarderSettings
from shared.model.event import Event, Stream
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore

NOW_MS = 1_795_255_200_000
EVENT = Event(
    device="kiosk-1",
    stream=Stream.CASES,
    epoch="9f3c2a1b",
    seq=1,
    id="0197f0f0-0000-7000-8000-000000000000",
    type="incident.reported",
    time_ms=NOW_MS,
    boot=1,
    uptime_ms=1,
    clock_age_s=0,
    subject=None,
    data={},
    line=b"",
)
QUICK = ForwarderSettings(retry_max_ms=200)
TIMEOUT_S = 0.4
SETTLE_S = 1.5


def effect_key(name: str) -> UUID:
    """The key under which `OutgoingWork.add` adds work."""
    return uuid5(UUID(int=0), name)


class AsWritten:
    """Photographs whose addresses stand in the effect."""

    async def addressed(self, effect: Effect) -> Mapping[str, object]:
        return effect.body

    async def seen(self, effect: Effect, urls: Sequence[str]) -> None:
        pass


class OutgoingWork:
    """A database that lives as long as the `with` block; the file stays.

    Args:
        folder: where it lies, or will.
    """

    def __init__(self, folder: Path) -> None:
        url = sqlite_url(folder / "hub.db")
        engine = open_writer(url)
        if not (folder / "hub.db").exists():
            with engine.begin() as connection:
                create_all(connection)
        self.writer = Writer(engine, open_reader(url))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()

    def add(self, connector: str, work: Sequence[tuple[str, str, Mapping[str, object]]]) -> None:
        """Add effects, all in one transaction.

        Args:
            connector: whose they are.
            work: name (see `effect_key`), aggregate and body of each.
        """

        def job(connection: Connection) -> None:
            inserts = OutgoingInserts(connection)
            for name, aggregate, body in work:
                event = replace(EVENT, id=name)
                inserts.add(event, str(effect_key(name)), connector, aggregate, body, NOW_MS)
            inserts.flush()

        self.writer.submit(job).result()

    def add_reports(self, references: Sequence[str], connector: str = "open311") -> None:
        """Add a report under each reference."""
        body = {"service_code": "aceras", "description": "Baldosa suelta", "lat": 40.3, "long": -3.7}
        self.add(connector, [(name, name, {**body, "reference": name}) for name in references])

    def add_settlements(self, names: Sequence[str], *, aggregates: int = 10**6) -> int:
        """Add a settlement under each name, spread over so many aggregates.

        Returns:
            The sum of the money, in minor units.
        """
        amounts = [100 + number for number in range(len(names))]
        self.add(
            "settlements",
            [
                (name, f"card-{number % aggregates}", {"amount_minor": amount, "currency": "EUR"})
                for number, (name, amount) in enumerate(zip(names, amounts, strict=True))
            ],
        )
        return sum(amounts)

    def states(self) -> Counter[str]:
        """How many effects stand how."""
        return Counter(row["state"] for row in self.rows())

    def rows(self) -> list[Mapping[str, Any]]:
        """Every outgoing row, oldest first."""
        with self.writer.read() as connection:
            return [
                dict(row) for row in connection.execute(select(outgoing).order_by(outgoing.c.id)).mappings()
            ]

    def exceptions(self) -> list[Mapping[str, Any]]:
        """What a clerk must look at."""
        with self.writer.read() as connection:
            return [dict(row) for row in connection.execute(select(exception)).mappings()]

    def replay(self, row: int) -> bool:
        """A clerk's word: try it again."""
        return self.writer.submit(
            lambda connection: OutgoingRepository(connection).replay(row, NOW_MS)
        ).result()

    def all_done(self) -> bool:
        """Whether nothing is left to do."""
        return set(self.states()) <= {"done"}


class RunningForwarder:
    """A forwarder on a thread of its own, for the time of the `with` block.

    Args:
        work: its database.
        connect: makes its connectors, on that thread.
    """

    def __init__(self, work: OutgoingWork, connect: Callable[[], Sequence[Connector]]) -> None:
        self._work = work
        self._connect = connect
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.forwarder: Forwarder

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop() if kind is None else self.break_off()

    def stop(self) -> None:
        """Let it end what is under way."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.forwarder.stop)
            self._thread.join(20)
            assert not self._thread.is_alive()

    def break_off(self) -> None:
        """Cancel it where it stands."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(20)
            assert not self._thread.is_alive()

    def run_in_loop(self, act: Callable[[], object]) -> None:
        """Do something on the forwarder's own thread."""
        self._loop.call_soon_threadsafe(act)

    def wait_until_done(self, timeout_s: float = 30.0) -> None:
        """Wait until the core has everything."""
        eventually(self._work.all_done, timeout_s=timeout_s, what="every effect done")

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.forwarder = Forwarder(self._connect(), self._work.writer, QUICK)
        self._task = asyncio.ensure_future(self.forwarder.run())
        self._ready.set()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()


def connectors_to(
    core: ReferenceCore, *, settle_s: float = SETTLE_S, port: int | None = None
) -> Callable[[], Sequence[Connector]]:
    """All connectors to a reference core, impatient enough for a test; at another port, if one is given."""
    endpoint = core.endpoint(timeout_s=TIMEOUT_S)
    if port is not None:
        endpoint = replace(endpoint, base_url=f"http://127.0.0.1:{port}")

    def connect() -> Sequence[Connector]:
        updates = PhotographSettings(endpoint=endpoint, jurisdiction_id="", keyed=True)
        return [
            Open311Connector(Open311Settings(endpoint=endpoint, settle_s=settle_s)),
            PhotographConnector(updates, AsWritten()),
            settlements_connector(endpoint),
            notices_connector(endpoint),
        ]

    return connect
