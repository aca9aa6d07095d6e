"""What waits for a clerk: quarantine, loss records, exceptions, outgoing work; read in pages.

What a citizen said is never in these rows: a quarantined line keeps its bytes to itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, select, update

from hub.db.paging import Page, columns_of, read_page
from hub.db.tables import exception, loss_record, outgoing, quarantine


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRow:
    """A line in quarantine."""

    id: int
    device: str
    stream: str
    epoch: str
    seq: int
    event_id: str | None
    type: str | None
    subject: str | None
    reason: str
    state: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRow:
    """A loss record.

    Attributes:
        found: numbers of the range that arrived after all.
    """

    id: int
    device: str
    stream: str
    epoch: str
    first_seq: int
    last_seq: int
    reason: str
    possibly_more: bool
    found: int
    resolved: bool
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionRow:
    """A case for a clerk."""

    id: int
    kind: str
    device: str | None
    detail: dict[str, Any]
    opened_ms: int
    resolved_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingRow:
    """An effect on its way to the core."""

    id: int
    effect_key: str
    connector: str
    aggregate: str
    device: str
    event_id: str
    state: str
    attempts: int
    due_ms: int | None
    last_error: str | None
    core_ref: str | None
    created_ms: int
    done_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a listing is narrowed to; None: everything.

    Attributes:
        after: the last id that was shown.
        kind: of exceptions; the connector of outgoing work; the stream of losses and quarantine.
    """

    after: int = 0
    limit: int = 100
    device: str | None = None
    state: str | None = None
    kind: str | None = None
    unresolved: bool = False


def list_quarantine(connection: Connection, wanted: Wanted) -> Page[QuarantineRow]:
    """Lines in quarantine, in the order in which they came."""
    query = columns_of(QuarantineRow, quarantine)
    query = _narrowed(query, wanted, quarantine, quarantine.c.stream)
    return read_page(connection, QuarantineRow, query, wanted.limit)


def quarantined(connection: Connection, number: int) -> QuarantineRow | None:
    """One line, if there is one under that number."""
    query = columns_of(QuarantineRow, quarantine).where(quarantine.c.id == number)
    row = connection.execute(query).mappings().first()
    return None if row is None else QuarantineRow(**row)


def list_losses(connection: Connection, wanted: Wanted) -> Page[LossRow]:
    """Loss records, oldest first."""
    query = _narrowed(columns_of(LossRow, loss_record), wanted, loss_record, loss_record.c.stream)
    if wanted.unresolved:
        query = query.where(loss_record.c.resolved.is_(False))
    return read_page(connection, LossRow, query, wanted.limit)


def list_exceptions(connection: Connection, wanted: Wanted) -> Page[ExceptionRow]:
    """Cases for a clerk, oldest first."""
    query = _narrowed(columns_of(ExceptionRow, exception), wanted, exception, exception.c.kind)
    if wanted.unresolved:
        query = query.where(exception.c.resolved_ms.is_(None))
    return read_page(connection, ExceptionRow, query, wanted.limit)


def is_open(connection: Connection, kind: str, detail: Mapping[str, object]) -> bool:
    """Whether a case of this kind with this very detail is open."""
    same = select(exception.c.detail).where(exception.c.kind == kind, exception.c.resolved_ms.is_(None))
    return any(row.detail == detail for row in connection.execute(same))


def resolve_exception(connection: Connection, number: int, now_ms: int) -> bool:
    """Closes a case; whether it was open."""
    open_one = update(exception).where(exception.c.id == number, exception.c.resolved_ms.is_(None))
    return connection.execute(open_one.values(resolved_ms=now_ms)).rowcount == 1


def list_outgoing(connection: Connection, wanted: Wanted) -> Page[OutgoingRow]:
    """Outgoing work, oldest first; without its bodies."""
    query = _narrowed(columns_of(OutgoingRow, outgoing), wanted, outgoing, outgoing.c.connector)
    return read_page(connection, OutgoingRow, query, wanted.limit)


def outgoing_work(connection: Connection, number: int) -> OutgoingRow | None:
    """One effect, if there is one under that number."""
    query = columns_of(OutgoingRow, outgoing).where(outgoing.c.id == number)
    row = connection.execute(query).mappings().first()
    return None if row is None else OutgoingRow(**row)


def _narrowed(query: Select[Any], wanted: Wanted, table: Table, kind: Column[Any]) -> Select[Any]:
    query = query.where(table.c.id > wanted.after).order_by(table.c.id)
    if wanted.device is not None:
        query = query.where(table.c.device == wanted.device)
    if wanted.kind is not None:
        query = query.where(kind == wanted.kind)
    if wanted.state is not None:
        query = query.where(table.c.state == wanted.state)
    return query
