"""How fast the hub takes events: frame by frame over a real broker, and in full frames into the database.

`ingest.single` sends one event a frame from 16 devices through a NATS server; beside it stands a bare
paho client that inserts the payloads in batches and does nothing else. `ingest.batched` takes frames of
200 events; beside it the very rows that this wrote go into the same tables by raw sqlite3, in groups of
the same size. Both are whole: MAC, parsing, opening, chain, ids, ledger and outgoing work, on SQLite with
a synced commit.
"""

import multiprocessing
import queue
import sqlite3
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import median

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Connection

from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.migrate import upgrade
from hub.db.unit_of_work import Rules, UnitOfWork
from hub.db.writer import Writer
from hub.ingest.apply import Incoming
from hub.ingest.worker import IngestWorker, WorkerHooks
from hub.metrics import Measures
from shared.adapters.mqtt_link import Address, LinkSettings, MqttLink
from shared.protocol import limits, topics
from shared.protocol.sealing import HubSealingKey
from tests.bench.frames import NOW_MS, Life, Street
from tests.support.polling import eventually
from tests.support.town import free_port

ROUNDS = 15
SINGLES = 1_500
DEVICES = 16
BATCH = 200
WINDOW = 200
PLACES = {
    "sealing_context": "rowid",
    "inbox": "rowid",
    "account": "rowid",
    "journal": "rowid",
    "posting": "journal_id",
    "card_counter": "journal_id",
    "outgoing": "rowid",
}
"""What an event writes to, in an order that keeps the foreign keys, and what rises from row to row."""
NEW = "SELECT *, {1} FROM {0} WHERE {1} > ? ORDER BY {1}"
NEW_ROWS = {table: NEW.format(table, place) for table, place in PLACES.items()}
INSERT = "INSERT INTO {} VALUES ({})"


def run() -> list[dict[str, object]]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio.
    """
    with tempfile.TemporaryDirectory() as folder:
        return [_single(Path(folder)), _batched(Path(folder))]


# ---- one event a frame, over a broker -------------------------------------------------------------------


def _single(folder: Path) -> dict[str, object]:
    ours: list[float] = []
    bare: list[float] = []
    with _broker(folder) as port, _hub(folder, port) as (street, worker, writer), _publisher(port) as pipe:
        street.enter(writer)
        with _bare_consumer(folder, port) as consumer:
            for number in range(ROUNDS + 1):
                frames = list(street.frames(SINGLES, 1))
                seconds = [_ours_round(pipe, worker, frames), _bare_round(pipe, consumer, frames)]
                if number:
                    ours.append(SINGLES / seconds[0])
                    bare.append(SINGLES / seconds[1])
    ratio = median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    return _row("ingest.single", median(ours), "bare paho + batch insert", ratio)


def _ours_round(pipe: Pipe, worker: IngestWorker, frames: Sequence[tuple[str, bytes]]) -> float:
    goal = worker.events + len(frames)
    began_s = time.perf_counter()
    pipe.send(frames)
    eventually(lambda: worker.events >= goal, timeout_s=60)
    took_s = time.perf_counter() - began_s
    pipe.recv()
    return took_s


def _bare_round(pipe: Pipe, consumer: "_Bare", frames: Sequence[tuple[str, bytes]]) -> float:
    goal = consumer.rows + len(frames)
    began_s = time.perf_counter()
    pipe.send([(f"bare/{topic}", payload) for topic, payload in frames])
    eventually(lambda: consumer.rows >= goal, timeout_s=60)
    took_s = time.perf_counter() - began_s
    pipe.recv()
    return took_s


@contextmanager
def _broker(folder: Path) -> Iterator[int]:
    """A NATS server for MQTT on loopback, without TLS on either side of the comparison."""
    port = free_port()
    config = folder / "nats.conf"
    config.write_text(
        f'server_name: bench\nlisten: "127.0.0.1:{free_port()}"\n'
        f'jetstream {{ store_dir: "{folder}/js" }}\n'
        f'mqtt {{ listen: "127.0.0.1:{port}", max_ack_pending: 20000 }}\n'
    )
    binary = Path(sysconfig.get_path("scripts"), "nats-server")
    log = (folder / "nats.log").open("wb")
    with log, subprocess.Popen([binary, "-c", config], stdout=log, stderr=log) as process:
        try:
            eventually(lambda: b"Server is ready" in (folder / "nats.log").read_bytes())
            yield port
        finally:
            process.terminate()


@contextmanager
def _hub(folder: Path, port: int) -> Iterator[tuple[Street, IngestWorker, Writer]]:
    writer = new_writer(folder / "hub.db")
    street = Street(DEVICES, HubSealingKey.generate())
    hooks = WorkerHooks(work_committed=lambda: None, incarnation_jumped=lambda _connection, _now: None)
    worker = IngestWorker(
        street.ingest, writer, Life(), hooks, Measures(), clock=lambda: NOW_MS, rules=Rules()
    )
    settings = LinkSettings(
        name="hub",
        addresses=(Address(host="127.0.0.1", port=port),),
        tls=None,
        subscriptions=(topics.UP_FILTER, topics.HUB_STATE),
        subscription_qos=1,
        outstanding_max=10_000,
        received_max=limits.INBOX_MESSAGES_MAX,
        received_bytes_max=limits.INBOX_BYTES_MAX,
    )
    link = MqttLink(settings, worker.deliver)
    worker.attach(link)
    link.start()
    try:
        eventually(lambda: worker.connected)
        yield street, worker, writer
    finally:
        link.close()
        writer.close()


class _Bare:
    """A paho client that puts payloads into a table in batches, and acknowledges after the commit."""

    def __init__(self, path: Path, port: int) -> None:
        self.rows = 0
        self._waiting: queue.SimpleQueue[paho.MQTTMessage | None] = queue.SimpleQueue()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE message (topic TEXT, payload BLOB)")
        self._subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, manual_ack=True)
        self.client.on_message = lambda _client, _data, message: self._waiting.put(message)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("bare/#", qos=1)
        self.client.loop_start()
        self._subscribed.wait(10)
        self._thread = threading.Thread(target=self._insert)
        self._thread.start()

    def _insert(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            while len(group) < limits.GROUP_MESSAGES_MAX and not self._waiting.empty():
                message = self._waiting.get()
                if message is None:
                    return
                group.append(message)
            self._database.execute("BEGIN IMMEDIATE")
            rows = [(message.topic, message.payload) for message in group]
            self._database.executemany("INSERT INTO message VALUES (?, ?)", rows)
            self._database.execute("COMMIT")
            for message in group:
                self.client.ack(message.mid, message.qos)
            self.rows += len(group)

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()
        self.client.disconnect()
        self.client.loop_stop()
        self._database.close()


@contextmanager
def _bare_consumer(folder: Path, port: int) -> Iterator[_Bare]:
    consumer = _Bare(folder / "bare.db", port)
    try:
        yield consumer
    finally:
        consumer.close()


@contextmanager
def _publisher(port: int) -> Iterator[Pipe]:
    """A process of its own that publishes what it is sent, `WINDOW` messages in flight."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_publish, args=(theirs, port))
    process.start()
    try:
        yield ours
    finally:
        ours.send(None)
        process.join(10)


def _publish(pipe: Pipe, port: int) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(WINDOW)
    client.connect("127.0.0.1", port)
    client.loop_start()
    while (frames := pipe.recv()) is not None:
        for info in [client.publish(topic, payload, qos=1) for topic, payload in frames]:
            info.wait_for_publish(30)
        pipe.send(len(frames))
    client.disconnect()
    client.loop_stop()


# ---- full frames, into the database ---------------------------------------------------------------------


def _batched(folder: Path) -> dict[str, object]:
    writer = new_writer(folder / "batched.db")
    raw = _raw(folder / "raw.db")
    street = Street(DEVICES, HubSealingKey.generate())
    street.enter(writer)
    marks: dict[str, int] = dict.fromkeys(PLACES, 0)
    speeds: list[float] = []
    ratios: list[float] = []
    for number in range(ROUNDS * 4 + 4):
        message = Incoming(*next(street.frames(1, BATCH)))
        began_s = time.perf_counter()
        writer.submit(partial(take, street, message)).result()
        ours_s = time.perf_counter() - began_s
        groups = _new_rows(folder / "batched.db", marks)
        assert sum(len(rows) for name, rows in groups if name == "inbox") == BATCH
        began_s = time.perf_counter()
        _insert_raw(raw, groups)
        raw_s = time.perf_counter() - began_s
        if number >= 4:
            speeds.append(BATCH / ours_s)
            ratios.append(raw_s / ours_s)
    writer.close()
    raw.close()
    return _row("ingest.batched", median(speeds), "raw sqlite3, same rows and groups", median(ratios))


def take(street: Street, message: Incoming, connection: Connection) -> None:
    uow = UnitOfWork(connection)
    street.ingest.apply([message], uow, NOW_MS)
    uow.flush()


def _new_rows(path: Path, marks: dict[str, int]) -> list[tuple[str, list[tuple[object, ...]]]]:
    """The rows that the last transaction added, by table."""
    groups: list[tuple[str, list[tuple[object, ...]]]] = []
    with sqlite3.connect(path) as connection:
        for table in PLACES:
            rows = connection.execute(NEW_ROWS[table], (marks[table],)).fetchall()
            if rows:
                marks[table] = rows[-1][-1]
            groups.append((table, [row[:-1] for row in rows]))
    return groups


def _insert_raw(raw: sqlite3.Connection, groups: Sequence[tuple[str, list[tuple[object, ...]]]]) -> None:
    raw.execute("BEGIN IMMEDIATE")
    for table, rows in groups:
        if rows:
            raw.executemany(INSERT.format(table, ", ".join("?" * len(rows[0]))), rows)
    raw.execute("COMMIT")


def _raw(path: Path) -> sqlite3.Connection:
    upgrade(sqlite_url(path))
    raw = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        raw.execute(f"PRAGMA {pragma}")
    return raw


def new_writer(path: Path) -> Writer:
    url = sqlite_url(path)
    upgrade(url)
    return Writer(open_writer(url), open_reader(url))


def _row(name: str, value: float, against: str, ratio: float) -> dict[str, object]:
    return {
        "name": name,
        "value": round(value),
        "unit": "events/s",
        "against": against,
        "ratio": round(ratio, 2),
    }
