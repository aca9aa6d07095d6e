"""Contacts and photographs end with their report; then nobody can open its sealed line.

Contacts of reports that were closed so many days ago go, out of the register and out of the work that is
done; of those that nobody closes, when the core is not asked for them any more. Photographs go likewise,
after days of their own. Then the keys of sessions go of which everything was forgotten, here or by the
mailbox's own retention.

Rules (what may go at all: hub/db/case_retention.py):
- A line that its device may still send again is left alone: a hub that was put back needs it whole.
- A session of which a photograph is kept keeps its key: it opens the photograph.
- A database that was put back from a backup has again what was forgotten since; the next turns forget it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog

from hub.db.case_retention import (
    contexts_done_with,
    devices_with_cases,
    forget_contacts,
    forget_contexts,
    photographs_done_with,
)
from hub.db.engine import Connection
from hub.db.writer import Writer
from hub.jobs.report_updates import WATCHED_MS
from shared.protocol import limits

_DAY_MS: Final = 86_400_000
ROWS_MAX: Final = 200
"""Rows of one transaction: ingest never waits long behind it."""

log = structlog.get_logger(__name__)


class CaseRetention:
    """Forgets what is due.

    Attributes:
        contacts: reports that lost their contact, since the start.
        photographs: that are not kept any more, since the start.
        contexts: sessions whose sealed lines nobody can open any more, since the start.
    """

    def __init__(
        self,
        writer: Writer,
        kept_days: int,
        photographs_kept_days: int,
        forget_photographs: Callable[[Sequence[tuple[str, str]]], None],
        clock: Callable[[], int],
    ) -> None:
        """Begin with nothing forgotten.

        Args:
            writer: the database.
            kept_days: for how long a contact is kept after its report was closed.
            photographs_kept_days: and for how long its photographs are.
            forget_photographs: by device and hash; the database has noted it when it returns.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self.contacts = 0
        self.photographs = 0
        self.contexts = 0
        self._writer = writer
        self._kept_ms = kept_days * _DAY_MS
        self._photographs_ms = photographs_kept_days * _DAY_MS
        self._forget = forget_photographs
        self._clock = clock

    def run(self) -> None:
        """Forget everything that is due.

        Raises:
            TransientError: the database cannot be read or written.
        """
        self._forget_contacts()
        self._forget_photographs()
        self._forget_contexts()

    def _forget_contacts(self) -> None:
        closed_ms, taken_ms, before = *self._over(self._kept_ms), self.contacts
        while count := self._writer.run(
            lambda connection: forget_contacts(connection, closed_ms, taken_ms, ROWS_MAX)
        ):
            self.contacts += count
        if self.contacts > before:
            log.info("contacts_forgotten", results=self.contacts - before, until=closed_ms)

    def _forget_photographs(self) -> None:
        closed_ms, taken_ms = self._over(self._photographs_ms)
        received_ms, before = self._clock() - limits.KEEP_WINDOW_MS, self.photographs
        while True:
            with self._writer.read() as connection:
                due = photographs_done_with(connection, closed_ms, taken_ms, received_ms, ROWS_MAX)
            if not due:
                break
            self._forget(due)
            self.photographs += len(due)
        if self.photographs > before:
            log.info("photographs_forgotten", results=self.photographs - before, until=closed_ms)

    def _forget_contexts(self) -> None:
        closed_ms, taken_ms = self._over(self._kept_ms)
        received_ms, before = self._clock() - limits.KEEP_WINDOW_MS, self.contexts
        with self._writer.read() as connection:
            devices = devices_with_cases(connection)
        for device in devices:
            with self._writer.read() as connection:
                done, last = contexts_done_with(connection, device, closed_ms, taken_ms, received_ms)
            for at in range(0, len(done), ROWS_MAX):
                some = done[at : at + ROWS_MAX]
                self.contexts += self._writer.run(partial(_forget, device=device, some=some, last=last))
        if self.contexts > before:
            log.info("contexts_forgotten", results=self.contexts - before, until=received_ms)

    def _over(self, kept_ms: int) -> tuple[int, int]:
        """Return before which instants reports were closed, or taken, that are over."""
        now_ms = self._clock()
        return now_ms - kept_ms, now_ms - max(WATCHED_MS, kept_ms)


def _forget(connection: Connection, *, device: str, some: Sequence[str], last: int) -> int:
    return forget_contexts(connection, device, some, last)
