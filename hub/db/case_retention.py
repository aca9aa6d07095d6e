"""What of citizens' cases is done with: contacts, photographs, and the keys under which lines were sealed.

Rules:
- Only what the core has is forgotten, and what no clerk is still to decide.
- A report keeps its code, place, words and history: they are the town's. How to reach whoever made it goes.
- An inbox line is a record and stays. Without its context's key nobody reads it any more, also not with the
  hub's sealing keys. A key goes when everything that was said under it is forgotten: a context is one
  citizen's session (K-3).
"""

import json
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    cast,
    delete,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    union,
    update,
)

from hub.db.attachment_repository import State
from hub.db.attachment_tables import attachment
from hub.db.mailbox_tables import mailbox_entry
from hub.db.outgoing_repository import State as WorkState
from hub.db.overwriting import overwriting
from hub.db.tables import inbox, outgoing, quarantine, sealing_context, service_request
from hub.db.update_tables import report_update
from hub.domain.service_requests.ports import Status
from hub.usecases.take_event import OPEN311
from shared.model.event import Stream
from shared.protocol.lines import read_line
from shared.protocol.sealing import context_of


def forget_contacts(connection: Connection, closed_ms: int, taken_ms: int, limit: int) -> int:
    """Takes contacts out of reports that are over, and out of the work that was done with them.

    Args:
        connection: in a transaction.
        closed_ms: reports that were closed before this instant are over.
        taken_ms: so are those that were taken before this one.
        limit: how many at most.

    Returns:
        How many reports lost their contact.
    """
    request = service_request.c
    due = (
        select(request.reference, request.device, request.event_id)
        .where(request.contact.is_not(None), _is_over(closed_ms, taken_ms))
        .order_by(request.reference)
        .limit(limit)
    )
    found = connection.execute(due).all()
    if not found:
        return 0
    with overwriting(connection):
        references = [row.reference for row in found]
        connection.execute(
            update(service_request).where(request.reference.in_(references)).values(contact=null())
        )
        events = [(row.device, row.event_id) for row in found]
        work = outgoing.c.connector == OPEN311, tuple_(outgoing.c.device, outgoing.c.event_id).in_(events)
        for effect in connection.execute(select(outgoing.c.id, outgoing.c.body).where(*work)).all():
            body = {name: value for name, value in json.loads(effect.body).items() if name != "contact"}
            connection.execute(
                update(outgoing).where(outgoing.c.id == effect.id).values(body=json.dumps(body))
            )
    return len(found)


def photographs_done_with(
    connection: Connection, closed_ms: int, taken_ms: int, received_ms: int, limit: int
) -> Sequence[tuple[str, str]]:
    """Photographs of reports that are over, by device and hash.

    Args:
        connection: any.
        closed_ms: reports that were closed before this instant are over.
        taken_ms: so are those that were taken before this one.
        received_ms: what was announced after this instant may be announced again by its device.
        limit: how many at most.
    """
    body, request = attachment.c, service_request.c
    of_report = and_(request.device == body.device, request.event_id == body.event_id)
    due = (
        select(body.device, body.sha256)
        .select_from(attachment.join(service_request, of_report))
        .where(
            body.state.in_([State.STORED.value, State.LOST.value]),
            body.announced_ms < received_ms,
            _is_over(closed_ms, taken_ms),
        )
        .order_by(body.device, body.sha256)
        .limit(limit)
    )
    return [(row.device, row.sha256) for row in connection.execute(due)]


def devices_with_cases(connection: Connection) -> Sequence[str]:
    """Devices at which citizens said something, and of which no line waits for a clerk."""
    said = union(select(service_request.c.device), select(mailbox_entry.c.device)).subquery()
    waits = exists().where(quarantine.c.device == said.c.device, quarantine.c.state == "waiting")
    return list(connection.execute(select(said.c.device).where(~waits).order_by(said.c.device)).scalars())


def contexts_done_with(
    connection: Connection, device: str, closed_ms: int, taken_ms: int, received_ms: int
) -> tuple[Sequence[str], int]:
    """Contexts of a device of which all that was said under them is forgotten; the last line looked at.

    Args:
        connection: any.
        device: whose.
        closed_ms: as for `forget_contacts`.
        taken_ms: as for `forget_contacts`.
        received_ms: what was taken after this instant may be sent again by the device.
    """
    of_device = sealing_context.c.device == device
    kept = set(connection.execute(select(sealing_context.c.context).where(of_device)).scalars())
    if not kept:
        return (), 0
    forgotten = _forgotten_events(connection, device, closed_ms, taken_ms)
    line = inbox.c
    lines = select(line.id, line.stream, line.event_id, line.seq, line.line, line.received_ms)
    sealed: defaultdict[str, list[bool]] = defaultdict(list)
    last = 0
    for row in connection.execute(lines.where(inbox.c.device == device)):
        last = max(last, row.id)
        text = read_line(row.line, row.seq).members.get("sealed")
        if isinstance(text, str) and (context := context_of(text)) in kept:
            is_case = row.stream == Stream.CASES.value and row.event_id in forgotten
            sealed[context].append(is_case and row.received_ms < received_ms)
    return sorted(context for context, done in sealed.items() if all(done)), last


def forget_contexts(connection: Connection, device: str, contexts: Sequence[str], last: int) -> int:
    """Takes keys out for good, unless the device has said something since `last`; returns how many."""
    later = select(inbox.c.id).where(inbox.c.id > last, inbox.c.device == device)
    if connection.execute(later.limit(1)).first() is not None:
        return 0
    with overwriting(connection):
        done = connection.execute(
            delete(sealing_context).where(
                sealing_context.c.device == device, sealing_context.c.context.in_(contexts)
            )
        )
    return done.rowcount


def _forgotten_events(connection: Connection, device: str, closed_ms: int, taken_ms: int) -> frozenset[str]:
    """Events of which neither contact nor mailbox's words are kept, nor a photograph."""
    request, entry = service_request.c, mailbox_entry.c
    reports = select(request.event_id).where(
        request.device == device, request.contact.is_(None), _is_over(closed_ms, taken_ms)
    )
    mail = select(entry.event_id).where(
        entry.device == device, cast(entry.said, Text) == literal_column("'{}'")
    )
    pictured = select(attachment.c.event_id).where(
        attachment.c.device == device, attachment.c.state != State.FORGOTTEN.value
    )
    found = {row.event_id for each in (reports, mail) for row in connection.execute(each)}
    return frozenset(found - set(connection.execute(pictured).scalars()))


def _is_over(closed_ms: int, taken_ms: int) -> ColumnElement[bool]:
    request, newest = service_request.c, report_update.alias("newest")
    heard = (
        select(func.max(newest.c.heard_ms))
        .where(newest.c.reference == request.reference)
        .correlate(service_request)
        .scalar_subquery()
    )
    at_core = exists().where(
        outgoing.c.device == request.device,
        outgoing.c.event_id == request.event_id,
        outgoing.c.connector == OPEN311,
        outgoing.c.state == WorkState.DONE.value,
    )
    closed = and_(request.status == Status.CLOSED.value, heard < closed_ms)
    return and_(at_core, or_(closed, request.received_ms < taken_ms))
