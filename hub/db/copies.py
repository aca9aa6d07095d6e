"""Copies of a SQLite database: is one ours and whole, how far does it reach, and what does it lack.

    recognise(path)               # raises where a file is not a hub's database, or a newer hub's
    found = examine(path)         # whole pages, known schema, books that balance
    lacking(connection, found)    # what the database that is to be replaced holds beyond it

Rules: a copy is judged by its content, never by its name. What is read here is never written, but for
`be_cautious`, which marks a copy before it becomes the hub's database.

Source: sqlite.org/pragma.html#pragma_integrity_check, sqlite.org/fileformat2.html (the header).
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.ledger_audit import audit
from hub.db.lives import LifeRepository
from hub.db.schema import is_known
from hub.db.tables import device_epoch, device_state, exception, hub_life, inbox
from hub.domain.payments.audit import AuditReport
from shared.model.errors import InputError, TransientError

_HEADER: Final = b"SQLite format 3\0"
_PROBLEMS_SHOWN: Final = 3
KEEP_KEY: Final = "keep."
"""A device's health key that says that acknowledged lines went before their keep window had passed."""


class CopyRefusedError(InputError):
    """This copy cannot become the hub's database; take another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a copy holds.

    Attributes:
        schema: the step of the migrations that it has.
        incarnation: the last life of the hub that it knows; 0 where it never had one.
        beat: that life's last beat.
        until_ms: when that was, by the hub's clock.
        events: events that were taken.
        last_inbox: the number of the last one.
        books: the audit of every day.
    """

    schema: str
    incarnation: int
    beat: int
    until_ms: int
    events: int
    last_inbox: int
    books: AuditReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """What a database holds beyond a copy, by device.

    Attributes:
        events: how many events came after the copy.
        vanished: of those, how many are of epochs that the device lists no more: it cannot send them again.
        kept_less: what a device said of a keep window that it could not hold, by stream.
        decided: cases that a clerk closed after the copy.
    """

    events: dict[str, int]
    vanished: dict[str, int]
    kept_less: dict[str, dict[str, str]]
    decided: int


def check_header(path: Path) -> None:
    """See that a file is a SQLite database.

    Raises:
        CopyRefusedError: it is none.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_HEADER)) != _HEADER:
            raise CopyRefusedError("this is not a database; name a copy that `ventanilla hub backup` made")


def recognise(path: Path) -> str:
    """Look at a file's header, its pages and its schema.

    Returns:
        The step of the migrations that it has.

    Raises:
        CopyRefusedError: it is no database of a hub, or of a newer one.
        OSError: it cannot be read.
    """
    check_header(path)
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            if not {"alembic_version", hub_life.name, inbox.name} <= tables:
                raise CopyRefusedError("this is no hub's database; name a copy of one")
            (schema,) = database.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
            problems = [str(row[0]) for row in database.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        raise CopyRefusedError(f"the copy is damaged ({error}); take another one") from error
    if problems != ["ok"]:
        shown = "; ".join(problems[:_PROBLEMS_SHOWN])
        raise CopyRefusedError(f"the copy is damaged ({shown}); take another one")
    if not is_known(schema):
        raise CopyRefusedError(
            f"the copy is of a newer hub (schema {schema}); install that version, then repeat"
        )
    return schema


def examine(path: Path) -> Examined:
    """Read a copy that has this version's schema, and audit its books.

    Raises:
        CopyRefusedError: it cannot be read to its end.
    """
    engine = open_reader(sqlite_url(path))
    try:
        with engine.connect() as connection:
            last = LifeRepository(connection).last()
            beat_ms = select(func.max(hub_life.c.beat_ms))
            return Examined(
                schema=str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()),
                incarnation=0 if last is None else last.incarnation,
                beat=0 if last is None else last.beat,
                until_ms=connection.execute(beat_ms).scalar_one() or 0,
                events=connection.execute(select(func.count()).select_from(inbox)).scalar_one(),
                last_inbox=connection.execute(select(func.max(inbox.c.id))).scalar_one() or 0,
                books=audit(connection),
            )
    except SQLAlchemyError as error:
        raise CopyRefusedError("the copy cannot be read to its end; take another one") from error
    finally:
        engine.dispose()


def be_cautious(path: Path, until_ms: int) -> None:
    """Mark a copy: until then the core may know more than it does.

    Raises:
        TransientError: it cannot be written.
    """
    engine = open_writer(sqlite_url(path))
    try:
        with engine.begin() as connection:
            LifeRepository(connection).be_cautious(until_ms)
    except SQLAlchemyError as error:
        raise TransientError("the copy cannot be written; look at the disk, then repeat") from error
    finally:
        engine.dispose()


def lacking(connection: Connection, copy: Examined) -> Lacking:
    """Tell what a database holds beyond a copy of an earlier hour.

    Args:
        connection: of the database that is to be replaced.
        copy: the copy.
    """
    came_later = inbox.c.id > copy.last_inbox
    by_device = select(inbox.c.device, func.count()).where(came_later).group_by(inbox.c.device)
    listed = select(device_epoch.c.epoch).where(
        device_epoch.c.device == inbox.c.device,
        device_epoch.c.stream == inbox.c.stream,
        device_epoch.c.epoch == inbox.c.epoch,
        device_epoch.c.position >= 0,
    )
    kept_less: dict[str, dict[str, str]] = {}
    said = select(device_state).where(device_state.c.key.startswith(KEEP_KEY, autoescape=True))
    for row in connection.execute(said.order_by(device_state.c.device, device_state.c.key)):
        kept_less.setdefault(row.device, {})[row.key.removeprefix(KEEP_KEY)] = row.detail or row.state
    closed = select(func.count()).select_from(exception).where(exception.c.resolved_ms > copy.until_ms)
    return Lacking(
        events=_counts(connection, by_device),
        vanished=_counts(connection, by_device.where(~listed.exists())),
        kept_less=kept_less,
        decided=connection.execute(closed).scalar_one(),
    )


def _counts(connection: Connection, query: Select[Any, int]) -> dict[str, int]:
    return {str(row[0]): int(row[1]) for row in connection.execute(query)}
