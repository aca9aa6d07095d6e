"""The town's registers, read: service requests, the mailbox, payments, and the audit of the books."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from hub.api.clerk import After, DeviceName
from hub.api.devices import Limit
from hub.api.errors import NoSuchThingError
from hub.api.parts import Parts
from hub.db.ledger_audit import CounterGap, audit, counter_gaps
from hub.db.mailbox_repository import EntryRow, list_mailbox
from hub.db.paging import Page
from hub.db.register_listings import PaymentRow, RequestRow, list_payments, list_service_requests
from hub.db.update_repository import UpdateRepository, UpdateRow
from hub.domain.mailbox.ports import EntryKind
from hub.domain.payments.audit import AuditReport
from shared.protocol import limits


class Sum(BaseModel):
    """An amount of one kind in one currency."""

    kind: str
    currency: str
    entries: int | None = None
    amount_minor: int


class AuditView(BaseModel):
    """What an auditor reads of the books."""

    clean: bool
    business_day: str | None
    entries: int
    postings: int
    unbalanced: list[int]
    mixed: list[int]
    drifts: list[dict[str, Any]]
    moved: list[Sum]
    balances: list[Sum]
    first_id: int | None
    last_id: int | None
    journal_hash: str


class CounterGaps(BaseModel):
    """Counters that are missing, by card."""

    items: list[CounterGap]


def registers_router(parts: Parts) -> APIRouter:
    """Return the routes of the registers."""
    router = APIRouter()

    @router.get("/service-requests", tags=["service requests"])
    def service_requests(
        after: Annotated[str, Query(max_length=100)] = "", limit: Limit = 100
    ) -> Page[RequestRow]:
        """Reports in the order in which they came, with the core's name for each; not what citizens wrote."""
        with parts.writer.read() as connection:
            return list_service_requests(connection, after, limit)

    @router.get("/service-requests/{reference}/updates", tags=["service requests"])
    def updates(
        reference: Annotated[str, Path(max_length=64, pattern=r"^[^\x00]+$")],
        after: After = 0,
        limit: Limit = 100,
    ) -> Page[UpdateRow]:
        """What the core said of a report, in the order in which the hub heard it."""
        with parts.writer.read() as connection:
            repository = UpdateRepository(connection)
            if not repository.has_report(reference):
                raise NoSuchThingError(NoSuchThingError.__doc__)
            return repository.history(reference, after, limit)

    @router.get("/mailbox", tags=["mailbox"])
    def mailbox(kind: EntryKind | None = None, after: After = 0, limit: Limit = 100) -> Page[EntryRow]:
        """What citizens said besides reports, in the order in which it came; not what they wrote."""
        with parts.writer.read() as connection:
            return list_mailbox(connection, after, limit, kind)

    @router.get("/payments", tags=["ledger"])
    def payments(device: DeviceName = None, after: After = 0, limit: Limit = 100) -> Page[PaymentRow]:
        """Entries of the journal, in order."""
        with parts.writer.read() as connection:
            return list_payments(connection, after, limit, device)

    @router.get("/ledger/audit", tags=["ledger"])
    def ledger_audit(
        day: Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}-\d{2}$")] = None,
    ) -> AuditView:
        """Whether the books balance, of one business day or of all; the hash names their exact content."""
        with parts.writer.read() as connection:
            return view_audit(audit(connection, day))

    @router.get("/ledger/counter-gaps", tags=["ledger"])
    def gaps() -> CounterGaps:
        """Counters of cards that no device can report any more: taps or credits that are missing for good."""
        with parts.writer.read() as connection:
            return CounterGaps(items=counter_gaps(connection, parts.clock() - limits.KEEP_WINDOW_MS))

    return router


def view_audit(report: AuditReport) -> AuditView:
    """Return an audit as it is shown."""
    plain = asdict(report)
    plain["drifts"] = [drift._asdict() for drift in report.drifts]
    plain["moved"] = [
        Sum(kind=kind, currency=currency, entries=moved.entries, amount_minor=moved.amount_minor)
        for (kind, currency), moved in sorted(report.moved.items())
    ]
    plain["balances"] = [
        Sum(kind=kind, currency=currency, amount_minor=minor)
        for (kind, currency), minor in sorted(report.balances.items())
    ]
    return AuditView(clean=report.is_clean, **plain)
