"""What else could keep a device's events: four libraries and a plain table, each told to sync every append.

A peer counts only if it is *safe*: fifty kills with -9 in mid-work lose nothing. That is tried here as well,
because a queue that loses events is fast.
"""

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

import diskcache
import litequeue
import persistqueue
import sqlite_utils

from tests.bench.peers.fate import Fate

KILLS: Final = 50
BODY_BYTES: Final = 400
NAME_BYTES: Final = 12


class Peer(Protocol):
    """A queue: append, look at the oldest, let it go."""

    def append(self, body: str) -> None: ...
    def take(self) -> tuple[Any, str] | None: ...
    def acknowledge(self, handle: Any) -> None: ...  # noqa: ANN401 (each has a handle of its own)


class PlainTable:
    """SQLite, write-ahead log, a table, nothing else; as shipped: with a rollback journal."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
        if durable:
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL)"
        )

    def append(self, body: str) -> None:
        self.connection.execute("INSERT INTO outbox (body) VALUES (?)", (body,))

    def take(self) -> tuple[int, str] | None:
        return self.connection.execute("SELECT id, body FROM outbox ORDER BY id LIMIT 1").fetchone()

    def acknowledge(self, handle: int) -> None:
        self.connection.execute("DELETE FROM outbox WHERE id = ?", (handle,))


class SqliteUtils:
    """sqlite-utils as its documentation shows it."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.database = sqlite_utils.Database(folder / "utils.db")
        if durable:
            self.database.enable_wal()
            self.database.execute("PRAGMA synchronous=FULL")
        self.table = self.database.table("outbox", pk="id")
        if not self.table.exists():
            self.table.create({"id": int, "body": str}, pk="id")

    def append(self, body: str) -> None:
        self.table.insert({"body": body})

    def take(self) -> tuple[int, str] | None:
        row = next(self.table.rows_where(order_by="id", limit=1), None)
        return None if row is None else (row["id"], row["body"])

    def acknowledge(self, handle: int) -> None:
        self.table.delete(handle)


class PersistQueue:
    """persist-queue's SQLite queue: getting an item deletes it. It has no setting for its syncs."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.queue = persistqueue.SQLiteQueue(str(folder / "queue"), auto_commit=True)

    def append(self, body: str) -> None:
        self.queue.put(body)

    def take(self) -> tuple[None, str] | None:
        try:
            return None, self.queue.get(block=False)
        except persistqueue.Empty:
            return None

    def acknowledge(self, handle: None) -> None:
        pass


class PersistAckQueue:
    """persist-queue's queue with acknowledgements."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.queue = persistqueue.SQLiteAckQueue(str(folder / "ack"))

    def append(self, body: str) -> None:
        self.queue.put(body)

    def take(self) -> tuple[int, str] | None:
        try:
            item: Any = self.queue.get(block=False, raw=True)
        except persistqueue.Empty:
            return None
        return item["pqid"], item["data"]

    def acknowledge(self, handle: int) -> None:
        self.queue.ack(id=handle)


class DiskCache:
    """diskcache's deque."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        if durable:
            cache = diskcache.Cache(str(folder / "cache"), sqlite_synchronous=2, eviction_policy="none")
            self.deque = diskcache.Deque.fromcache(cache)
        else:
            self.deque = diskcache.Deque(directory=str(folder / "cache"))

    def append(self, body: str) -> None:
        self.deque.append(body)

    def take(self) -> tuple[None, str] | None:
        try:
            return None, str(self.deque.peekleft())
        except IndexError:
            return None

    def acknowledge(self, handle: None) -> None:
        self.deque.popleft()


class LiteQueue:
    """litequeue: a popped message is locked until it is done."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.queue = litequeue.LiteQueue(folder / "lite.db")
        if durable:
            self.queue.conn.execute("PRAGMA synchronous=FULL")

    def append(self, body: str) -> None:
        self.queue.put(body)

    def take(self) -> tuple[str, str] | None:
        message = self.queue.pop()
        return None if message is None else (message.message_id, message.data)

    def acknowledge(self, handle: str) -> None:
        self.queue.done(handle)


SHIPPED: Final[dict[str, Callable[[Path], Peer]]] = {
    "plain table": partial(PlainTable, durable=False),
    "sqlite-utils": partial(SqliteUtils, durable=False),
    "persist-queue": partial(PersistQueue, durable=False),
    "persist-queue ack": partial(PersistAckQueue, durable=False),
    "diskcache": partial(DiskCache, durable=False),
    "litequeue": partial(LiteQueue, durable=False),
}
"""The same without a setting of ours."""
PEERS: Final[dict[str, Callable[[Path], Peer]]] = {
    "plain table": PlainTable,
    "sqlite-utils": SqliteUtils,
    "persist-queue": PersistQueue,
    "persist-queue ack": PersistAckQueue,
    "diskcache": DiskCache,
    "litequeue": LiteQueue,
}


def safe_peers(folder: Path) -> dict[str, Callable[[Path], Peer]]:
    """Return the peers that lose nothing."""
    safe: dict[str, Callable[[Path], Peer]] = {}
    for name, make in PEERS.items():
        place = folder / f"kill {name}"
        place.mkdir()
        if killed(make, place, KILLS).lost == 0:
            safe[name] = make
    return safe


def killed(make: Callable[[Path], Peer], folder: Path, kills: int) -> Fate:
    """Kill a worker again and again; compare what it was told is taken with what the queue gave out."""
    random, told, given = Random(7), set[str](), Counter[str]()
    for kill in range(kills):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _work(make(folder), kill, writing)
        os.close(writing)
        _listen(reading, told, given, random.randrange(1, 30), child)
    peer = make(folder)
    while (found := peer.take()) is not None:
        given[name_of(found[1])] += 1
        peer.acknowledge(found[0])
    return Fate.of(kills, told, given)


def name_of(body: str) -> str:
    """Return the name that a body begins with."""
    return body[:NAME_BYTES]


def _work(peer: Peer, life: int, output: int) -> None:
    count = 0
    while True:
        for _ in range(3):
            name = f"{life:05d}-{count:06d}"
            peer.append(name.ljust(BODY_BYTES, "x"))
            os.write(output, f"A{name}\n".encode())
            count += 1
        for _ in range(2):
            if (found := peer.take()) is not None:
                os.write(output, f"D{name_of(found[1])}\n".encode())
                peer.acknowledge(found[0])


def _listen(reading: int, told: set[str], given: Counter[str], lines: int, child: int) -> None:
    heard = b""
    while heard.count(b"\n") < lines and (more := os.read(reading, 65_536)):
        heard += more
    os.kill(child, signal.SIGKILL)
    while more := os.read(reading, 65_536):
        heard += more
    os.close(reading)
    os.waitpid(child, 0)
    for line in heard.decode().split("\n")[:-1]:
        if line[0] == "A":
            told.add(line[1:])
        else:
            given[line[1:]] += 1
