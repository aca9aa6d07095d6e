"""Work towards the core: the transactional outbox of the hub.

Ingest adds effects in the transaction of the event (`OutgoingInserts`); the forwarder takes, tries and
settles them (`OutgoingRepository`), each step in a short transaction of the writer.

Rules:
- Effects of one aggregate are done in order. Only the first that is not done has an instant at which it is
  due; the others have none (NULL) until the one before them is done. So looking for work costs what is found,
  however much waits behind it and however much is done.
- An attempt is counted and committed before the request leaves: after a crash the count tells that the
  outcome of the last attempt is unknown.
- `dead` and `undecided` hold their aggregate back until a clerk replays them or marks them done.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Select,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    select,
    text,
    tuple_,
    update,
)

from hub.db.statements import Row, compiled, dialect_insert, read_all, write_many
from hub.db.tables import outgoing, service_request
from hub.usecases.ports import Source

LAST_ERROR_LENGTH_MAX = 500
PUT_OFF_MS_MAX = 172_800_000
"""Nothing is put off for longer than a day, photographs and the patience that a core asks for included."""
REPLAY_ROWS_MAX = 1_000
"""Effects that one transaction makes due again: ingest never waits long behind a replay."""


class State(StrEnum):
    """How an effect stands."""

    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"
    """The core refused it; it waits for a clerk."""
    UNDECIDED = "undecided"
    """Whether the core has it cannot be found out; it waits for a clerk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingEffect:
    """An effect that is due.

    Attributes:
        id: the row, for the forwarder's answer.
        key: the effect key, for the core.
        aggregate: what it is about.
        body: what the connector turns into a request.
        attempts: attempts that began before.
        created_ms: when the hub decided it.
    """

    id: int
    key: UUID
    aggregate: str
    body: Mapping[str, object]
    attempts: int
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Which effects to send again.

    Attributes:
        state: dead, undecided or done.
        connector: whose; None: everyone's.
        since_ms: done, or else decided, at this time or later.
        until_ms: and before this one.
    """

    state: State
    connector: str | None
    since_ms: int
    until_ms: int


class OutgoingInserts:
    """What an ingest transaction adds.

    Attributes:
        added: effects that were added.
    """

    def __init__(self, connection: Connection) -> None:
        self.added = 0
        self._connection = connection
        self._rows: list[Row] = []

    def add(
        self,
        event: Source,
        key: str,
        connector: str,
        aggregate: str,
        body: Mapping[str, object],
        now_ms: int,
        *,
        wait_ms: int = 0,
    ) -> None:
        """Adds one effect; one that is there under its key stays as it is.

        Args:
            event: what it is an effect of.
            key: its effect key.
            connector: who delivers it.
            aggregate: what it is about; an effect waits for the earlier ones of its aggregate.
            body: all that the connector needs.
            now_ms: when it was decided.
            wait_ms: how long after that it is due.
        """
        self.added += 1
        written = json.dumps(body)
        behind = (connector, aggregate)
        self._rows.append(
            (key, connector, aggregate, event.device, event.id, written, *behind, now_ms + wait_ms, now_ms)
        )

    def flush(self) -> None:
        """Writes what was added, each behind the effects of its aggregate that are not done."""
        write_many(
            self._connection,
            compiled(self._connection, _new_effect(self._connection.dialect.name)),
            self._rows,
        )


class OutgoingRepository:
    """What the forwarder reads and settles, on a connection in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def due(self, connector: str, now_ms: int, limit: int) -> list[OutgoingEffect]:
        """The effects to try now: at most one of an aggregate, the longest due first.

        Args:
            connector: whose work.
            now_ms: wall clock.
            limit: how many at most.
        """
        return [
            OutgoingEffect(
                id=row,
                key=UUID(effect_key),
                aggregate=aggregate,
                body=json.loads(body),
                attempts=attempts,
                created_ms=created_ms,
            )
            for row, effect_key, aggregate, body, attempts, created_ms in read_all(
                self._connection, _DUE, (connector, now_ms, limit)
            )
        ]

    def next_due_ms(self, connector: str) -> int | None:
        """When the next effect is due; None where no work waits."""
        earliest = select(func.min(outgoing.c.due_ms))
        return self._connection.execute(
            earliest.where(_is_waiting(outgoing), outgoing.c.connector == connector)
        ).scalar_one()

    def mark_attempts(self, ids: Iterable[int], now_ms: int) -> None:
        """Counts an attempt of each effect, to be committed before the requests leave."""
        write_many(self._connection, compiled(self._connection, _ATTEMPT), [(now_ms, row) for row in ids])

    def done(self, results: Iterable[tuple[int, str]], now_ms: int) -> None:
        """Settles effects that the core has, and makes the next of their aggregates due.

        Args:
            results: row and what the core calls it.
            now_ms: wall clock.
        """
        settled = list(results)
        connection = self._connection
        write_many(connection, compiled(connection, _DONE), [(ref, now_ms, row) for row, ref in settled])
        write_many(connection, compiled(connection, _NAME_REPORT), [(ref, row) for row, ref in settled])
        write_many(connection, compiled(connection, _WAKE), [(now_ms, row) for row, _ in settled])

    def retry(self, results: Iterable[tuple[int, int, str]]) -> None:
        """Puts effects off.

        Args:
            results: row, the instant at which it is due again, and why it did not take place.
        """
        rows: list[Row] = [(due_ms, error[:LAST_ERROR_LENGTH_MAX], row) for row, due_ms, error in results]
        write_many(self._connection, compiled(self._connection, _RETRY), rows)

    def dead(self, results: Iterable[tuple[int, str]]) -> None:
        """Puts effects that the core refused before a clerk: row and reason."""
        self._hold(State.DEAD, results)

    def undecided(self, results: Iterable[tuple[int, str]]) -> None:
        """Puts effects whose outcome cannot be found out before a clerk: row and reason."""
        self._hold(State.UNDECIDED, results)

    def replay(self, row: int, now_ms: int) -> bool:
        """Makes a dead or undecided effect due again, at a clerk's word.

        Returns:
            Whether there was one.
        """
        held = outgoing.c.state.in_((State.DEAD.value, State.UNDECIDED.value))
        again = update(outgoing).where(outgoing.c.id == row, held)
        result = self._connection.execute(again.values(state=State.WAITING.value, due_ms=now_ms))
        return result.rowcount == 1

    def replay_some(self, wanted: "Replay", now_ms: int) -> int:
        """Makes effects of a state and a time due again; the core gets them under their keys.

        What is done goes out as an effect that may be there already: it has attempts behind it.

        Args:
            wanted: which; at most `REPLAY_ROWS_MAX` of them, so that no transaction is long.
            now_ms: wall clock.

        Returns:
            How many there were; as many as the most: ask again.
        """
        chosen = select(outgoing.c.id).where(
            outgoing.c.state == wanted.state.value,
            func.coalesce(outgoing.c.done_ms, outgoing.c.created_ms) >= wanted.since_ms,
            func.coalesce(outgoing.c.done_ms, outgoing.c.created_ms) < wanted.until_ms,
        )
        if wanted.connector is not None:
            chosen = chosen.where(outgoing.c.connector == wanted.connector)
        rows = self._connection.execute(chosen.order_by(outgoing.c.id).limit(REPLAY_ROWS_MAX)).scalars().all()
        again, connection = update(outgoing).where(outgoing.c.id.in_(rows)), self._connection
        connection.execute(again.values(state=State.WAITING.value, due_ms=null(), done_ms=null()))
        theirs = select(outgoing.c.connector, outgoing.c.aggregate).where(outgoing.c.id.in_(rows))
        touched = tuple_(outgoing.c.connector, outgoing.c.aggregate).in_(theirs)
        overtaken = update(outgoing).where(_is_waiting(outgoing), touched, _is_behind())
        connection.execute(overtaken.values(due_ms=null()))
        connection.execute(again.where(~_is_behind()).values(due_ms=now_ms))
        return len(rows)

    def sweep(self, now_ms: int) -> int:
        """Makes effects due that wait for nothing: whoever was to wake them did not see them.

        On PostgreSQL two transactions at once may settle an effect and park the next one behind it.

        Returns:
            How many there were.
        """
        parked = update(outgoing).where(_is_waiting(outgoing), outgoing.c.due_ms.is_(None), ~_is_behind())
        return self._connection.execute(parked.values(due_ms=now_ms)).rowcount

    def pull_back(self, now_ms: int) -> int:
        """Makes effects due that were put off by a clock which was ahead and has been set back since.

        Returns:
            How many there were.
        """
        far = update(outgoing).where(_is_waiting(outgoing), outgoing.c.due_ms > now_ms + PUT_OFF_MS_MAX)
        return self._connection.execute(far.values(due_ms=now_ms)).rowcount

    def counts(self) -> dict[tuple[str, State], int]:
        """How many effects are not done, by connector and state."""
        counted = select(outgoing.c.connector, outgoing.c.state, func.count()).where(_is_open(outgoing))
        rows = self._connection.execute(counted.group_by(outgoing.c.connector, outgoing.c.state))
        return {(connector, State(state)): number for connector, state, number in rows}

    def _hold(self, state: State, results: Iterable[tuple[int, str]]) -> None:
        rows: list[Row] = [(state.value, error[:LAST_ERROR_LENGTH_MAX], row) for row, error in results]
        write_many(self._connection, compiled(self._connection, _HOLD), rows)


def _is_open(table: FromClause) -> ColumnElement[bool]:
    """Not done: in the words of the partial index, so that it is used."""
    return table.c.state != literal_column("'done'")


def _is_waiting(table: FromClause) -> ColumnElement[bool]:
    return table.c.state == literal_column("'waiting'")


def _is_behind() -> ColumnElement[bool]:
    """Something of its aggregate that came before is not done."""
    earlier = outgoing.alias("earlier")
    return exists().where(
        earlier.c.connector == outgoing.c.connector,
        earlier.c.aggregate == outgoing.c.aggregate,
        earlier.c.id < outgoing.c.id,
        _is_open(earlier),
    )


_GIVEN = ("effect_key", "connector", "aggregate", "device", "event_id", "body", "created_ms")
_held = outgoing.alias("held")
_done = outgoing.alias("done")


@cache
def _new_effect(dialect: str) -> Insert:
    """Due at once, or not yet where an effect of its aggregate is not done."""
    behind = exists().where(
        _held.c.connector == bindparam("of_connector"),
        _held.c.aggregate == bindparam("of_aggregate"),
        _is_open(_held),
    )
    columns: dict[str, ColumnElement[object]] = {
        name: bindparam(f"new_{name}", type_=outgoing.c[name].type) for name in _GIVEN
    }
    columns["due_ms"] = case((behind, null()), else_=bindparam("new_due_ms", type_=BigInteger))
    return dialect_insert(dialect, outgoing).values(columns).on_conflict_do_nothing()


_ATTEMPT = (
    update(outgoing)
    .where(outgoing.c.id == bindparam("row"))
    .values(attempts=literal_column("attempts + 1"), due_ms=bindparam("now"))
)
_DONE = (
    update(outgoing)
    .where(outgoing.c.id == bindparam("row"))
    .values(state=literal_column("'done'"), core_ref=bindparam("ref"), done_ms=bindparam("now"))
)
_RETRY = (
    update(outgoing)
    .where(outgoing.c.id == bindparam("row"), _is_waiting(outgoing))
    .values(due_ms=bindparam("due"), last_error=bindparam("error"))
)
_HOLD = (
    update(outgoing)
    .where(outgoing.c.id == bindparam("row"))
    .values(state=bindparam("held_state"), last_error=bindparam("error"))
)
_WAKE = text("""
UPDATE outgoing SET due_ms = :now
WHERE state = 'waiting' AND due_ms IS NULL AND id = (
    SELECT held.id FROM outgoing AS held
    JOIN outgoing AS done ON held.connector = done.connector AND held.aggregate = done.aggregate
    WHERE done.id = :row AND held.state <> 'done'
    ORDER BY held.id LIMIT 1
)
""")
"""The next effect of the aggregate of one that is done becomes due."""
_REPORT_OF = (
    select(_done.c.aggregate)
    .where(_done.c.id == bindparam("row"), _done.c.connector == literal_column("'open311'"))
    .scalar_subquery()
)
_NAME_REPORT = (
    update(service_request).where(service_request.c.reference == _REPORT_OF).values(core_ref=bindparam("ref"))
)


def _due() -> Select[int, str, str, str, int, int]:
    """The first of each aggregate that is not done, where it waits and its time has come."""
    columns = (
        outgoing.c.id,
        outgoing.c.effect_key,
        outgoing.c.aggregate,
        outgoing.c.body,
        outgoing.c.attempts,
        outgoing.c.created_ms,
    )
    return (
        select(*columns)
        .where(
            _is_waiting(outgoing),
            outgoing.c.connector == bindparam("of_connector"),
            outgoing.c.due_ms <= bindparam("now_ms"),
            ~_is_behind(),
        )
        .order_by(outgoing.c.due_ms, outgoing.c.id)
        .suffix_with(text("LIMIT :most"))
    )


_DUE = _due()
