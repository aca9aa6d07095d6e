"""Which version of the schema a database has, and which one this code has; `hub.db.migrate` leads there.

A hub that starts on a database of its own version does not load what migrates.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from shared.model.errors import InputError

STEPS: Final = Path(__file__).parent / "migrations"
_TABLE: Final = "alembic_version"


def newest() -> str:
    """Return the newest version that this code knows: the number of its last step, `r0011_….py` is 0011."""
    return max(_numbers())


def is_known(version: str) -> bool:
    """Whether a version is this code's newest, or one that it can bring up to date."""
    return version in _numbers()


def version_of(connection: Connection) -> str | None:
    """Return the version that a database has; None where it has none yet."""
    if not inspect(connection).has_table(_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608  its own name


def check(connection: Connection) -> None:
    """Make sure that the schema is of this version, before a hub works on it.

    Raises:
        InputError: it is older or newer.
    """
    if version_of(connection) != newest():
        raise InputError("the database is of another version; run `ventanilla hub migrate` of this one")


def _numbers() -> set[str]:
    numbers = {path.stem[1:].partition("_")[0] for path in (STEPS / "versions").glob("r*.py")}
    if not numbers:
        raise InputError("the migrations are not installed; install the hub again")
    return numbers
