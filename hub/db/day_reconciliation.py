"""Every terminal's day: its own count, the inbox, the journal and the settlements, each counted by itself.

The inbox's column comes from the lines (`card_tap`), the journal's from its postings, the core's from the
work that is done: none is made from another.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Integer, case, cast, func, select

from hub.db.desk_days import desk_days
from hub.db.outgoing_repository import State
from hub.db.tables import journal, outgoing, posting
from hub.db.tap_tables import card_tap, terminal_day
from hub.domain.cards.days import Sum, TerminalDay
from hub.domain.cards.taps import SOUND, TapVerdict
from hub.domain.payments.booking import Kind

_DOUBTED: Final = (TapVerdict.FORGED.value, TapVerdict.UNKNOWN_CARD.value)
_STUCK: Final = (State.DEAD.value, State.UNDECIDED.value)

Key = tuple[str, str]
_REPEATED = frozenset({Kind.TAP_REPEATED.value, Kind.CANCEL_REPEATED.value})
"""Device and currency."""


def reconcile_day(
    connection: Connection, day: str, sites: Mapping[str, str] | None = None
) -> list[TerminalDay]:
    """Count one day of every terminal.

    Args:
        connection: any; the answer is of one snapshot if it is in a transaction.
        day: of the town, an ISO date.
        sites: where terminals belong, by their names.

    Returns:
        One entry for each terminal and currency, in their order; behind them one for each desk.
    """
    counted, arrived = _counted(connection, day), _arrived(connection, day)
    booked, core = _booked(connection, day), _at_the_core(connection, day)
    lines = _lines(connection, day)
    terminals = [
        _terminal_day(
            (day, *key, (sites or {}).get(key[0], ""), tuple(lines.get(key[0], ()))),
            counted.get(key),
            arrived.get(key),
            booked.get(key, {}),
            core.get(key, {}),
        )
        for key in sorted({*arrived, *counted})
    ]
    return [*terminals, *desk_days(connection, day, sites or {})]


def _terminal_day(
    where: tuple[str, str, str, str, tuple[str, ...]],
    own: Any,  # noqa: ANN401  a row of `terminal_day`
    came: Any,  # noqa: ANN401  a row of `_arrived`
    books: Mapping[str, Sum],
    work: Mapping[str, Sum],
) -> TerminalDay:
    day, name, currency, site, lines = where
    return TerminalDay(
        day=day,
        device=name,
        site=site,
        lines=lines,
        currency=currency,
        counted=None if own is None else Sum(taps=own.taps, amount_minor=own.amount_minor),
        counts_since_ms=None if own is None else own.since_ms,
        arrived=Sum() if came is None else Sum(taps=came.taps, amount_minor=came.minor or 0),
        booked=books.get("booked", Sum()),
        repeated=books.get("repeated", Sum()),
        due=_total(work.values()),
        settled=work.get(State.DONE.value, Sum()),
        waiting=work.get(State.WAITING.value, Sum()).taps,
        stuck=sum(work.get(state, Sum()).taps for state in _STUCK),
        signed=0 if came is None else came.signed,
        unsigned=0 if came is None else came.unsigned,
        doubted=0 if came is None else came.doubted,
    )


def _arrived(connection: Connection, day: str) -> dict[Key, Any]:
    tap = card_tap.c
    rows = connection.execute(
        select(
            tap.device,
            tap.currency,
            func.count().label("taps"),
            _big(func.sum(tap.amount_minor)).label("minor"),
            _many(tap.verdict.in_(sorted(SOUND))).label("signed"),
            _many((tap.verdict == TapVerdict.UNSIGNED.value) & tap.mark.is_not(None)).label("unsigned"),
            _many(tap.verdict.in_(_DOUBTED)).label("doubted"),
        )
        .where(tap.day == day, tap.verdict != TapVerdict.UNDECIDED.value)
        .group_by(tap.device, tap.currency)
    )
    return {(row.device, row.currency): row for row in rows}


def _booked(connection: Connection, day: str) -> dict[Key, dict[str, Sum]]:
    tap = card_tap.c
    moved = (
        select(posting.c.journal_id, func.sum(posting.c.amount_minor).label("minor"))
        .join(journal, journal.c.id == posting.c.journal_id)
        .join(card_tap, tap.effect_key == journal.c.effect_key)
        .where(tap.day == day)
        .group_by(posting.c.journal_id)
        .subquery()
    )
    rows = connection.execute(
        select(
            tap.device,
            tap.currency,
            journal.c.kind,
            func.count().label("taps"),
            _big(func.coalesce(func.sum(moved.c.minor), 0)).label("minor"),
            _big(func.sum(tap.amount_minor)).label("said"),
        )
        .join(journal, journal.c.effect_key == tap.effect_key)
        .outerjoin(moved, moved.c.journal_id == journal.c.id)
        .where(tap.day == day)
        .group_by(tap.device, tap.currency, journal.c.kind)
    )
    found: dict[Key, dict[str, Sum]] = defaultdict(dict)
    for row in rows:
        key = (row.device, row.currency)
        if row.kind in _REPEATED:
            before = found[key].get("repeated", Sum())
            found[key]["repeated"] = Sum(
                taps=before.taps + row.taps, amount_minor=before.amount_minor + row.said
            )
        else:
            sign = -1 if row.kind == Kind.REVERSAL.value else 1
            before = found[key].get("booked", Sum())
            found[key]["booked"] = Sum(
                taps=before.taps + row.taps, amount_minor=before.amount_minor + sign * row.minor
            )
    return found


def _at_the_core(connection: Connection, day: str) -> dict[Key, dict[str, Sum]]:
    tap = card_tap.c
    rows = connection.execute(
        select(
            tap.device,
            tap.currency,
            outgoing.c.state,
            func.count().label("taps"),
            _big(func.sum(tap.amount_minor)).label("minor"),
        )
        .join(outgoing, outgoing.c.effect_key == tap.effect_key)
        .where(tap.day == day)
        .group_by(tap.device, tap.currency, outgoing.c.state)
    )
    found: dict[Key, dict[str, Sum]] = defaultdict(dict)
    for row in rows:
        found[row.device, row.currency][row.state] = Sum(taps=row.taps, amount_minor=row.minor)
    return found


def _counted(connection: Connection, day: str) -> dict[Key, Any]:
    rows = connection.execute(select(terminal_day).where(terminal_day.c.day == day))
    return {(row.device, row.currency): row for row in rows}


def _lines(connection: Connection, day: str) -> dict[str, list[str]]:
    tap = card_tap.c
    rows = connection.execute(
        select(tap.device, tap.line)
        .where(tap.day == day, tap.line.is_not(None), tap.verdict != TapVerdict.UNDECIDED.value)
        .distinct()
        .order_by(tap.device, tap.line)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        found[row.device].append(row.line)
    return found


def _total(sums: Iterable[Sum]) -> Sum:
    all_of_them = list(sums)
    return Sum(
        taps=sum(one.taps for one in all_of_them),
        amount_minor=sum(one.amount_minor for one in all_of_them),
    )


def _big(value: Any) -> Any:  # noqa: ANN401  an expression of any type
    return cast(value, BigInteger)


def _many(condition: Any) -> Any:  # noqa: ANN401  an expression
    return cast(func.sum(case((condition, 1), else_=0)), Integer)
