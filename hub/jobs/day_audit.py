"""The audit of each business day, once it is over: do the books balance, and which hash names them.

An entry belongs to the day on which it was booked, so a day that is over never changes; its hash in the log
is what two copies of the books are compared by.
"""

from collections.abc import Callable
from typing import Final

import structlog

from hub.db.engine import Connection
from hub.db.ledger_audit import audit
from hub.db.register_repositories import ExceptionRepository
from hub.db.writer import Writer
from hub.domain.payments.audit import AuditReport
from shared.model.instants import business_day

UNBALANCED: Final = "ledger_unbalanced"
"""The kind of the exception that tells of books that do not balance."""
_DAY_MS: Final = 86_400_000

log = structlog.get_logger(__name__)


class DayAudit:
    """Audits yesterday, once."""

    def __init__(self, writer: Writer, clock: Callable[[], int]) -> None:
        """Begin with no day audited.

        Args:
            writer: the database.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self._writer = writer
        self._clock = clock
        self._audited = ""

    def run(self) -> None:
        """Audit the day before this one, if that was not done since the start.

        Raises:
            TransientError: the case of books that do not balance cannot be written.
        """
        day = business_day(self._clock() - _DAY_MS)
        if day == self._audited:
            return
        with self._writer.read() as connection:
            report = audit(connection, day)
        if report.is_clean:
            log.info("day_audited", last=day, events=report.entries, reason=report.journal_hash)
        else:
            log.error("ledger_unbalanced", last=day, events=report.entries, reason=report.journal_hash)
            self._tell_clerk(report)
        self._audited = day

    def _tell_clerk(self, report: AuditReport) -> None:
        detail = {
            "business_day": report.business_day,
            "unbalanced": len(report.unbalanced),
            "mixed": len(report.mixed),
            "drifts": len(report.drifts),
            "journal_hash": report.journal_hash,
        }

        def job(connection: Connection) -> None:
            exceptions = ExceptionRepository(connection)
            exceptions.open(UNBALANCED, None, detail, self._clock())
            exceptions.flush()

        self._writer.run(job)
