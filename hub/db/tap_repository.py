"""Taps as the hub judges them: the lines that wait for it, what was found, and the cases about them.

Lines are read by a connection that only reads; what was found is written by the writer, some hundred rows at
once, and never while a device waits for its acknowledgement.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, func, select, update

from hub.db.attachment_repository import context_of_line
from hub.db.paging import Page
from hub.db.statements import Lookup, Row, among_pairs, upsert_sql, write_many
from hub.db.tables import card_counter, exception, inbox, sealing_context
from hub.db.tap_tables import card_tap
from hub.domain.cards.taps import AGAIN, CardCase, JudgedTap, TapVerdict
from shared.model.event import EventType, Stream

_TAPS: Final = (
    EventType.TAP_CHARGED.value,
    EventType.TAP_CANCELLED.value,
    EventType.TAP_UNDECIDED.value,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTap:
    """A line of the inbox that is a tap, with what opens it.

    Attributes:
        line: in the very bytes that came.
        context: the sealed context under which it is sealed, by its id.
    """

    inbox_id: int
    device: str
    event_id: str
    stream: Stream
    epoch: str
    seq: int
    line: bytes
    received_ms: int
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits to be judged.

    Attributes:
        taps: in the order in which they came.
        last: everything up to this place of the inbox has been read.
    """

    taps: list[StoredTap]
    last: int


def last_judged(connection: Connection) -> int:
    """Return the place in the inbox of the newest tap that was judged; 0 where none was."""
    return connection.execute(select(func.max(card_tap.c.inbox_id))).scalar_one() or 0


def new_taps(connection: Connection, after: int, limit: int) -> Waiting:
    """Return taps that nobody has judged.

    Args:
        connection: any; reads on one snapshot.
        after: everything up to this place was read.
        limit: how many at most.
    """
    newest = connection.execute(select(func.max(inbox.c.id))).scalar_one() or 0
    query = _LINES.where(inbox.c.id > after, inbox.c.type.in_(_TAPS))
    taps = _stored(connection, query.order_by(inbox.c.id).limit(limit))
    return Waiting(taps=taps, last=taps[-1].inbox_id if len(taps) == limit else max(newest, after))


def taps_to_judge_again(connection: Connection, after: int, limit: int) -> Waiting:
    """Return taps that could not be checked when they came; arguments as in `new_taps`."""
    again = card_tap.c.verdict.in_([verdict.value for verdict in sorted(AGAIN)])
    query = _LINES.join(card_tap, card_tap.c.inbox_id == inbox.c.id).where(card_tap.c.inbox_id > after, again)
    taps = _stored(connection, query.order_by(card_tap.c.inbox_id).limit(limit))
    return Waiting(taps=taps, last=taps[-1].inbox_id if taps else after)


class TapRepository:
    """What was found, in a transaction of the writer; `flush` writes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._under: dict[tuple[str, int], list[JudgedTap]] = {}
        self._rows: dict[int, JudgedTap] = {}

    def load(self, counters: Iterable[tuple[str, int]]) -> None:
        """Read the taps under these counters of cards in one go."""
        wanted = sorted(set(counters) - set(self._under))
        self._under.update((pair, []) for pair in wanted)
        if wanted:
            for row in _UNDER.rows(self._connection, wanted):
                tap = _judged(dict(zip(_COLUMNS, row, strict=True)))
                self._under[str(tap.subject), int(tap.counter or 0)].append(tap)

    def first_under(self, tap: JudgedTap) -> JudgedTap | None:
        """Return the first tap that came before this one under its card's counter, and happened."""
        if tap.subject is None or tap.counter is None:
            return None
        self.load([(tap.subject, tap.counter)])
        before = [
            one
            for one in self._under[tap.subject, tap.counter]
            if one.inbox_id < tap.inbox_id and one.verdict is not TapVerdict.UNDECIDED
        ]
        return min(before, key=lambda one: one.inbox_id, default=None)

    def is_used(self, subject: str, counter: int) -> bool:
        """Whether the books have a deed under this counter of a card."""
        return bool(_USED.rows(self._connection, [(subject, counter)]))

    def keep(self, tap: JudgedTap) -> None:
        """Keep a tap, or what is known of it now."""
        self._rows[tap.inbox_id] = tap
        if tap.subject is not None and tap.counter is not None:
            self.load([(tap.subject, tap.counter)])
            there = self._under[tap.subject, tap.counter]
            there[:] = [*(one for one in there if one.inbox_id != tap.inbox_id), tap]

    def flush(self) -> None:
        """Write what was kept."""
        rows = [_row(tap) for _, tap in sorted(self._rows.items())]
        write_many(self._connection, upsert_sql(self._connection, card_tap), rows)
        self._rows.clear()

    def is_told(self, kind: CardCase, *, device: str | None = None, subject: str | None = None) -> bool:
        """Whether a case of this kind about a terminal, or about a card, is open."""
        return any(
            (device is None or row.device == device)
            and (subject is None or row.detail.get("subject") == subject)
            for row in self._open(kind)
        )

    def details(self, kind: str, **detail: object) -> list[dict[str, Any]]:
        """Return the details of the cases of a kind that say this, open or closed by a clerk."""
        query = select(exception.c.detail).where(exception.c.kind == str(kind))
        found: Sequence[dict[str, Any]] = self._connection.execute(query).scalars().all()
        return [one for one in found if all(one.get(k) == v for k, v in detail.items())]

    def close_cases(self, kind: str, now_ms: int, **detail: object) -> int:
        """Close the open cases of a kind whose detail says this; how many there were."""
        ids = [row.id for row in self._open(kind) if all(row.detail.get(k) == v for k, v in detail.items())]
        if ids:
            resolve(self._connection, ids, now_ms)
        return len(ids)

    def _open(self, kind: str) -> Sequence[Any]:
        query = select(exception.c.id, exception.c.device, exception.c.detail).where(
            exception.c.kind == str(kind), exception.c.resolved_ms.is_(None)
        )
        return self._connection.execute(query).all()


def resolve(connection: Connection, cases: Sequence[int], now_ms: int) -> None:
    """Close cases, by their numbers."""
    connection.execute(update(exception).where(exception.c.id.in_(cases)).values(resolved_ms=now_ms))


def settled_cases(connection: Connection) -> list[int]:
    """Return the open cases of undecided taps whose counter another deed turned out to have."""
    query = select(exception.c.id, exception.c.detail).where(
        exception.c.kind == CardCase.TAP_UNDECIDED.value, exception.c.resolved_ms.is_(None)
    )
    told = {(row.detail["subject"], row.detail["counter"]): row.id for row in connection.execute(query)}
    used = _USED.rows(connection, sorted(told)) if told else ()
    return sorted(told[str(subject), int(counter)] for subject, counter in used)


def list_taps(connection: Connection, wanted: "TapsWanted") -> Page[JudgedTap]:
    """Taps in the order in which they came, narrowed."""
    query = select(card_tap).where(card_tap.c.inbox_id > wanted.after).order_by(card_tap.c.inbox_id)
    for name in ("device", "subject", "counter", "day"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(card_tap.c[name] == value)
    if wanted.verdict is not None:
        query = query.where(card_tap.c.verdict == wanted.verdict.value)
    rows = connection.execute(query.limit(wanted.limit + 1)).mappings().all()
    items = [_judged(row) for row in rows[: wanted.limit]]
    return Page(items=items, next=str(items[-1].inbox_id) if len(rows) > wanted.limit else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TapsWanted:
    """What a listing of taps is narrowed to; None: everything."""

    after: int = 0
    limit: int = 100
    device: str | None = None
    subject: str | None = None
    counter: int | None = None
    day: str | None = None
    verdict: TapVerdict | None = None


def _row(tap: JudgedTap) -> Row:
    values = {name: getattr(tap, name) for name in _COLUMNS} | {"verdict": tap.verdict.value}
    return tuple(values[name] for name in _COLUMNS)


def _judged(row: RowMapping | Mapping[str, Any]) -> JudgedTap:
    plain: dict[str, Any] = {str(name): value for name, value in row.items()}
    plain["verdict"] = TapVerdict(plain["verdict"])
    plain["mark"] = None if plain["mark"] is None else bytes(plain["mark"])
    return JudgedTap(**plain)


def _stored(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[StoredTap]:
    rows = connection.execute(query).all()
    named = [(row, context_of_line(bytes(row.line))) for row in rows]
    sealed = _contexts(connection, {(row.device, context) for row, context in named})
    return [
        StoredTap(
            inbox_id=row.id,
            device=row.device,
            event_id=row.event_id,
            stream=Stream(row.stream),
            epoch=row.epoch,
            seq=row.seq,
            line=bytes(row.line),
            received_ms=row.received_ms,
            context={context: found} if (found := sealed.get((row.device, context))) else {},
        )
        for row, context in named
    ]


def _contexts(connection: Connection, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    columns = (sealing_context.c.device, sealing_context.c.context)
    query = select(*columns, sealing_context.c.sealed).where(among_pairs(connection, columns, sorted(names)))
    return {(row.device, row.context): row.sealed for row in connection.execute(query)}


_LINES = select(
    inbox.c.id,
    inbox.c.device,
    inbox.c.event_id,
    inbox.c.stream,
    inbox.c.epoch,
    inbox.c.seq,
    inbox.c.line,
    inbox.c.received_ms,
)
_COLUMNS = tuple(column.name for column in card_tap.columns)
_USED = Lookup(
    select(card_counter.c.subject, card_counter.c.counter), (card_counter.c.subject, card_counter.c.counter)
)
_UNDER = Lookup(select(card_tap), (card_tap.c.subject, card_tap.c.counter))
