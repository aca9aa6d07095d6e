"""Connections: one that writes, and others that only read; SQLite by default, PostgreSQL by its URL.

Rules on SQLite:
- One connection writes, checkpoints and migrates; below 3.51.3 a second one could lose committed pages (the
  WAL-reset bug). Every other connection is opened with `mode=ro`: the rule cannot be broken by mistake.
- WAL with `synchronous=FULL`: COMMIT returns when the transaction is on the disk. Where SQLite could not make
  its log it would go on without one, and COMMIT would promise less; that is an error here.
- At opening, every byte of the log is written again and synced before anyone looks at it: a commit whose sync
  failed is still readable then, and all that is written after it stands on it.
- `recursive_triggers` is on: without it INSERT OR REPLACE would delete a row of the ledger unseen.

Source: sqlite.org/wal.html#walresetbug, sqlite.org/pragma.html, sqlite.org/lang_conflict.html (REPLACE).
"""

import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from shared.adapters.durable_files import sync_folder, write_again
from shared.model.errors import InputError

__all__ = ["Connection", "Engine", "changes", "open_reader", "open_writer", "sqlite_path", "sqlite_url"]

BUSY_TIMEOUT_MS = 5_000
CACHE_KIB = 32 * 1024
"""The writer's pages. With 500 devices and 120,000 events, 16, 32 and 64 MiB cost the same processor time."""
READERS_MAX = 8

_WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    f"cache_size=-{CACHE_KIB}",
)
_DIALECTS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}


def sqlite_url(path: Path) -> str:
    """The URL of a database file."""
    return f"sqlite:///{path.absolute()}"


def sqlite_path(url: str) -> Path | None:
    """The file of a database; None where it is not SQLite, or in memory."""
    target = _checked(url)
    in_file = target.get_backend_name() == "sqlite" and target.database not in (None, "", ":memory:")
    return Path(str(target.database)) if in_file else None


def open_writer(url: str) -> Engine:
    """Opens the engine of the one connection that writes; the file is made if it is not there.

    Args:
        url: `sqlite:///<absolute path>`, `sqlite://` (in memory, for simulations), or `postgresql://…`.

    Raises:
        InputError: the URL names another database.
    """
    target = _checked(url)
    if target.get_backend_name() == "postgresql":
        return create_engine(target, pool_size=1, max_overflow=0, pool_pre_ping=True)
    if target.database in (None, "", ":memory:"):
        engine = create_engine(target, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(
            target,
            pool_size=1,
            max_overflow=0,
            connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
        )

    def prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # BEGIN is ours, see below
        for pragma in _WRITER_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()  # to its end: only then does it tell a failure
        if target.database not in (None, "", ":memory:"):
            _make_durable(connection, Path(str(target.database)))

    def begin(connection: Connection) -> None:
        connection.connection.cursor().execute("BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def open_reader(url: str) -> Engine:
    """Opens the engine of the connections that only read; the database must be there.

    Raises:
        InputError: the URL names another database, or one in memory, which only its writer sees.
    """
    target = _checked(url)
    if target.get_backend_name() == "postgresql":
        options = "-c default_transaction_read_only=on"
        return create_engine(
            target,
            pool_size=READERS_MAX,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"options": options},
        )
    if target.database in (None, "", ":memory:"):
        raise InputError("a database in memory has no readers; give it a file")
    path = f"file:{target.database}"
    engine = create_engine(
        target.set(database=path, query={"mode": "ro", "uri": "true"}),
        pool_size=READERS_MAX,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )

    def prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA query_only=ON")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def changes(connection: Connection) -> int:
    """A number that is another one as soon as a transaction has changed something."""
    is_sqlite = connection.dialect.name == "sqlite"
    count = "total_changes()" if is_sqlite else "coalesce(pg_current_xact_id_if_assigned()::text, '0')"
    return int(connection.exec_driver_sql(f"SELECT {count}").scalar_one())


def _checked(url: str) -> URL:
    target = make_url(url)
    dialect = _DIALECTS.get(target.get_backend_name())
    if dialect is None:
        raise InputError("the database is SQLite or PostgreSQL; give sqlite:///… or postgresql://…")
    return target.set(drivername=dialect)


def _make_durable(connection: sqlite3.Connection, path: Path) -> None:
    """Makes what the file holds durable, its name included, before anyone relies on it.

    Without the sync of the folder a power cut may bring an older journal back.
    """
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        raise sqlite3.OperationalError("the database cannot have its write-ahead log")
    connection.execute("BEGIN IMMEDIATE")  # nobody else writes to the log meanwhile
    write_again(path.with_name(f"{path.name}-wal"))
    connection.execute("ROLLBACK")
    sync_folder(path.parent)
