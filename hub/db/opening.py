"""Opening a database for a process: schema brought up to date or checked, and failures told in a sentence.

writer = open_database(url)                  # the hub
with reading(url) as connection: ...         # a command line that only looks
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from hub.db.engine import open_reader, open_writer
from hub.db.schema import check, newest, version_of
from hub.db.writer import Writer
from shared.model.errors import DeviceError


class DatabaseAwayError(DeviceError):
    """The database cannot be opened; look at database_url, at its folder, or at its server."""


def open_database(url: str, after_commit: Callable[[], None] | None = None) -> Writer:
    """Brings the schema up to date and starts the one thread that writes.

    Args:
        url: the database; see `hub.db.engine.open_writer`.
        after_commit: see `hub.db.writer.Writer`.

    Raises:
        DatabaseAwayError: it cannot be opened.
        InputError: the URL names another database, or the schema is of a newer hub.
    """
    bring_up_to_date(url)
    return Writer(open_writer(url), open_reader(url), after_commit=after_commit)


def bring_up_to_date(url: str) -> None:
    """Makes the schema, or brings it up to date.

    Raises:
        DatabaseAwayError: it cannot be opened.
        InputError: the URL names another database, or the schema is of a newer hub.
    """
    try:
        if _is_current(url):
            return
        from hub.db.migrate import upgrade  # noqa: PLC0415  most starts do without

        upgrade(url)
    except (SQLAlchemyError, OSError) as error:
        raise DatabaseAwayError(DatabaseAwayError.__doc__) from error


@contextmanager
def reading(url: str) -> Generator[Connection]:
    """Gives a connection that only reads, on one snapshot, of a database with this version's schema.

    Raises:
        DatabaseAwayError: it cannot be opened.
        InputError: the URL names another database, or the schema is of another version.
    """
    engine = open_reader(url)
    try:
        with engine.connect() as connection:
            check(connection)
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseAwayError(DatabaseAwayError.__doc__) from error
    finally:
        engine.dispose()


def _is_current(url: str) -> bool:
    engine = open_writer(url)
    try:
        with engine.connect() as connection:
            return version_of(connection) == newest()
    finally:
        engine.dispose()
