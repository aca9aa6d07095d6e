"""Brings a database to this version of the schema, and refuses one that is newer.

The steps are package data, so this works from any folder and from an installed wheel. All steps that are
missing run in one transaction: a power cut leaves the old schema or the new one.
"""

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from sqlalchemy import Connection, text

from hub.db.engine import open_writer
from hub.db.schema import STEPS
from shared.model.errors import InputError

_LOCK = 0x76_65_6E_74
"""PostgreSQL's advisory lock of this project: two hubs that start together migrate one after the other."""


def upgrade(url: str) -> None:
    """Makes the schema, or brings it up to date.

    Args:
        url: the database; see `hub.db.engine.open_writer`.

    Raises:
        InputError: the URL names another database, or the schema is of a newer hub.
    """
    engine = open_writer(url)
    try:
        with engine.connect() as connection, connection.begin():
            upgrade_on(connection)
    finally:
        engine.dispose()


def upgrade_on(connection: Connection) -> None:
    """The same on a connection that is in a transaction, e.g. to a database in memory.

    Raises:
        InputError: the schema is of a newer hub.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    steps = ScriptDirectory(str(STEPS))
    context = MigrationContext.configure(connection)
    here = context.get_current_revision()
    try:
        missing = list(steps.iterate_revisions("heads", here or "base"))
    except ResolutionError as error:
        raise InputError(
            "the database is of a newer hub; install that version, or restore a backup"
        ) from error
    for step in reversed(missing):
        with Operations.context(context):
            step.module.upgrade()
        context.stamp(steps, step.revision)
