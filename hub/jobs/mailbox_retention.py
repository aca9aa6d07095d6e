"""What citizens wrote into the mailbox, and how to reach them, ends with what it was given for.

So many days after the hub took it, and once the core has it, an entry keeps its code, its kind and what it
speaks of; its words, names and numbers go, from the register and from the work that the core has done.
"""

from collections.abc import Callable
from typing import Final

import structlog

from hub.db.mailbox_repository import forget_words
from hub.db.writer import Writer

_DAY_MS: Final = 86_400_000
ROWS_MAX: Final = 200
"""Entries of one transaction: ingest never waits long behind it."""

log = structlog.get_logger(__name__)


class MailboxRetention:
    """Forgets what is due.

    Attributes:
        forgotten: entries that lost their words, since the start.
    """

    def __init__(self, writer: Writer, kept_days: int, clock: Callable[[], int]) -> None:
        """Begin with nothing forgotten.

        Args:
            writer: the database.
            kept_days: for how long words are kept.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self.forgotten = 0
        self._writer = writer
        self._kept_ms = kept_days * _DAY_MS
        self._clock = clock

    def run(self) -> None:
        """Forget everything that is due.

        Raises:
            TransientError: the database cannot be written.
        """
        before_ms, total = self._clock() - self._kept_ms, 0
        while count := self._writer.run(lambda connection: forget_words(connection, before_ms, ROWS_MAX)):
            total += count
            self.forgotten += count
        if total:
            log.info("mailbox_forgotten", results=total, until=before_ms)
