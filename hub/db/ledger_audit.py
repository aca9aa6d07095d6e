"""The audit of the books, and the gaps in cards' counters.

The audit reads alone, so it runs on a reading connection; on one snapshot, so that what it reads belongs
together. The journal's hash covers every column of every entry and posting in the order of their ids: two
copies of the books with one hash are the same books.
"""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, column, func, select, table, true, update

from hub.db.register_repositories import ExceptionRepository
from hub.db.tables import account, card_counter, exception, journal, posting
from hub.domain.payments.accounts import AccountKind
from hub.domain.payments.audit import AuditReport, Drift, Moved
from hub.domain.payments.booking import Kind
from hub.domain.payments.service import PaymentException

ROWS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterGap:
    """Counters of a card that no device has reported."""

    subject: str
    first: int
    last: int


def audit(connection: Connection, business_day: str | None = None) -> AuditReport:
    """Audits the books.

    Args:
        connection: any; the result is of one snapshot if it is in a transaction.
        business_day: an ISO date to close, or None for all days.
    """
    wanted = true() if business_day is None else journal.c.business_day == business_day
    first_id, last_id, entries = connection.execute(
        select(func.min(journal.c.id), func.max(journal.c.id), func.count()).where(wanted)
    ).one()
    postings, journal_hash = _hash(connection, wanted)
    return AuditReport(
        business_day=business_day,
        entries=entries,
        postings=postings,
        unbalanced=_unbalanced(connection, wanted),
        mixed=_mixed(connection, wanted),
        drifts=_drifts(connection),
        moved=_moved(connection, wanted),
        balances=_balances(connection),
        first_id=first_id,
        last_id=last_id,
        journal_hash=journal_hash,
    )


def counter_gaps(connection: Connection, booked_before_ms: int) -> list[CounterGap]:
    """Finds counters that can no longer arrive.

    A gap is known only when the counters on both sides of it were booked so long ago that no device holds an
    older event any more; until then the missing tap may still be on a bus.

    Args:
        connection: any.
        booked_before_ms: now less the devices' keep window.
    """
    card, in_order = card_counter.c.subject, card_counter.c.counter
    steps = (
        select(
            card,
            in_order,
            journal.c.booked_ms,
            func.lag(in_order).over(partition_by=card, order_by=in_order).label("before"),
            func.lag(journal.c.booked_ms)
            .over(partition_by=card, order_by=in_order)
            .label("before_booked_ms"),
        )
        .join(journal, journal.c.id == card_counter.c.journal_id)
        .subquery()
    )
    known = select(steps).where(
        steps.c.counter > steps.c.before + 1,
        steps.c.booked_ms < booked_before_ms,
        steps.c.before_booked_ms < booked_before_ms,
    )
    return [
        CounterGap(subject=row.subject, first=row.before + 1, last=row.counter - 1)
        for row in connection.execute(known.order_by(steps.c.subject, steps.c.counter))
    ]


def note_counter_gaps(connection: Connection, now_ms: int, keep_window_ms: int) -> int:
    """Tells a clerk of every gap that is known and was not told of before; closes what came late after all.

    Args:
        connection: the writer's.
        now_ms: the hub's clock.
        keep_window_ms: how long devices keep what was acknowledged.

    Returns:
        How many cases were opened.
    """
    kind = PaymentException.CARD_COUNTER_GAP.value
    _close_filled_gaps(connection, kind, now_ms)
    told = connection.execute(select(exception.c.detail).where(exception.c.kind == kind)).scalars()
    known = {(detail["subject"], detail["first"], detail["last"]) for detail in told}
    gaps = counter_gaps(connection, now_ms - keep_window_ms)
    untold = [gap for gap in gaps if (gap.subject, gap.first, gap.last) not in known]
    cases = ExceptionRepository(connection)
    for gap in untold:
        detail = {"subject": gap.subject, "first": gap.first, "last": gap.last, "explanation": _said(gap)}
        cases.open(kind, None, detail, now_ms)
    cases.flush()
    return len(untold)


def _close_filled_gaps(connection: Connection, kind: str, now_ms: int) -> None:
    """Closes the cases of gaps of which a part has arrived; what is still missing is a gap of its own."""
    query = select(exception.c.id, exception.c.detail).where(
        exception.c.kind == kind, exception.c.resolved_ms.is_(None)
    )
    for case in connection.execute(query).all():
        detail = case.detail
        arrived = select(card_counter.c.counter).where(
            card_counter.c.subject == detail["subject"],
            card_counter.c.counter.between(detail["first"], detail["last"]),
        )
        if connection.execute(arrived.limit(1)).first() is not None:
            connection.execute(update(exception).where(exception.c.id == case.id).values(resolved_ms=now_ms))


def _said(gap: CounterGap) -> str:
    count = gap.last - gap.first + 1
    numbers = f"number {gap.first}" if count == 1 else f"numbers {gap.first} to {gap.last}"
    return (
        f"The card has done {count} deed{'s' * (count > 1)} ({numbers}) that nobody has reported, and no "
        "device can report any more: each keeps what it took for 35 days. Somebody's terminal was "
        f"destroyed, or hides rides. They are not booked. `ventanilla hub cards taps --card {gap.subject}` "
        "shows which terminals the card was at before and after: look whether one of them is missing; "
        "otherwise resolve the case."
    )


def _hash(connection: Connection, wanted: ColumnElement[bool]) -> tuple[int, str]:
    """Counts the postings and hashes them with their entries."""
    digest, postings = sha256(), 0
    rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(
        select(
            journal,
            posting.c.n,
            posting.c.debit_account,
            posting.c.credit_account,
            posting.c.amount_minor,
        )
        .outerjoin(posting, posting.c.journal_id == journal.c.id)
        .where(wanted)
        .order_by(journal.c.id, posting.c.n)
    )
    for row in rows:
        postings += row.n is not None
        digest.update("\0".join(map(_word, row)).encode())
        digest.update(b"\n")
    return postings, digest.hexdigest()


def _word(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _unbalanced(connection: Connection, wanted: ColumnElement[bool]) -> list[int]:
    sums = (
        select(_LEG.c.journal_id)
        .join(journal, journal.c.id == _LEG.c.journal_id)
        .where(wanted)
        .group_by(_LEG.c.journal_id)
        .having(func.sum(_LEG.c.amount_minor) != 0)
    )
    return list(connection.execute(sums.order_by(_LEG.c.journal_id)).scalars())


def _mixed(connection: Connection, wanted: ColumnElement[bool]) -> list[int]:
    currencies = (
        select(_LEG.c.journal_id)
        .join(journal, journal.c.id == _LEG.c.journal_id)
        .join(account, account.c.id == _LEG.c.account_id)
        .where(wanted)
        .group_by(_LEG.c.journal_id)
        .having(func.min(account.c.currency) != func.max(account.c.currency))
    )
    return list(connection.execute(currencies.order_by(_LEG.c.journal_id)).scalars())


def _drifts(connection: Connection) -> list[Drift]:
    sums = (
        select(_LEG.c.account_id, func.sum(_LEG.c.amount_minor).label("minor"))
        .group_by(_LEG.c.account_id)
        .subquery()
    )
    posted = cast(func.coalesce(sums.c.minor, 0), BigInteger)
    rows = connection.execute(
        select(account.c.code, account.c.currency, account.c.balance_minor, posted)
        .outerjoin(sums, sums.c.account_id == account.c.id)
        .where(account.c.balance_minor != posted)
        .order_by(account.c.id)
    )
    return [Drift(*row) for row in rows]


def _moved(connection: Connection, wanted: ColumnElement[bool]) -> dict[tuple[Kind, str], Moved]:
    amount_minor = cast(func.sum(posting.c.amount_minor), BigInteger)
    rows = connection.execute(
        select(journal.c.kind, account.c.currency, func.count(journal.c.id.distinct()), amount_minor)
        .join(posting, posting.c.journal_id == journal.c.id)
        .join(account, account.c.id == posting.c.debit_account)
        .where(wanted)
        .group_by(journal.c.kind, account.c.currency)
    )
    return {(Kind(kind), currency): Moved(entries, minor) for kind, currency, entries, minor in rows}


def _balances(connection: Connection) -> dict[tuple[AccountKind, str], int]:
    balance_minor = cast(func.sum(account.c.balance_minor), BigInteger)
    rows = connection.execute(
        select(account.c.kind, account.c.currency, balance_minor).group_by(account.c.kind, account.c.currency)
    )
    return {(AccountKind(kind), currency): minor for kind, currency, minor in rows}


_LEG = table("ledger_leg", column("journal_id"), column("account_id"), column("amount_minor"))
