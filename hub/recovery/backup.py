"""A backup: the whole database in one file, proven before it gets its name, with a manifest beside it.

The hub may run meanwhile. What is not in the file: the keys (they have their own second copy) and whatever is
committed after the moment at which it was begun; the journal copy has that (`hub.db.journal_copy`).
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import structlog

from hub.db.backup import copy_database
from hub.db.copies import CopyRefusedError, examine, recognise
from hub.recovery.manifest import FORMAT, SUFFIX, Manifest, fingerprint, manifest_path, write_manifest
from shared.adapters.durable_files import make_folder, sync_folder
from shared.model.errors import InputError

NAME: Final = "hub-{:%Y%m%dT%H%M%SZ}.db"
PATTERN: Final = "hub-*.db"

log = structlog.get_logger(__name__)


def make_backup(url: str, target: Path, now_ms: int) -> Manifest:
    """Copy a database, prove the copy, and say beside it what it is.

    Args:
        url: the database; it must be SQLite.
        target: the copy; it must not be there yet.
        now_ms: the hub's time, Unix epoch.

    Raises:
        InputError: the database is not SQLite, or the copy is there already.
        CopyRefusedError: the copy is not whole, so the database is not either; nothing is left behind.
        TransientError: the database cannot be read, or the copy cannot be written.
        OSError: the manifest cannot be written.
    """
    if target.exists() or manifest_path(target).exists():
        raise InputError(f"{target} is there already; name a new file")
    passing = target.with_name(f".{target.name}.unproven")
    passing.unlink(missing_ok=True)
    try:
        size = copy_database(url, passing)
        recognise(passing)
        found = examine(passing)
        manifest = Manifest(
            format=FORMAT,
            version=version("ventanilla"),
            schema=found.schema,
            made_ms=now_ms,
            bytes=size,
            sha256=fingerprint(passing),
            incarnation=found.incarnation,
            beat=found.beat,
            until_ms=found.until_ms,
            events=found.events,
            entries=found.books.entries,
            journal_hash=found.books.journal_hash,
            balanced=found.books.is_clean,
        )
        write_manifest(target, manifest)
        passing.rename(target)
        sync_folder(target.parent)
    except CopyRefusedError as error:
        raise CopyRefusedError(
            f"the database itself is damaged ({error}); restore an earlier backup"
        ) from error
    finally:
        passing.unlink(missing_ok=True)
    return manifest


class Backups:
    """The hub's own backups: one every so often, the oldest go."""

    def __init__(self, url: str, folder: Path, *, every_ms: int, kept: int, clock: Callable[[], int]) -> None:
        """Begin without having looked.

        Args:
            url: the database.
            folder: where backups go, on another disk.
            every_ms: the pause between two.
            kept: how many are kept.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self._url = url
        self._folder = folder
        self._every_ms = every_ms
        self._kept = kept
        self._clock = clock

    def run(self) -> None:
        """Make a backup if the newest is old enough, and remove those that are too many.

        Raises:
            TransientError: the disk is full or away.
            CopyRefusedError: the database is damaged; no backup is removed.
            OSError: the folder cannot be written.
        """
        make_folder(self._folder)
        present = sorted(self._folder.glob(PATTERN))
        now_ms = self._clock()
        if present and now_ms - present[-1].stat().st_mtime_ns // 1_000_000 < self._every_ms:
            return
        name = NAME.format(datetime.fromtimestamp(now_ms / 1000, tz=UTC))
        manifest = make_backup(self._url, self._folder / name, now_ms)
        os.utime(self._folder / name, (now_ms / 1000, now_ms / 1000))
        log.info("backup_made", path=name, bytes=manifest.bytes, events=manifest.events)
        for old in [*present, self._folder / name][: -self._kept]:
            old.unlink()
            old.with_name(old.name + SUFFIX).unlink(missing_ok=True)
