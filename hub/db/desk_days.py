"""A desk's day: what cards hold of it, what is booked, what the core has; each counted by itself.

A desk keeps no count of its own: the hub's book of deeds, which the cards themselves settled, is what the
journal and the settlements are held against. Sums are turnover: what moved, whichever way.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, func, select

from card_reader.citizen_card.journal import Record
from hub.db.card_deed_repository import DeedState
from hub.db.card_deed_tables import card_deed
from hub.db.outgoing_repository import State
from hub.db.statements import among
from hub.db.tables import journal, outgoing, posting
from hub.domain.cards.days import Sum, TerminalDay
from hub.domain.cards.orders import Do, Order
from shared.model.errors import InputError
from shared.model.instants import TOWN_ZONE
from shared.model.money import EURO

_STUCK: Final = frozenset({State.DEAD.value, State.UNDECIDED.value})
_NO_SUMS: Final[Mapping[str, Sum]] = {}


def desk_days(connection: Connection, day: str, sites: Mapping[str, str]) -> list[TerminalDay]:
    """Count one day of every desk at which something was done.

    Args:
        connection: any; the answer is of one snapshot if it is in a transaction.
        day: of the town, an ISO date.
        sites: where desks belong, by their names.

    Raises:
        InputError: there is no such day.
    """
    deeds = _deeds(connection, day)
    ids = [row.id for row in deeds]
    booked, core = _booked(connection, ids), _at_the_core(connection, ids)
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in deeds:
        found[row.device].append(row)
    return [_day((day, desk, sites.get(desk, "")), found[desk], booked, core) for desk in sorted(found)]


def _day(
    where: tuple[str, str, str],
    deeds: Sequence[Row[Any]],
    booked: Mapping[str, int],
    core: Mapping[str, Mapping[str, Sum]],
) -> TerminalDay:
    day, desk, site = where
    happened = [row for row in deeds if row.state == DeedState.HAPPENED.value]
    worth = {row.id: _worth_minor(row) for row in happened}
    there = [row.id for row in happened if row.id in booked]
    work = [(state, said) for row in happened for state, said in core.get(row.id, _NO_SUMS).items()]
    return TerminalDay(
        day=day,
        device=desk,
        site=site,
        lines=(),
        currency=EURO,
        counted=None,
        counts_since_ms=None,
        arrived=Sum(taps=len(happened), amount_minor=sum(worth.values())),
        booked=Sum(taps=len(there), amount_minor=sum(booked[each] for each in there)),
        repeated=Sum(),
        due=_total([said for _, said in work]),
        settled=_total([said for state, said in work if state == State.DONE.value]),
        waiting=sum(said.taps for state, said in work if state == State.WAITING.value),
        stuck=sum(said.taps for state, said in work if state in _STUCK),
        signed=sum(row.mac is not None for row in happened),
        unsigned=sum(row.mac is None and worth[row.id] > 0 for row in happened),
        doubted=0,
        is_desk=True,
        unsettled=sum(row.state in {DeedState.OPEN.value, DeedState.CLERK.value} for row in deeds),
    )


def _deeds(connection: Connection, day: str) -> Sequence[Row[Any]]:
    try:
        begins = datetime.combine(date.fromisoformat(day), time(), ZoneInfo(TOWN_ZONE))
        ends = datetime.combine(begins.date() + timedelta(days=1), time(), ZoneInfo(TOWN_ZONE))
    except (ValueError, OverflowError):
        raise InputError("there is no such day; write it as 2026-11-21") from None
    query = select(
        *(card_deed.c[name] for name in ("id", "device", "asked", "record", "state", "mac"))
    ).where(
        card_deed.c.at_ms >= round(begins.timestamp() * 1_000),
        card_deed.c.at_ms < round(ends.timestamp() * 1_000),
        card_deed.c.state != DeedState.NEVER.value,
    )
    return connection.execute(query.order_by(card_deed.c.at_ms, card_deed.c.id)).all()


def _worth_minor(row: Row[Any]) -> int:
    """What a deed moved: out of a purse, into one, or past it into the cash box."""
    order = Order.from_data(row.asked)
    if order.do is Do.SELL:
        return order.amount_minor
    return abs(Record.from_bytes(bytes(row.record)).amount_minor)


def _booked(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    moved = func.coalesce(func.sum(posting.c.amount_minor), 0)
    query = (
        select(journal.c.event_id, moved.label("minor"))
        .outerjoin(posting, posting.c.journal_id == journal.c.id)
        .where(among(connection, journal.c.event_id, ids))
        .group_by(journal.c.event_id)
    )
    return {row.event_id: int(row.minor) for row in connection.execute(query)} if ids else {}


def _at_the_core(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, Sum]]:
    found: dict[str, dict[str, Sum]] = defaultdict(dict)
    if not ids:
        return found
    moved = (
        select(journal.c.effect_key, func.sum(posting.c.amount_minor).label("minor"))
        .join(posting, posting.c.journal_id == journal.c.id)
        .where(among(connection, journal.c.event_id, ids))
        .group_by(journal.c.effect_key)
        .subquery()
    )
    query = (
        select(outgoing.c.event_id, outgoing.c.state, func.coalesce(moved.c.minor, 0).label("minor"))
        .outerjoin(moved, moved.c.effect_key == outgoing.c.effect_key)
        .where(among(connection, outgoing.c.event_id, ids))
    )
    for row in connection.execute(query):
        found[row.event_id][row.state] = Sum(taps=1, amount_minor=int(row.minor))
    return found


def _total(sums: Sequence[Sum]) -> Sum:
    return Sum(taps=sum(one.taps for one in sums), amount_minor=sum(one.amount_minor for one in sums))
