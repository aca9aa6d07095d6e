"""The town's registers in pages: service requests and payments, oldest first.

What a citizen said, and who it was, stays in the register: a listing says which report, not its words.
"""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, cast, func, select, tuple_

from hub.db.paging import Page
from hub.db.tables import account, journal, posting, service_request
from shared.model.errors import InputError
from shared.model.fields import INTEGER_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """A service request.

    Attributes:
        core_ref: what the core calls it, once it has it.
    """

    reference: str
    device: str
    event_id: str
    service_code: str
    channel: str
    status: str
    requested_ms: int
    received_ms: int
    core_ref: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """An entry of the journal.

    Attributes:
        amount_minor: what it moved in all; 0 where it only records.
        currency: of what it moved.
        reverses: the entry that it undoes.
    """

    id: int
    device: str
    event_id: str
    effect_key: str
    kind: str
    amount_minor: int
    currency: str | None
    occurred_ms: int
    booked_ms: int
    business_day: str
    subject: str | None
    counter: int | None
    reverses: int | None


def list_service_requests(connection: Connection, after: str, limit: int) -> Page[RequestRow]:
    """Service requests in the order in which they came.

    Args:
        connection: any.
        after: `next` of the page before, or empty.
        limit: how many at most.

    Raises:
        InputError: `after` is not from a page of this listing.
    """
    place = tuple_(service_request.c.received_ms, service_request.c.reference)
    columns = (service_request.c[name] for name in RequestRow.__dataclass_fields__)
    query = select(*columns).order_by(service_request.c.received_ms, service_request.c.reference)
    if after:
        received_ms, _, reference = after.partition(":")
        if not received_ms.isdigit() or int(received_ms) > INTEGER_MAX:
            raise InputError("`after` is the `next` of the page before; take it from there")
        query = query.where(place > (int(received_ms), reference))
    rows = connection.execute(query.limit(limit + 1)).mappings().all()
    items = [RequestRow(**row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next=f"{items[-1].received_ms}:{items[-1].reference}" if more else None)


def list_payments(connection: Connection, after: int, limit: int, device: str | None) -> Page[PaymentRow]:
    """Entries of the journal in the order in which they were booked.

    Args:
        connection: any.
        after: the last id that was shown.
        limit: how many at most.
        device: of one device alone.
    """
    wanted = select(journal).where(journal.c.id > after).order_by(journal.c.id).limit(limit + 1)
    if device is not None:
        wanted = wanted.where(journal.c.device == device)
    entry = wanted.subquery()
    moved = cast(func.coalesce(func.sum(posting.c.amount_minor), 0), BigInteger).label("amount_minor")
    plain = [entry.c[name] for name in PaymentRow.__dataclass_fields__ if name not in _MADE]
    query = (
        select(*plain, moved, func.min(account.c.currency).label("currency"))
        .outerjoin(posting, posting.c.journal_id == entry.c.id)
        .outerjoin(account, account.c.id == posting.c.debit_account)
        .group_by(*plain)
        .order_by(entry.c.id)
    )
    rows = connection.execute(query).mappings().all()
    items = [PaymentRow(**row) for row in rows[:limit]]
    return Page(items=items, next=str(items[-1].id) if len(rows) > limit else None)


_MADE = frozenset({"amount_minor", "currency"})
