"""What became of events: committed, in quarantine, recorded as lost, or never heard of; and of their effects.

Asked by whoever kept a list of what was taken in the street, and wants to know that nothing is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from hub.db.statements import among, among_pairs
from hub.db.tables import inbox, loss_record, outgoing, quarantine
from hub.usecases.take_event import PAYMENT, REPORT, RESPONSE
from shared.model.event import Stream
from shared.model.ids import effect_key


class Fate(StrEnum):
    """What became of an event."""

    COMMITTED = "committed"
    QUARANTINED = "quarantined"
    """The hub has it; it waits for a clerk."""
    DISCARDED = "discarded"
    """The hub has it; a clerk decided that it has no effect."""
    LOST = "lost"
    """It did not arrive, and a loss record covers its number."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An event as the asker knows it: by its id, and by its place in the outbox."""

    device: str
    event_id: str
    stream: Stream
    epoch: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """One effect of an event on its way to the core."""

    connector: str
    state: str
    core_ref: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of one event."""

    device: str
    event_id: str
    fate: Fate
    forwarded: tuple[Forwarded, ...]


_Event = tuple[str, str]


def reconcile(connection: Connection, asked: Sequence[Asked]) -> list[Answered]:
    """Tells what became of each event, in the order of the question.

    Args:
        connection: any; the answer is of one snapshot if it is in a transaction.
        asked: a bounded list.
    """
    events = [(item.device, item.event_id) for item in asked]
    held = _held(connection, events)
    set_aside = _set_aside(connection, events)
    missing = [item for item in asked if (item.device, item.event_id) not in held]
    lost = _lost(connection, missing)
    forwarded = _forwarded(connection, [item for item in events if item in held])
    return [
        Answered(
            device=item.device,
            event_id=item.event_id,
            fate=_fate(item, held, set_aside, lost),
            forwarded=tuple(forwarded.get((item.device, item.event_id), ())),
        )
        for item in asked
    ]


def _fate(item: Asked, held: set[_Event], set_aside: dict[_Event, Fate], lost: set[Asked]) -> Fate:
    event = (item.device, item.event_id)
    if event in held:
        return set_aside.get(event, Fate.COMMITTED)
    return Fate.LOST if item in lost else Fate.UNKNOWN


def _held(connection: Connection, events: Sequence[_Event]) -> set[_Event]:
    columns = (inbox.c.device, inbox.c.event_id)
    rows = connection.execute(select(*columns).where(among_pairs(connection, columns, events)))
    return {(device, event_id) for device, event_id in rows}


def _set_aside(connection: Connection, events: Sequence[_Event]) -> dict[_Event, Fate]:
    columns = (quarantine.c.device, quarantine.c.event_id)
    query = select(*columns, quarantine.c.state).where(among_pairs(connection, columns, events))
    fates = {"waiting": Fate.QUARANTINED, "discarded": Fate.DISCARDED}
    rows = connection.execute(query.order_by(quarantine.c.id))
    return {(device, event_id): fates[state] for device, event_id, state in rows if state in fates}


def _lost(connection: Connection, missing: Sequence[Asked]) -> set[Asked]:
    columns = (loss_record.c.device, loss_record.c.epoch)
    places = sorted({(item.device, item.epoch) for item in missing})
    query = select(*columns, loss_record.c.stream, loss_record.c.first_seq, loss_record.c.last_seq)
    ranges: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for device, epoch, stream, first, last in connection.execute(
        query.where(among_pairs(connection, columns, places))
    ):
        ranges.setdefault((device, epoch, stream), []).append((first, last))
    return {
        item
        for item in missing
        if any(
            first <= item.seq <= last
            for first, last in ranges.get((item.device, item.epoch, item.stream), ())
        )
    }


def _forwarded(connection: Connection, events: Sequence[_Event]) -> dict[_Event, list[Forwarded]]:
    effects = (PAYMENT, REPORT, RESPONSE)
    keys = [str(effect_key(device, event_id, effect)) for device, event_id in events for effect in effects]
    found: dict[_Event, list[Forwarded]] = {}
    query = select(
        outgoing.c.device,
        outgoing.c.event_id,
        outgoing.c.connector,
        outgoing.c.state,
        outgoing.c.core_ref,
    )
    for row in connection.execute(query.where(among(connection, outgoing.c.effect_key, keys))):
        here = Forwarded(connector=row.connector, state=row.state, core_ref=row.core_ref)
        found.setdefault((row.device, row.event_id), []).append(here)
    return found
