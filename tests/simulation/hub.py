"""The simulated hub: the production ingest, domains and tables on a SQLite in memory; registry and core beside it.

The database can be backed up and restored; the registry, as in a city, cannot be rolled back with it. The
forwarder is a loop in virtual time over the production repository: the real one is asynchronous.
"""

import random
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import StaticPool

from hub.db.outgoing_repository import OutgoingRepository
from hub.db.unit_of_work import UnitOfWork
from hub.ingest.apply import Incoming, Ingest, Outgoing
from hub.ingest.opening import Opener
from shared.protocol.keys import LinkKey, derive
from shared.protocol.sealing import HubSealingKey
from tests.simulation.device import secret_of


class Registry:
    """Keys and fences; survives every restore of the database."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._keys = {device: derive(secret_of(device)) for device in devices}
        self._up = {device: {keys.up.id: keys.up.key} for device, keys in self._keys.items()}
        self.fenced: dict[str, str] = {}

    def keys_of(self, device: str) -> Mapping[str, bytes]:
        return self._up.get(device, {})

    def down_key(self, device: str) -> LinkKey:
        return self._keys[device].down

    def is_fenced(self, device: str) -> bool:
        return device in self.fenced

    def fence(self, device: str, reason: str) -> None:
        self.fenced[device] = reason


@dataclass(slots=True)
class Life:
    """The incarnation counter."""

    value: int = 1

    def jump_above(self, seen: int) -> None:
        self.value = seen + 1


@dataclass(slots=True)
class Core:
    """The municipal core: takes effects under keys, forgets nothing, and is not always there."""

    honours_keys: bool = True
    effects: Counter[str] = field(default_factory=Counter[str])
    money_minor: int = 0
    order: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def post(self, key: str, aggregate: str, position: int) -> None:
        """Take an effect; a core without keys takes it again and again."""
        if self.honours_keys and key in self.effects:
            return
        self.effects[key] += 1
        self.order.setdefault(aggregate, []).append(position)

    def search(self, key: str) -> bool:
        """Whether an effect is there: the reference is in its text."""
        return key in self.effects


class Hub:
    """One database, one life after the other."""

    ingest_class: type[Ingest] = Ingest

    def __init__(self, devices: Sequence[str], sealing: HubSealingKey, rng: random.Random, schema: bytes) -> None:
        self.registry = Registry(devices)
        self.life = Life()
        self.core = Core()
        self.rng = rng
        self.opener = Opener([sealing])
        self.raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.raw.deserialize(schema)
        self.engine: Engine = create_engine("sqlite://", creator=lambda: self.raw, poolclass=StaticPool)
        self.connection: Connection = self.engine.connect()
        self.start()

    def start(self) -> None:
        """A new process: no session, no cache."""
        self.ingest = self.ingest_class(self.registry, self.life, self.opener, self.rng.randbytes)
        self.cautious = False

    def restart(self) -> None:
        """The process died; the next one raises the incarnation."""
        self.connection.rollback()
        self.life.value += 1
        self.start()

    def apply(self, messages: Sequence[Incoming], now_ms: int) -> tuple[Sequence[Outgoing], UnitOfWork]:
        """One transaction, not committed yet."""
        uow = UnitOfWork(self.connection)
        answers = self.ingest.apply(messages, uow, now_ms)
        uow.flush()
        return answers, uow

    def backup(self) -> bytes:
        """The database as it is on the disk."""
        return self.raw.serialize()

    def restore(self, backup: bytes) -> None:
        """The database as it was; the core may know more than it does."""
        self.connection.rollback()
        self.raw.deserialize(backup)
        self.restart()
        self.cautious = True

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Ask the database."""
        return self.raw.execute(query).fetchall()
