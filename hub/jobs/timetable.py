"""Work that is due every so often, each job for itself: one that fails is logged and comes round again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do every so often.

    Attributes:
        name: for the log and for readiness.
        every_s: pause between two runs.
        run: the work; it may block, and raises if it failed.
        at_once: the first run comes before the first pause.
    """

    name: str
    every_s: float
    run: Callable[[], None]
    at_once: bool = False


class Timetable:
    """Runs jobs.

    Attributes:
        failing: jobs whose last run failed, and with what kind of error.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        """Take the jobs; none is run yet."""
        self.failing: dict[str, str] = {}
        self._jobs = jobs

    async def run(self) -> None:
        """Run every job at its time, until cancelled; a job that is under way is finished."""
        await asyncio.gather(*(self._repeat(job) for job in self._jobs))

    async def _repeat(self, job: Job) -> None:
        waits = not job.at_once
        while True:
            if waits:
                await asyncio.sleep(job.every_s)
            waits = True
            (outcome,) = await asyncio.gather(asyncio.to_thread(job.run), return_exceptions=True)
            if isinstance(outcome, BaseException):
                self.failing[job.name] = type(outcome).__name__
                log.error("job_failed", part=job.name, exc_info=outcome)
            else:
                self.failing.pop(job.name, None)
