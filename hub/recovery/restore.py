"""Putting a copy in the place of the hub's database, and saying what follows from it.

    prepared = prepare(copy, beside)     # proven under a passing name; nothing is touched yet
    aside = put_in_place(prepared, database, now_ms)

Rules:
- The hub is stopped: whoever calls this holds the key folder's lock.
- What is not ours, damaged, or of a newer hub is refused before anything is touched.
- What is replaced is kept aside, under the hour of the restore.
- A restored database is cautious at once: effects are looked for in the core before they are sent.
"""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hub.db.backup import sync_file
from hub.db.copies import CopyRefusedError, Examined, be_cautious, check_header, examine, recognise
from hub.db.engine import sqlite_url
from hub.db.journal_replay import Replayed, is_journal_copy, replay, take_over
from hub.db.opening import bring_up_to_date
from hub.recovery.manifest import fingerprint, read_manifest
from shared.adapters.durable_files import make_folder, sync_folder
from shared.model.errors import InputError
from shared.protocol import limits

ASIDE: Final = "replaced-{:%Y%m%dT%H%M%SZ}"
_BESIDE: Final = ("-wal", "-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A copy that was proven.

    Attributes:
        path: where it lies now, with this version's schema.
        found: what it holds.
        schema_before: what schema it came with.
        replayed: what the journal copy gave; None for a backup.
    """

    path: Path
    found: Examined
    schema_before: str
    replayed: Replayed | None


@contextmanager
def prepared(source: Path, folder: Path) -> Generator[Prepared]:
    """Make a database of a copy, in a folder, and prove it; it is removed at the end if it is still there.

    Args:
        source: a backup, a copy made by other means (with its `-wal`), or a journal copy's folder.
        folder: where the database is made.

    Raises:
        CopyRefusedError: the copy is not ours, damaged, or of a newer hub.
        DatabaseAwayError: its schema cannot be brought up to date.
        OSError: a disk is full or missing.
    """
    path = folder / ".restoring.db"
    _remove(path)
    try:
        path.touch(mode=0o600)
        replayed = None
        if is_journal_copy(source):
            replayed = replay(source, path)
        elif source.is_file():
            _copy_file(source, path)
        else:
            raise CopyRefusedError(
                f"{source} is neither a backup nor a journal copy; name a file that `ventanilla hub backup` "
                "made, or the folder in journal_copy_dir"
            )
        before = recognise(path)
        bring_up_to_date(sqlite_url(path))
        found = examine(path)
        if not found.books.is_clean:
            raise CopyRefusedError(
                f"the books in {source} do not balance; take another copy, call the auditor"
            )
        yield Prepared(path=path, found=found, schema_before=before, replayed=replayed)
    finally:
        _remove(path)


def put_in_place(copy: Prepared, database: Path, now_ms: int) -> Path | None:
    """Put a proven copy where the hub's database is.

    Args:
        copy: on the same file system.
        database: the hub's.
        now_ms: the hub's time, Unix epoch.

    Returns:
        The folder in which the replaced database lies now; None where there was none.

    Raises:
        OSError: the folder cannot be written; the hub's database is where it was.
    """
    be_cautious(copy.path, now_ms + limits.KEEP_WINDOW_MS)
    sync_file(copy.path)
    aside = None
    if database.exists():
        aside = database.parent / ASIDE.format(datetime.fromtimestamp(now_ms / 1000, tz=UTC))
        if aside.exists():
            raise InputError(f"{aside} is there already; wait a second, then repeat")
        make_folder(aside)
        # At every moment a database lies in place: the old one, the old one without its log, the new one.
        (aside / database.name).hardlink_to(database)
        for path in _with_logs(database)[1:]:
            if path.exists():
                path.rename(aside / path.name)
        sync_folder(aside)
    copy.path.rename(database)
    sync_folder(database.parent)
    return aside


def _copy_file(source: Path, target: Path) -> None:
    """Copy a single file, checked against its manifest, with the log that lies beside it.

    Raises:
        CopyRefusedError: it is not what its manifest says.
    """
    manifest = read_manifest(source)
    shutil.copyfile(source, target)
    if manifest is not None and fingerprint(target) != manifest.sha256:
        raise CopyRefusedError(f"{source} is not what its manifest says: it was changed; take another copy")
    log = source.with_name(source.name + "-wal")
    if manifest is None and log.is_file():
        check_header(target)
        take_over(log, target)


def _with_logs(path: Path) -> list[Path]:
    return [path, *(path.with_name(path.name + suffix) for suffix in _BESIDE)]


def _remove(path: Path) -> None:
    for file in _with_logs(path):
        file.unlink(missing_ok=True)
