"""What a database error means to the caller: try again, shed load, or neither.

A failed COMMIT or a failed fsync leaves the outcome unknown: the rows may be there. Whoever tries again must
be idempotent, as every job of the hub is by its event id or effect key.

Source: sqlite.org/rescode.html; PostgreSQL 15, appendix A (SQLSTATE classes 08, 40, 53, 55, 57, 58).
"""

import sqlite3

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    NotSupportedError,
    PendingRollbackError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.model.errors import CapacityError, TransientError, VentanillaError

_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_TOOBIG})
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_PASSING_CLASSES = frozenset({"08", "40", "55", "57", "58"})
_FULL_CLASS = "53"
READING_FAILED = (SQLAlchemyError, VentanillaError)
"""What may come of reading the database, for who goes on without."""
_OF_THE_STATEMENT = (DataError, ProgrammingError, NotSupportedError)
"""What the driver may refuse by itself, with no SQLSTATE: it would be refused the same every time."""


def family(error: BaseException) -> VentanillaError | None:
    """The family of an error that a job or a COMMIT raised; None if it is neither passing nor full."""
    match error:
        case (sqlite3.Error() as cause) | DBAPIError(orig=sqlite3.Error() as cause):
            return _of_sqlite(cause)
        case DBAPIError():
            return _of_postgresql(error)
        case PoolTimeoutError() | PendingRollbackError():
            return TransientError("no connection to the database is free; try again")
        case _:
            return None


def _of_sqlite(cause: sqlite3.Error) -> VentanillaError | None:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in _FULL:
        return CapacityError("the hub's disk is full; make room, nothing that was confirmed is lost")
    if code in _PASSING:
        return TransientError("the hub's database could not be written; try again and look at the disk")
    return None


def _of_postgresql(error: DBAPIError) -> VentanillaError | None:
    if isinstance(error, _OF_THE_STATEMENT):
        return None
    state = str(getattr(error.orig, "sqlstate", None) or "")[:2]
    if state == _FULL_CLASS:
        return CapacityError("the database server has no room left; make room, nothing confirmed is lost")
    if error.connection_invalidated or not state or state in _PASSING_CLASSES:
        return TransientError("the database server could not be reached or gave way; try again")
    return None
