"""The one thread that writes, with group commit.

Whoever has something to write hands in a job and gets a future. The thread takes all jobs that wait, runs
each in a SAVEPOINT of one transaction, commits, and only then resolves the futures: a result is on the disk.

Rules:
- A job that raises undoes itself alone; its future gets the error, the others go on.
- A failed COMMIT fails every future of the group with `TransientError` (or `CapacityError` on a full disk):
  the outcome is unknown, so jobs are idempotent and are simply tried again.
- The queue is bounded: beyond it `submit` raises `CapacityError` at once instead of growing.
- A job never blocks on anything but the database.
- Where there is a second copy of every commit, it is made after COMMIT and before the futures are resolved.
"""

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from hub.db.engine import changes
from hub.db.failures import family
from shared.model.errors import CapacityError, TransientError, VentanillaError

T = TypeVar("T")

JOBS_WAITING_MAX = 1_024
"""Each job may carry a whole group of frames; a thousand of them are minutes of work."""
GROUP_JOBS_MAX = 64
"""Jobs in one transaction: the first one's future does not wait for ever."""
CLOSE_TIMEOUT_S = 30.0
RUN_TIMEOUT_S = 30.0

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    run: Callable[[Connection], T]
    future: Future[T]
    value: T | None = None
    error: BaseException | None = None

    def settle(self, failure: BaseException | None = None) -> None:
        """Resolves the future: with the job's own error, the group's, or its value."""
        error = self.error or failure
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(cast("T", self.value))


class Writer:
    """Owns the writing connection; starts its thread when it is made.

    Attributes:
        commits_total: groups that were committed.
        commits_failed_total: groups that were not.
        jobs_total: jobs that were run.
        jobs_failed_total: jobs that raised.
        failing: why the database could not be written; empty since something was written again.
    """

    def __init__(
        self,
        engine: Engine,
        reader: Engine,
        *,
        jobs_waiting_max: int = JOBS_WAITING_MAX,
        after_commit: Callable[[], None] | None = None,
    ) -> None:
        """Start the thread.

        Args:
            engine: of the one connection that writes.
            reader: of those that read.
            jobs_waiting_max: beyond it work is refused.
            after_commit: called on the thread after each COMMIT and before anybody hears of it; never raises.
        """
        self.commits_total = 0
        self.commits_failed_total = 0
        self.jobs_total = 0
        self.jobs_failed_total = 0
        self.failing = ""
        self._engine = engine
        self._reader = reader
        self._after_commit = after_commit
        self._jobs: queue.Queue[_Job[object] | None] = queue.Queue(jobs_waiting_max)
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    @property
    def jobs_waiting(self) -> int:
        """How many jobs wait, about."""
        return self._jobs.qsize()

    def submit(self, job: Callable[[Connection], T]) -> Future[T]:
        """Hands in a job.

        Args:
            job: writes through the connection it is given; it neither commits nor rolls back.

        Returns:
            A future that is resolved after COMMIT.

        Raises:
            CapacityError: too many jobs wait, or the writer is closed.
        """
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise CapacityError("the hub is stopping and takes no more work; try again when it is back")
            try:
                self._jobs.put_nowait(cast("_Job[object]", _Job(job, future)))
            except queue.Full:
                raise CapacityError("too much work waits for the database; come back later") from None
        return future

    def run(self, job: Callable[[Connection], T], timeout_s: float = RUN_TIMEOUT_S) -> T:
        """Hands in a job and waits until it is committed; not for the writer's own thread.

        Raises:
            CapacityError: too many jobs wait, or the writer is closed.
            TransientError: it was not committed in time, or not at all.
        """
        future = self.submit(job)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            raise TransientError("the database takes too long; look at its disk, then repeat") from None

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Gives a connection that only reads, on one snapshot, for the time of the `with` block."""
        with self._reader.connect() as connection:
            yield connection

    def answers(self) -> bool:
        """Whether the database can be read."""
        try:
            with self.read() as connection:
                connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError:
            return False
        return True

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Finishes the work that waits and closes every connection; a second call does nothing.

        Raises:
            TransientError: the work that waits was not done in time.
        """
        with self._closing:
            first, self._closed = not self._closed, True
        if first:
            self._jobs.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise TransientError("the hub's database is still writing; wait, then stop the hub again")
        self._reader.dispose()
        self._engine.dispose()

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            group, last = self._gather(first)
            self._run(group)
            if last:
                return

    def _gather(self, first: _Job[object]) -> tuple[list[_Job[object]], bool]:
        """All jobs that wait, and whether the writer is to stop after them."""
        group = [first]
        while len(group) < GROUP_JOBS_MAX:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _run(self, group: Sequence[_Job[object]]) -> None:
        running = [job for job in group if job.future.set_running_or_notify_cancel()]
        failure: VentanillaError | None = None
        try:
            with self._engine.connect() as connection, connection.begin():
                before = changes(connection) if self.failing else None
                for job in running:
                    self._run_one(job, connection)
                is_full = any(isinstance(job.error, CapacityError) for job in running)
                wrote = before is not None and not is_full and changes(connection) != before
        except Exception as error:  # the supervisor of every write
            self.commits_failed_total += 1
            full = next((job.error for job in running if isinstance(job.error, CapacityError)), None)
            failure = family(error) or full or TransientError("the database did not commit; try again")
            if failure is not full:
                failure.__cause__ = error
            self._note(failure)
        else:
            self.commits_total += 1
            if wrote:
                log.info("database_goes_on")
                self.failing = ""
            if self._after_commit is not None:
                self._after_commit()
        for job in running:
            job.settle(failure)

    def _note(self, trouble: VentanillaError) -> None:
        if not self.failing:
            log.error("database_fails", reason=str(trouble))
        self.failing = str(trouble)

    def _run_one(self, job: _Job[object], connection: Connection) -> None:
        self.jobs_total += 1
        connection.exec_driver_sql("SAVEPOINT job")
        try:
            job.value = job.run(connection)
        except Exception as error:  # the supervisor of every job
            self.jobs_failed_total += 1
            trouble = family(error)
            job.error = trouble or error
            if trouble is not None:
                trouble.__cause__ = error
            if isinstance(trouble, CapacityError):
                self._note(trouble)
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        connection.exec_driver_sql("RELEASE SAVEPOINT job")
