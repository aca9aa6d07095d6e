"""Which life of the hub this is, and whether the database remembers all of the one before.

A database that was put back from a backup has forgotten what the core has heard since. Devices send their
events again, so nothing is lost; but what is then sent to the core once more would take effect twice where
the core keeps no keys. So from a restore on, for the keep window, every effect goes to the core as one that
may be there already: connectors look before they send (`hub.forwarder.caution`).

A restore is recognised in two ways: at the start, because the key folder knows a later life or beat than the
database; and while running, because a device knows a later incarnation than the key folder (the whole machine
was put back). Restores that fall between two beats are not recognised; they are `BEAT_S` long at most.

Rules: the database's note is committed before the key folder's; caution is kept in the database.
"""

from collections.abc import Callable
from typing import Final

import structlog

from hub.db.engine import Connection
from hub.db.lives import LifeRepository
from hub.db.register_repositories import ExceptionRepository
from hub.db.writer import Writer
from hub.keys.database_mark import DatabaseMark, Mark
from hub.keys.incarnation import Incarnation
from shared.protocol import limits

BEAT_S: Final = 15.0
RESTORED: Final = "hub_restored"
"""The kind of the exception that tells of a database that was put back."""

log = structlog.get_logger(__name__)


class HubLife:
    """This life of the hub.

    Attributes:
        restored: whether the database was put back before this start.
    """

    def __init__(
        self, writer: Writer, mark: DatabaseMark, incarnation: Incarnation, clock: Callable[[], int]
    ) -> None:
        """Begin without having looked.

        Args:
            writer: the database.
            mark: the key folder's note of how far the database has come.
            incarnation: of this start.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self.restored = False
        self._writer = writer
        self._file = mark
        self._incarnation = incarnation
        self._clock = clock
        self._here = Mark(incarnation.value, 0)
        self._cautious_until_ms = 0
        self._commits: int = 0

    def begin(self) -> None:
        """Note this start in the database and in the key folder.

        Raises:
            TransientError: the database cannot be written.
            OSError: the key folder cannot be written.
        """
        with self._writer.read() as connection:
            last = LifeRepository(connection).last()
        if last is not None:  # keys that were put back from an old backup, against all advice
            self._incarnation.rise_above(last.incarnation)
            self._incarnation.keep()
        self._here = Mark(self._incarnation.value, 0)
        seen = self._file.read()

        def job(connection: Connection) -> tuple[bool, int]:
            lives, now_ms = LifeRepository(connection), self._clock()
            known = lives.last()
            restored = seen is not None and (known is None or known < seen)
            lives.begin(self._here.incarnation, now_ms)
            if restored:
                lives.be_cautious(now_ms + limits.KEEP_WINDOW_MS)
                _tell_clerk(connection, known, seen, now_ms)
            return restored, lives.cautious_until_ms()

        self.restored, self._cautious_until_ms = self._writer.run(job)
        self._file.write(self._here)
        if self.restored:
            log.error("hub_restored", incarnation=self.incarnation, until=self._cautious_until_ms)

    def beat(self) -> None:
        """Note that this life goes on, if the database has changed since the last beat.

        Also while it cannot be written: the beat finds out when it can.

        Raises:
            TransientError: the database cannot be written.
            OSError: the key folder cannot be written.
        """
        if self._writer.commits_total == self._commits and not self._writer.failing:
            return
        here = Mark(self._here.incarnation, self._here.beat + 1)
        self._writer.run(lambda connection: LifeRepository(connection).beat(here, self._clock()))
        self._here = here
        self._file.write(here)
        self._commits = self._writer.commits_total

    def know_that_behind(self, connection: Connection, now_ms: int) -> None:
        """A device knew a later life: the whole machine was put back. In the transaction that found out."""
        until_ms = now_ms + limits.KEEP_WINDOW_MS
        LifeRepository(connection).be_cautious(until_ms)
        self._cautious_until_ms = max(self._cautious_until_ms, until_ms)
        log.error("hub_behind", until=until_ms)

    @property
    def incarnation(self) -> int:
        """The incarnation in force."""
        return self._incarnation.value

    @property
    def is_cautious(self) -> bool:
        """Whether the core may know more than the database."""
        return self._clock() < self._cautious_until_ms

    @property
    def cautious_until_ms(self) -> int:
        """Until when; 0 if it never was."""
        return self._cautious_until_ms


def _tell_clerk(connection: Connection, known: Mark | None, seen: Mark | None, now_ms: int) -> None:
    exceptions = ExceptionRepository(connection)
    detail = {
        "database": None if known is None else list(known),
        "keys": None if seen is None else list(seen),
    }
    exceptions.open(RESTORED, None, detail, now_ms)
    exceptions.flush()
