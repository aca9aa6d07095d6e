"""The outbox's file: one connection, two durabilities, and what is done before anything in it is believed.

Rules, each measured (docs/adr and the bench hold the figures):

- `locking_mode=EXCLUSIVE` before the first access: no second process, no shared-memory file, and reopening
  on a full disk works. Never open the database file itself beside SQLite: closing it would drop SQLite's
  locks.
- A commit is *durable* (`synchronous=FULL`: one sync of the write-ahead log) or *relaxed* (`NORMAL`: it
  survives the process, a power cut may take it, and never anything older than it).
- Checkpoints are ours, not SQLite's own: those swallow a failed sync, and the next sync of the same file
  would then succeed although the log has a hole.
- After any failure to read, write or sync, nothing more is done with the file: what it holds is unknown, and
  the page cache would answer as if all were well. The owner restarts.
- At opening, every byte of the write-ahead log is **written again** and synced before anyone looks at it. A
  failed sync leaves pages that are clean in memory and absent on the disk; only writing them makes the next
  sync mean something. The log is enough: what the database file holds beside it was synced by a checkpoint
  that succeeded, because only that lets SQLite reuse the log. Writing in place needs no free space.
- `secure_delete` is off (Debian's SQLite has it on): what is personal is sealed, and overwriting freed pages
  would double the writing of every expiry.

Not here: tables (`schema`), the room that is kept for bad days (`ballast`) and what is written when
(`outbox`, `retention`).
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from shared.adapters.durable_files import sync_folder, write_again
from shared.adapters.outbox.errors import (
    DamagedError,
    DiskFullError,
    OutboxBrokenError,
    OutboxInUseError,
)
from shared.adapters.outbox.schema import Statement, is_ours, migrate

PAGE_BYTES: Final = 4096
CHECKPOINT_COMMITS: Final = 500
"""The log is copied back after this many commits: it stays near 2 MB, and the extra syncs do not show."""
CHECKPOINT_BYTES: Final = 512 * 1024
"""... or after so much was added: on a full disk the ballast must hold what the file has to grow by."""

_PRAGMAS: Final = (
    "locking_mode=EXCLUSIVE",
    f"page_size={PAGE_BYTES}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "wal_autocheckpoint=0",
    "secure_delete=OFF",
    "temp_store=MEMORY",
)
_FULL: Final = "PRAGMA synchronous=FULL"
_NORMAL: Final = "PRAGMA synchronous=NORMAL"


class Tables(NamedTuple):
    """What a file holds.

    Attributes:
        migrate: brings its tables to this version; one of them is `owner`.
        is_ours: tells whether they are.
    """

    migrate: Callable[[sqlite3.Connection], None]
    is_ours: Callable[[sqlite3.Connection], bool]


OUTBOX: Final = Tables(migrate, is_ours)


class Disk:
    """The open file. One thread, or several that take turns."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Take a connection that `open` has prepared."""
        self._connection = connection
        self._log = _log_of(path).open("rb", buffering=0)
        self._durable = True
        self._commits = 0
        self._added = 0
        self._broken = False

    @classmethod
    def open(cls, path: Path, tables: Tables = OUTBOX, *, takes_turns: bool = False) -> Self:
        """Open or create the file, make what it holds durable, and bring its tables to this version.

        Args:
            path: the file.
            tables: what it is to hold.
            takes_turns: several threads use it, one after the other.

        Raises:
            OutboxInUseError: another process owns it.
            DamagedError: its structure is broken.
            DiskFullError: there is no room to create it.
            OutboxBrokenError: the disk failed.
        """
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=not takes_turns)
        try:
            connection.text_factory = lenient_text
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}").fetchall()
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            write_again(_log_of(path))
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise DamagedError(DamagedError.__doc__)
            tables.migrate(connection)
            connection.execute("DELETE FROM owner WHERE FALSE")  # fails where the header says "read only"
            if not tables.is_ours(connection):
                raise DamagedError(DamagedError.__doc__)
            sync_folder(path.parent)
            return cls(path, connection)
        except sqlite3.Error as error:
            connection.close()
            raise translated(error) from error
        except OSError as error:
            connection.close()
            raise OutboxBrokenError(OutboxBrokenError.__doc__) from error
        except (
            UnicodeDecodeError,
            LookupError,
        ) as error:  # what SQLite says of it, or its migrations, is garbled
            connection.close()
            raise DamagedError(DamagedError.__doc__) from error
        except DamagedError:
            connection.close()
            raise

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement.

        Raises:
            DiskFullError: nothing of it was written.
            OutboxBrokenError: the outcome is unknown, or an earlier one was.
        """
        self._refuse_if_broken()
        try:
            return self._connection.execute(sql, parameters)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Run a query and give its rows as they are read.

        Raises:
            OutboxBrokenError: the disk failed, or what it gave makes no sense.
        """
        cursor = self.execute(sql, parameters)
        try:
            yield from cursor
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def commit(self, statements: Sequence[Statement], *, durable: bool, grows: int = 0) -> None:
        """Write all of the statements or none.

        Args:
            statements: one is its own transaction.
            durable: return after the sync; otherwise a power cut may still take it.
            grows: bytes that it adds to the file.

        Raises:
            DiskFullError: nothing was written.
            OutboxBrokenError: the outcome is unknown.
        """
        if durable is not self._durable:
            self.execute(_FULL if durable else _NORMAL)
            self._durable = durable
        if len(statements) == 1:
            self.execute(*statements[0])
        else:
            self.execute("BEGIN IMMEDIATE")
            for sql, parameters in statements:
                self.execute(sql, parameters)
            self.execute("COMMIT")
        self._commits += 1
        self._added += grows

    def sync(self) -> None:
        """Make every relaxed commit durable.

        Raises:
            OutboxBrokenError: the disk failed.
        """
        self._refuse_if_broken()
        try:
            os.fdatasync(self._log)
        except OSError as error:
            self._broken = True
            raise OutboxBrokenError(OutboxBrokenError.__doc__) from error

    @property
    def checkpoint_due(self) -> bool:
        """Whether the log has grown enough to be copied back."""
        return self._commits >= CHECKPOINT_COMMITS or self._added >= CHECKPOINT_BYTES

    def checkpoint(self) -> None:
        """Sync the log and copy it into the database file; the next write begins the log anew.

        Raises:
            DiskFullError: the database file could not grow; nothing is lost, the log goes on.
            OutboxBrokenError: the disk failed.
        """
        self.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        self._commits = self._added = 0

    def used_bytes(self) -> int:
        """Return how much of the database file is in use."""
        (pages,) = self.execute("PRAGMA page_count").fetchone()
        return (pages - self.free_pages()) * PAGE_BYTES

    def free_pages(self) -> int:
        """Return how many pages the database file can fill before it grows."""
        (pages,) = self.execute("PRAGMA freelist_count").fetchone()
        return pages

    def close(self) -> None:
        """Close the file; SQLite copies the log back if it can, and keeps it if it cannot. Twice is once."""
        self._log.close()
        self._connection.close()

    def _refuse_if_broken(self) -> None:
        if self._broken:
            raise OutboxBrokenError(OutboxBrokenError.__doc__)

    def _failed(self, error: sqlite3.Error) -> Exception:
        meaning = translated(error)
        if isinstance(meaning, DiskFullError):
            self._connection.rollback()  # of what SQLite has not rolled back by itself
        else:
            self._broken = True
        return meaning


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def lenient_text(raw: bytes) -> str:
    """Return text that a flipped bit may have made invalid; whoever reads it checks it."""
    return raw.decode(errors="replace")


def translated(error: sqlite3.Error) -> Exception:
    """Return what an error of SQLite means to the outbox's owner."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return error  # misuse, such as another thread: a defect to be seen as it is
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return DiskFullError(DiskFullError.__doc__)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return OutboxInUseError(OutboxInUseError.__doc__)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_NOMEM:
            return OutboxBrokenError(OutboxBrokenError.__doc__)
        case _:  # what we ask makes no sense to the file: its header or schema is not what we wrote
            return DamagedError(DamagedError.__doc__)
