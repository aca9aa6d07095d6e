"""The simulated hub: the production ingest, domains and tables on a SQLite in memory.

Registry and core stand beside it. The database can be backed up and restored; the registry, as in a city, is
never rolled back with it. The forwarder is a loop in virtual time over the production table: the real one
is asynchronous.
"""

import functools
import random
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.db.engine import Engine, open_writer
from hub.db.ledger_audit import audit
from hub.db.quarantine_repository import QuarantineRepository, Verdict
from hub.db.unit_of_work import UnitOfWork
from hub.ingest.apply import Incoming, Ingest, Outgoing
from hub.ingest.opening import Opener
from hub.ingest.release import release
from shared.protocol.keys import LinkKey, derive
from shared.protocol.sealing import HubSealingKey
from tests.simulation.device import secret_of


class Registry:
    """Keys and fences; survives every restore of the database."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._keys = {device: derive(secret_of(device)) for device in devices}
        self._up = {device: {keys.up.id: keys.up.key} for device, keys in self._keys.items()}
        self.all_enrolled_ms: int | None = None
        self.fenced: dict[str, str] = {}
        self.ever_fenced: list[tuple[str, str]] = []

    def keys_of(self, device: str) -> Mapping[str, bytes]:
        return self._up.get(device, {})

    def down_key(self, device: str) -> LinkKey:
        return self._keys[device].down

    def enrolled_ms(self, device: str) -> int | None:
        return self.all_enrolled_ms if device in self._keys else None

    def is_fenced(self, device: str) -> bool:
        return device in self.fenced

    def fence(self, device: str, reason: str) -> None:
        self.fenced[device] = reason
        self.ever_fenced.append((device, reason))


SELECT_EVENTS = "SELECT device, event_id FROM "


@dataclass(slots=True)
class Life:
    """The incarnation counter: in memory, and on the disk."""

    value: int = 1
    kept: int = 1

    def rise_above(self, seen: int) -> None:
        self.value = max(self.value, seen + 1)

    def keep(self) -> None:
        self.kept = self.value


@dataclass(slots=True)
class Core:
    """The municipal core: takes effects under keys, forgets nothing, and is not always there."""

    honours_keys: bool = True
    effects: Counter[str] = field(default_factory=Counter[str])
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


@functools.cache
def _engine() -> Engine:
    """One database in memory for the runs of a process, one after the other: its statements stay compiled."""
    return open_writer("sqlite://")


class Hub:
    """One database, one life after the other."""

    ingest_class: type[Ingest] = Ingest
    core_class: type[Core] = Core
    opener_class: type[Opener] = Opener

    def __init__(
        self, devices: Sequence[str], sealing: HubSealingKey, rng: random.Random, schema: sqlite3.Connection
    ) -> None:
        self.registry = Registry(devices)
        self.life = Life()
        self.core = self.core_class()
        self.devices = devices
        self.cautious = False
        self.rng = rng
        self.opener = self.opener_class([sealing])
        self.connection = _engine().connect()
        raw = self.connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        self.raw = raw
        schema.backup(self.raw)
        self.start()

    def start(self) -> None:
        """A new process: no session, no cache."""
        self.ingest = self.ingest_class(self.registry, self.life, self.opener, self.rng.randbytes)

    def close(self) -> None:
        """Let go of the database."""
        self.connection.close()

    def restart(self) -> None:
        """The process died; the next one raises the incarnation."""
        self.connection.rollback()
        self.life.value = self.life.kept = self.life.kept + 1
        self.start()

    def apply(self, messages: Sequence[Incoming], now_ms: int) -> Sequence[Outgoing]:
        """One transaction, not committed yet."""
        uow = UnitOfWork(self.connection)
        answers = self.ingest.apply(messages, uow, now_ms)
        uow.flush()
        self._touched = uow
        return answers

    def backup(self) -> sqlite3.Connection:
        """A copy of the database as it is committed."""
        copy = sqlite3.connect(":memory:")
        self.raw.backup(copy)
        return copy

    def restore(self, backup: sqlite3.Connection) -> None:
        """The database as it was; the core may know more than it does."""
        self.connection.rollback()
        backup.backup(self.raw)
        self.restart()
        self.cautious = True

    def release(self, now_ms: int) -> None:
        """A clerk releases every fenced device, takes what can be taken, and discards what cannot."""
        self.registry.fenced.clear()
        uow, quarantine = UnitOfWork(self.connection), QuarantineRepository(self.connection)
        done = release(quarantine.waiting(), uow, quarantine, self.opener, self.registry, now_ms)
        uow.flush()
        quarantine.settle(list(done.still), Verdict.DISCARDED)
        self.connection.commit()

    # -- what the oracle asks ------------------------------------------------------------------------------

    def heard(self) -> list[tuple[str, str, int]]:
        """Device, epoch and highest number heard of, where the last transaction could change it."""
        return self._rows("SELECT device, epoch, heard FROM device_epoch")

    def inbox(self) -> list[tuple[str, str]]:
        """Device and event id of everything committed, in its order."""
        return self._rows("SELECT device, event_id FROM inbox ORDER BY id")

    def effects(self) -> Counter[tuple[str, str]]:
        """How often each event took effect in the town's books and registers."""
        tables = ("service_request", "journal", "notice_response", "mailbox_entry")
        effects = Counter(row for table in tables for row in self._rows(SELECT_EVENTS + table))
        for event in self.inbox():
            effects[event] = max(effects[event], 1)
        return effects

    def dated(self) -> list[tuple[str, str, int, int]]:
        """Device, event id, legal instant and the hub's receipt of what is in the books and the register."""
        return self._rows(
            "SELECT device, event_id, requested_ms, received_ms FROM service_request"
            " UNION ALL SELECT device, event_id, occurred_ms, booked_ms FROM journal"
        )

    def welcomed(self) -> set[tuple[str, int]]:
        """The boots, by device, in which the hub welcomed it."""
        return set(self._rows("SELECT device, boot FROM device_boot"))

    def losses(self) -> dict[tuple[str, str, str], list[tuple[int, int, str, bool, frozenset[int]]]]:
        """The loss records by device, stream and epoch: first, last, reason, possibly more, numbers found."""
        records: dict[tuple[str, str, str], list[tuple[int, int, str, bool, frozenset[int]]]] = {}
        found: dict[int, set[int]] = {}
        for loss_id, seq in self._rows("SELECT loss_id, seq FROM loss_found"):
            found.setdefault(loss_id, set()).add(seq)
        query = (
            "SELECT id, device, stream, epoch, first_seq, last_seq, reason, possibly_more FROM loss_record"
        )
        for loss_id, device, stream, epoch, first, last, reason, more in self._rows(query):
            record = (first, last, reason, bool(more), frozenset(found.get(loss_id, ())))
            records.setdefault((device, stream, epoch), []).append(record)
        return records

    def unbalanced(self) -> str | None:
        """What does not add up in the ledger, or None."""
        report = audit(self.connection)
        return None if report.is_clean else str(report)

    def quarantined(self) -> int:
        """How many lines were set aside for what they said."""
        query = "SELECT count(*) FROM quarantine WHERE reason <> 'the device is fenced'"
        return self._rows(query)[0][0]

    def waiting(self) -> int:
        """How much outgoing work is not done."""
        return self._rows("SELECT count(*) FROM outgoing WHERE state <> 'done'")[0][0]

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.raw.execute(query).fetchall()
