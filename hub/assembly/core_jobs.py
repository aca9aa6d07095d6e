"""Jobs that have to do with the core: it is asked what it says, and what was put off becomes due."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import structlog

from hub.assembly.towards_core import tells_photographs
from hub.clock import now_ms
from hub.config import HubConfig
from hub.db.engine import sqlite_path
from hub.db.outgoing_repository import OutgoingRepository
from hub.db.writer import Writer
from hub.jobs.late_photographs import LatePhotographs
from hub.jobs.life import BEAT_S
from hub.jobs.mailbox_answers import MailboxAnswers
from hub.jobs.report_updates import ReportUpdates
from hub.jobs.timetable import Job

SWEEP_EVERY_S: Final = 60.0
PHOTOGRAPHS_EVERY_S: Final = 10.0

log = structlog.get_logger(__name__)


def core_jobs(
    config: HubConfig,
    writer: Writer,
    wake: Callable[[], None],
    updates: ReportUpdates,
    answers: MailboxAnswers,
) -> Iterator[Job]:
    """Return them.

    Args:
        config: the settings.
        writer: the database.
        wake: told that there is work for the core.
        updates: asks how reports stand.
        answers: asks what is answered to what citizens wrote.
    """
    yield from _sweeping(config, writer, wake)
    yield from _answering(config, updates, answers)
    yield from _photographs(config, writer, wake)


def _sweeping(config: HubConfig, writer: Writer, wake: Callable[[], None]) -> Sequence[Job]:
    """Make due what a clock that was ahead put off, and what nobody woke; SQLite's one writer leaves none."""

    def pull_back() -> None:
        if count := writer.run(lambda connection: OutgoingRepository(connection).pull_back(now_ms())):
            log.warning("clock_was_ahead", effects=count)
            wake()

    def sweep() -> None:
        if writer.run(lambda connection: OutgoingRepository(connection).sweep(now_ms())):
            wake()

    put_off = Job(name="put off", every_s=BEAT_S, run=pull_back, at_once=True)
    is_alone = sqlite_path(config.database) is not None
    return (put_off,) if is_alone else (put_off, Job(name="parked effects", every_s=SWEEP_EVERY_S, run=sweep))


def _answering(config: HubConfig, updates: ReportUpdates, answers: MailboxAnswers) -> Iterator[Job]:
    """Ask the core, where there is one, what it says of reports and of what citizens wrote."""
    if config.open311_url and (every_s := config.open311_updates_every_s):
        yield Job(name="updates of reports", every_s=every_s, run=updates.run)
    if config.mailbox_url and (every_s := config.mailbox_answers_every_s):
        yield Job(name="answers", every_s=every_s, run=answers.run)


def _photographs(config: HubConfig, writer: Writer, wake: Callable[[], None]) -> Iterator[Job]:
    late = LatePhotographs(writer, now_ms, wake, core_takes_them=tells_photographs(config))
    yield Job(name="late photographs", every_s=PHOTOGRAPHS_EVERY_S, run=late.run)
