"""The data's second copies: every commit to another disk, and a backup every so often.

The keys have theirs in `hub.keys.files`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from hub.config import HubConfig
from hub.db.engine import sqlite_path
from hub.db.journal_copy import JournalCopy
from hub.db.writer import Writer
from hub.jobs.timetable import Job
from hub.recovery.backup import Backups
from shared.adapters.durable_files import make_folder

LOOK_EVERY_S: Final = 60.0
BACKUP_LOOK_S: Final = 600.0
_HOUR_MS: Final = 3_600_000


def make_journal_copy(config: HubConfig, clock: Callable[[], int]) -> JournalCopy | None:
    """Make the second copy of every commit; None where there is none.

    Raises:
        OSError: its folder cannot be made.
    """
    database = sqlite_path(config.database)
    if config.journal_copy_dir is None or database is None:
        return None
    make_folder(config.journal_copy_dir)
    return JournalCopy(database, config.journal_copy_dir, clock)


def copy_jobs(
    config: HubConfig, writer: Writer, journal_copy: JournalCopy | None, clock: Callable[[], int]
) -> Sequence[Job]:
    """Return the timed work of the second copies."""
    jobs: list[Job] = []
    if journal_copy is not None:
        jobs.append(
            Job(
                name="journal copy",
                every_s=LOOK_EVERY_S,
                run=lambda: journal_copy.keep(lambda: writer.run(lambda _connection: None)),
                at_once=True,
            )
        )
    if config.backup_dir is not None:
        backups = Backups(
            config.database,
            config.backup_dir,
            every_ms=config.backup_every_h * _HOUR_MS,
            kept=config.backups_kept,
            clock=clock,
        )
        jobs.append(Job(name="backup", every_s=BACKUP_LOOK_S, run=backups.run, at_once=True))
    return jobs
