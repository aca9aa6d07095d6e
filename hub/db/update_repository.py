"""What the core said of reports: which to ask for, what is known, what is new; and a device's own bundles."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from hub.db.fleet_repository import BundleRow
from hub.db.paging import Page, columns_of, read_page
from hub.db.statements import dialect_insert
from hub.db.tables import service_request
from hub.db.update_tables import device_own_bundle, report_picture, report_update
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import CoreWord, Known
from shared.protocol.versions import Version

OWN = "the hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A report of which the core may have something new to say.

    Attributes:
        core_ref: what the core calls it.
        picture_url: where the core had a picture of it, as far as the hub has looked; empty for nowhere.
    """

    reference: str
    core_ref: str
    device: str
    event_id: str
    known: Known
    picture_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRow:
    """What the core said of a report.

    Attributes:
        notes: the core's explanation; empty where it gave none.
        updated_ms: when the core says that this was.
        heard_ms: when the hub heard it.
    """

    id: int
    status: str
    notes: str
    updated_ms: int | None
    heard_ms: int


class UpdateRepository:
    """Updates of reports, on a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def watched(self, after: str, since_ms: int, closed_since_ms: int, limit: int) -> Sequence[Watched]:
        """Reports that the core has, in the order of their references.

        Args:
            after: the last reference that was looked at; empty to begin.
            since_ms: those taken before this are not asked for any more.
            closed_since_ms: nor those that were closed before this.
            limit: how many at most.
        """
        newest = report_update.alias("newest")
        last_id = (
            select(func.max(report_update.c.id))
            .where(report_update.c.reference == service_request.c.reference)
            .correlate(service_request)
            .scalar_subquery()
        )
        updates = (
            select(func.count())
            .where(report_update.c.reference == service_request.c.reference)
            .correlate(service_request)
            .scalar_subquery()
        )
        query = (
            select(
                service_request.c.reference,
                service_request.c.core_ref,
                service_request.c.device,
                service_request.c.event_id,
                service_request.c.status,
                newest.c.notes,
                updates.label("updates"),
                report_picture.c.url,
            )
            .select_from(service_request)
            .outerjoin(newest, newest.c.id == last_id)
            .outerjoin(report_picture, report_picture.c.reference == service_request.c.reference)
            .where(
                service_request.c.reference > after,
                service_request.c.core_ref.is_not(None),
                service_request.c.core_ref != "",
                service_request.c.received_ms >= since_ms,
                or_(service_request.c.status == Status.OPEN.value, newest.c.heard_ms >= closed_since_ms),
            )
            .order_by(service_request.c.reference)
            .limit(limit)
        )
        return [
            Watched(
                reference=row.reference,
                core_ref=row.core_ref,
                device=row.device,
                event_id=row.event_id,
                known=Known(status=Status(row.status), notes=row.notes or "", updates=row.updates),
                picture_url=row.url or "",
            )
            for row in self._connection.execute(query)
        ]

    def known(self, reference: str) -> Known | None:
        """What the hub has of a report; None where it has no such report."""
        row = self._connection.execute(
            select(service_request.c.status).where(service_request.c.reference == reference)
        ).first()
        if row is None:
            return None
        updates = self._connection.execute(
            select(func.count()).where(report_update.c.reference == reference)
        ).scalar_one()
        notes = self._connection.execute(
            select(report_update.c.notes)
            .where(report_update.c.reference == reference)
            .order_by(report_update.c.id.desc())
            .limit(1)
        ).scalar_one_or_none()
        return Known(status=Status(row.status), notes=notes or "", updates=updates)

    def add(self, report: Watched, said: CoreWord, now_ms: int) -> None:
        """Adds an update, and puts the report where the core has it."""
        self._connection.execute(
            insert(report_update),
            {
                "reference": report.reference,
                "device": report.device,
                "event_id": report.event_id,
                "status": said.status.value,
                "notes": said.notes,
                "updated_ms": said.updated_ms,
                "heard_ms": now_ms,
            },
        )
        self._connection.execute(
            update(service_request)
            .where(service_request.c.reference == report.reference)
            .values(status=said.status.value)
        )

    def put_picture(self, reference: str, url: str, body: bytes | None, now_ms: int) -> None:
        """Keeps where the core has a picture of a report, and that picture if it is one of its repair."""
        values = {"url": url, "body": body, "at_ms": now_ms}
        statement = dialect_insert(self._connection.dialect.name, report_picture)
        statement = statement.values(reference=reference, **values)
        self._connection.execute(statement.on_conflict_do_update(index_elements=["reference"], set_=values))

    def name(self, reference: str, core_ref: str) -> None:
        """Notes the number that the core gave a report late."""
        self._connection.execute(
            update(service_request).where(service_request.c.reference == reference).values(core_ref=core_ref)
        )

    def history(self, reference: str, after: int, limit: int) -> Page[UpdateRow]:
        """What the core said of a report, in the order in which the hub heard it."""
        query = columns_of(UpdateRow, report_update).where(
            report_update.c.reference == reference, report_update.c.id > after
        )
        return read_page(self._connection, UpdateRow, query.order_by(report_update.c.id), limit)

    def has_report(self, reference: str) -> bool:
        """Whether there is such a report."""
        found = select(service_request.c.reference).where(service_request.c.reference == reference)
        return self._connection.execute(found).first() is not None

    def of_device(self, device: str, since_ms: int, limit: int) -> Sequence[tuple[str, Status]]:
        """How a device's reports stand of which something was heard: event and status, newest first."""
        later = report_update.alias("later")
        is_newest = ~(
            select(later.c.id)
            .where(and_(later.c.reference == report_update.c.reference, later.c.id > report_update.c.id))
            .exists()
        )
        query = (
            select(report_update.c.event_id, report_update.c.status)
            .where(report_update.c.device == device, report_update.c.heard_ms >= since_ms, is_newest)
            .order_by(report_update.c.id.desc())
            .limit(limit)
        )
        return [(row.event_id, Status(row.status)) for row in self._connection.execute(query)]


class OwnBundleRepository:
    """Bundles that are for one device alone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, device: str, row: BundleRow, body: bytes) -> None:
        """Puts a version in the place of the one before."""
        values = {
            "incarnation": row.version.incarnation,
            "n": row.version.n,
            "body": body,
            "expires_ms": row.expires_ms,
        }
        statement = dialect_insert(self._connection.dialect.name, device_own_bundle)
        statement = statement.values(device=device, name=row.name, **values)
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=["device", "name"], set_=values)
        )

    def of(self, devices: Collection[str]) -> dict[str, list[tuple[BundleRow, bytes]]]:
        """What some devices are to hold of their own."""
        found: dict[str, list[tuple[BundleRow, bytes]]] = {}
        query = select(device_own_bundle).where(device_own_bundle.c.device.in_(devices))
        for row in self._connection.execute(query.order_by(device_own_bundle.c.name)):
            version = Version(row.incarnation, row.n)
            body = bytes(row.body)
            said = BundleRow(
                name=row.name, version=version, size=len(body), expires_ms=row.expires_ms, who=OWN, at_ms=0
            )
            found.setdefault(row.device, []).append((said, body))
        return found
