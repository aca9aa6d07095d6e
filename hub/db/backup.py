"""A whole copy of a SQLite database, also while the hub writes to it.

The copy is made on a connection that only reads, of one snapshot, into a file that gets its name when it is
complete and durable. PostgreSQL brings tools of its own.

Source: sqlite.org/lang_vacuum.html (VACUUM INTO).
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from shared.adapters.durable_files import sync_folder
from shared.model.errors import InputError, TransientError


def copy_database(url: str, target: Path) -> int:
    """Copy a database.

    Args:
        url: the database; it must be SQLite.
        target: the copy; it must not be there yet.

    Returns:
        The size of the copy in bytes.

    Raises:
        InputError: the database is not SQLite, or the copy is there already.
        TransientError: the database cannot be read, or the copy cannot be written.
    """
    place = make_url(url)
    if place.get_backend_name() != "sqlite":
        raise InputError("only SQLite is copied by this command; for PostgreSQL use pg_dump")
    if target.exists():
        raise InputError(f"{target} is there already; name a new file")
    passing = target.with_name(f".{target.name}.new")
    passing.unlink(missing_ok=True)
    try:
        os.close(os.open(passing, os.O_CREAT | os.O_EXCL, 0o600))  # what citizens wrote is nobody else's
        source = sqlite3.connect(f"file:{place.database}?mode=ro", uri=True, isolation_level=None)
        with closing(source):
            source.execute("VACUUM INTO ?", (str(passing),))
        sync_file(passing)
        passing.replace(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        passing.unlink(missing_ok=True)
        raise TransientError("the copy could not be made; look at both disks, then repeat") from error
    return target.stat().st_size


def sync_file(path: Path) -> None:
    """Make a file's content durable.

    Raises:
        OSError: its disk failed.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
