"""A hub's database for tests, and events as devices would report them."""

import itertools
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import Connection, Engine, Table, select

from hub.db.engine import open_writer
from hub.db.triggers import create_all
from hub.db.unit_of_work import UnitOfWork
from hub.usecases.take_event import gather, take
from shared.model.event import Event, Stream
from shared.model.ids import new_event_id

NOW_MS = 1_795_255_200_000
"""21 November 2026, 10:00 UTC."""


def fresh_database() -> Engine:
    """A database in memory with a fresh schema."""
    engine = open_writer("sqlite://")
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.deserialize(_image())
    return engine


@cache
def _image() -> bytes:
    engine = open_writer("sqlite://")
    with engine.connect() as connection:
        with connection.begin():
            create_all(connection)
        raw = connection.connection.dbapi_connection
        assert raw is not None
        image = raw.serialize()
    engine.dispose()
    return image


def take_all(connection: Connection, events: list[Event], *, ahead: bool = True) -> None:
    """Take events as the ingest does: read ahead, take each, flush."""
    uow = UnitOfWork(connection)
    if ahead:
        gather(events, uow)
    for event in events:
        take(event, uow, NOW_MS)
    uow.flush()


def rows(connection: Connection, table: Table) -> list[Mapping[str, object]]:
    """Every row of a table, in the order of its first columns."""
    return [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction that commits at the end."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def traced(connection: Connection) -> Iterator[list[str]]:
    """Collect what SQLite is asked, with its values filled in, transaction control aside."""
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    statements: list[str] = []

    def note(statement: str) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "--")):
            statements.append(statement)

    raw.set_trace_callback(note)
    try:
        yield statements
    finally:
        raw.set_trace_callback(None)


@dataclass
class Street:
    """A device that reports events, with ids and numbers that never repeat."""

    device: str = "bus-7"
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def event(
        self, kind: str, data: Mapping[str, object], *, subject: str | None = None, time_ms: int = NOW_MS
    ) -> Event:
        """An event of any type."""
        seq = next(self.numbers)
        return Event(
            device=self.device,
            stream=Stream.PAYMENTS if "notice" not in kind and "incident" not in kind else Stream.CASES,
            epoch="9f3c2a1b",
            seq=seq,
            id=new_event_id(NOW_MS, seq.to_bytes(10, "big")),
            type=kind,
            time_ms=time_ms,
            boot=1,
            uptime_ms=seq,
            clock_age_s=0,
            subject=subject,
            data=data,
            line=b"{}",
        )

    def tap(self, card: str, counter: int, amount_minor: int = 150, currency: str = "EUR") -> Event:
        """A tap of a card."""
        data = {"counter": counter, "amount_minor": amount_minor, "currency": currency, "product": "sencillo"}
        return self.event("tap.charged", data, subject=card)

    def cancel(self, of: Event, counter: int, amount_minor: int | None = None) -> Event:
        """A tap that a driver undid on the card."""
        back = of.data["amount_minor"] if amount_minor is None else amount_minor
        data = {"counter": counter, "amount_minor": back, "currency": "EUR", "reverses": of.id}
        return self.event("tap.cancelled", data, subject=of.subject)

    def credit(self, card: str, counter: int, amount_minor: int = 1000, method: str = "cash") -> Event:
        """A top-up of a purse."""
        data = {"counter": counter, "amount_minor": amount_minor, "currency": "EUR", "method": method}
        return self.event("purse.credited", data, subject=card)

    def payment(self, amount_minor: int = 4250, method: str = "card", card: str | None = None) -> Event:
        """A fee that was paid."""
        data = {
            "reference": "TASA-1",
            "concept": "basuras",
            "amount_minor": amount_minor,
            "currency": "EUR",
            "method": method,
        }
        return self.event("payment.captured", data, subject=card)

    def reversal(self, of: Event) -> Event:
        """The reversal of an earlier event."""
        return self.event("payment.reversed", {"reverses": of.id, "reason": "error"})

    def report(self, reference: str = "7KXM-2PRT-94VW", **more: object) -> Event:
        """An incident that a citizen reported."""
        data = {
            "reference": reference,
            "service_code": "aceras",
            "description": "Baldosa suelta",
            "channel": "kiosk",
        }
        return self.event("incident.reported", data | more)

    def support(self, public_code: str, reference: str, **more: object) -> Event:
        """A citizen who has what another one reported."""
        data = {"reference": reference, "report": public_code, "channel": "kiosk"}
        return self.event("report.supported", data | more)

    def rate(self, reference: str, score: int, *, time_ms: int = NOW_MS, **more: object) -> Event:
        """What a citizen thinks of how a report was resolved."""
        data = {"report_reference": reference, "score": score, "channel": "kiosk"}
        return self.event("report.rated", data | more, time_ms=time_ms)
