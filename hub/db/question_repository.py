"""What a citizen may know of reports: how one stands, by its code; what is open near a place.

No personal data: never who reported it, in which words, at which address, and from which machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, radians
from typing import Final

from sqlalchemy import ColumnElement, Connection, or_, select

from hub.db.answer_repository import AnswerRepository
from hub.db.mailbox_repository import rating_of, supporters
from hub.db.mailbox_tables import mailbox_entry
from hub.db.outgoing_repository import State
from hub.db.tables import outgoing, service_request
from hub.db.update_tables import report_picture, report_update
from hub.domain.mailbox.ports import EntryKind
from hub.domain.service_requests.ports import Status
from hub.usecases.take_event import MAIL
from shared.model.ids import effect_key

UPDATES_TOLD: Final = 3
"""Words of the town hall that are told of one report, the newest of them."""
NOTES_TOLD_LENGTH_MAX: Final = 600
"""Of a longer word its beginning is told: it has to fit on a page."""
NEARBY_TOLD: Final = 5
"""Reports that are told around a place."""
NEARBY_LOOKED_AT: Final = 500
"""Rows that one question may cost."""
NEARBY_M: Final = 200
"""What is further away is another thing."""
NEARBY_AGE_MS: Final = 366 * 86_400_000
PLACE_DIGITS: Final = 4
"""A place is told to about ten metres: to a street corner, and to nobody's door."""
_METRES_OF_A_DEGREE: Final = 111_320
_DAY_MS: Final = 86_400_000
_COSINE_LEAST: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWord:
    """What the town hall said of a report.

    Attributes:
        status: `open` or `closed`.
        notes: in its words; empty where it gave none.
        at_ms: when the hub heard it, Unix epoch.
    """

    status: str
    notes: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How something stands of which a citizen has the code.

    Attributes:
        kind: `report`, or what else was put into the mailbox.
        status: `received`, `open` (the town hall has it) or `closed`.
        service_code: what it is about; None of what is no report.
        received_ms: when the hub took it, Unix epoch.
        updates: what the town hall said of it, the newest last.
        rating_asked: it is closed, and nobody has said how it went.
        has_picture: there is a picture of the repair.
    """

    kind: str
    status: str
    service_code: str | None
    received_ms: int
    updates: list[CaseWord]
    rating_asked: bool
    has_picture: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NearbyReport:
    """An open report, as everybody may know it.

    Attributes:
        report: its public code.
        service_code: what it is about.
        lat: about where, degrees.
        long: about where, degrees.
        age_days: since when.
        supporters: how many joined it.
    """

    report: str
    service_code: str
    lat: float
    long: float
    age_days: int
    supporters: int


def find_case(connection: Connection, code: str) -> Case | None:
    """How something stands; None where nothing has this code.

    Args:
        connection: any.
        code: in its canonical form.
    """
    if (report := _report(connection, service_request.c.reference == code, "report")) is not None:
        return report
    entry = mailbox_entry.c
    row = connection.execute(
        select(entry.id, entry.kind, entry.about, entry.received_ms, entry.device, entry.event_id).where(
            entry.reference == code
        )
    ).first()
    if row is None:
        return None
    if row.kind == EntryKind.SUPPORT.value:
        joined = _report(connection, service_request.c.event_id == row.about, row.kind)
        if joined is not None:
            return joined
    effect = outgoing.c.effect_key == str(effect_key(row.device, row.event_id, MAIL))
    is_there = connection.execute(
        select(outgoing.c.id).where(effect, outgoing.c.state == State.DONE.value)
    ).first()
    answers = AnswerRepository(connection).newest(row.id, UPDATES_TOLD)
    status = answers[0].status if answers else "received" if is_there is None else Status.OPEN.value
    return Case(
        kind=row.kind,
        status=status,
        service_code=None,
        received_ms=row.received_ms,
        updates=[_word(each.status, each.notes, each.heard_ms) for each in reversed(answers)],
        rating_asked=False,
        has_picture=False,
    )


def find_picture(connection: Connection, code: str) -> bytes | None:
    """The picture of a repair, a small JPEG; None where there is none.

    Args:
        connection: any.
        code: of the report, or of a support of it, in its canonical form.
    """
    joined = select(mailbox_entry.c.about).where(
        mailbox_entry.c.reference == code, mailbox_entry.c.kind == EntryKind.SUPPORT.value
    )
    of_report = or_(service_request.c.reference == code, service_request.c.event_id.in_(joined))
    query = (
        select(report_picture.c.body)
        .join(service_request, service_request.c.reference == report_picture.c.reference)
        .where(of_report, service_request.c.status == Status.CLOSED.value, report_picture.c.body.is_not(None))
    )
    return connection.execute(query.limit(1)).scalar_one_or_none()


def reports_near(
    connection: Connection, service_code: str, lat: float, long: float, now_ms: int
) -> Sequence[NearbyReport]:
    """Open reports of a service around a place, the nearest first.

    Args:
        connection: any.
        service_code: what they are about.
        lat: degrees.
        long: degrees.
        now_ms: the hub's clock.
    """
    north = NEARBY_M / _METRES_OF_A_DEGREE
    east = north / max(cos(radians(lat)), _COSINE_LEAST)
    table = service_request.c
    query = (
        select(table.event_id, table.service_code, table.lat, table.long, table.requested_ms)
        .where(
            table.service_code == service_code,
            table.status == Status.OPEN.value,
            table.lat.between(lat - north, lat + north),
            table.long.between(long - east, long + east),
            table.received_ms >= now_ms - NEARBY_AGE_MS,
        )
        .order_by(table.received_ms.desc())
        .limit(NEARBY_LOOKED_AT)
    )
    found = [
        (hypot((row.lat - lat) / north, (row.long - long) / east), row) for row in connection.execute(query)
    ]
    nearest = sorted(
        ((far, row) for far, row in found if far <= 1), key=lambda one: (one[0], one[1].event_id)
    )
    told = [row for _, row in nearest[:NEARBY_TOLD]]
    counts = supporters(connection, [row.event_id for row in told])
    return [
        NearbyReport(
            report=row.event_id,
            service_code=row.service_code,
            lat=round(row.lat, PLACE_DIGITS),
            long=round(row.long, PLACE_DIGITS),
            age_days=max(0, now_ms - row.requested_ms) // _DAY_MS,
            supporters=counts.get(row.event_id, 0),
        )
        for row in told
    ]


def _report(connection: Connection, which: ColumnElement[bool], kind: str) -> Case | None:
    table = service_request.c
    row = connection.execute(
        select(table.reference, table.status, table.service_code, table.received_ms, table.core_ref).where(
            which
        )
    ).first()
    if row is None:
        return None
    said = report_update.c
    newest = connection.execute(
        select(said.status, said.notes, said.heard_ms)
        .where(said.reference == row.reference)
        .order_by(said.id.desc())
        .limit(UPDATES_TOLD)
    ).all()
    is_closed = row.status == Status.CLOSED.value
    return Case(
        kind=kind,
        status=row.status if is_closed or row.core_ref else "received",
        service_code=row.service_code,
        received_ms=row.received_ms,
        updates=[_word(each.status, each.notes, each.heard_ms) for each in reversed(newest)],
        rating_asked=is_closed and kind == "report" and rating_of(connection, row.reference) is None,
        has_picture=is_closed and find_picture(connection, row.reference) is not None,
    )


def _word(status: str, notes: str, at_ms: int) -> CaseWord:
    return CaseWord(status=status, notes=notes[:NOTES_TOLD_LENGTH_MAX], at_ms=at_ms)
