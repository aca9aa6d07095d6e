"""What a clerk decides of quarantined lines and fenced devices, each in one transaction of the writer.

    release_device   the fence falls, and what the device sent meanwhile is taken, in its order
    release_line     the line is taken after all, and what waits behind it
    discard_line     the line has no effect, ever; what waits behind it is taken

Rules: the key registry lets a device go on before its lines are taken, so repeating a release that was cut
goes on where it stopped. A line that still cannot be taken goes on waiting, with what waits behind it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from hub.db.engine import Connection
from hub.db.quarantine_repository import LINES_MAX, QuarantinedLine, QuarantineRepository, Verdict
from hub.db.unit_of_work import Rules, UnitOfWork
from hub.db.writer import Writer
from hub.ingest.opening import Opener
from hub.ingest.release import release
from hub.keys.registry import Registry
from shared.model.event import Stream

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a decision did.

    Attributes:
        taken: lines that were taken.
        waiting: lines that were looked at and still wait.
    """

    taken: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    decided: Decided
    last: int | None


class Clerk:
    """Carries decisions out."""

    def __init__(
        self,
        registry: Registry,
        writer: Writer,
        opener: Opener,
        *,
        clock: Callable[[], int],
        work_committed: Callable[[], None],
        rules: Rules,
        released: Callable[[str], None] = lambda _device: None,
    ) -> None:
        """Take what is needed.

        Args:
            registry: keeps the fences.
            writer: the database.
            opener: opens what is sealed to the hub; only used on the writer's thread.
            clock: the hub's time, Unix epoch in milliseconds.
            work_committed: called when new outgoing work may be in the database.
            rules: the operator's, for every transaction.
            released: called when a device was let go on, to tell it at once.
        """
        self._registry = registry
        self._writer = writer
        self._opener = opener
        self._clock = clock
        self._work_committed = work_committed
        self._rules = rules
        self._released = released

    def release_device(self, device: str) -> Decided:
        """Let a fenced device go on, and take what it sent meanwhile.

        Raises:
            UnknownDeviceError: it is unknown or revoked.
            TransientError: registry or database cannot be written; repeat.
        """
        self._registry.release(device)
        self._released(device)
        taken = waiting = 0
        last: int | None = 0
        while last is not None:
            batch = self._writer.run(partial(self._take_of_device, device, last))
            taken, waiting, last = taken + batch.decided.taken, waiting + batch.decided.waiting, batch.last
        self._work_committed()
        log.info("device_released", device=device, events=taken, quarantine=waiting)
        return Decided(taken=taken, waiting=waiting)

    def release_line(self, number: int) -> Decided:
        """Take a line after all, and what waits behind it.

        Raises:
            NoSuchLineError: there is no such line.
            LineSettledError: it does not wait any more.
            TransientError: the database cannot be written; repeat.
        """
        return self._decide(number, discard=False)

    def discard_line(self, number: int) -> Decided:
        """Decide that a line has no effect, and take what waits behind it.

        Raises:
            NoSuchLineError: there is no such line.
            LineSettledError: it does not wait any more.
            TransientError: the database cannot be written; repeat.
        """
        return self._decide(number, discard=True)

    def _decide(self, number: int, *, discard: bool) -> Decided:
        decided = self._writer.run(partial(self._settle_line, number, discard))
        self._work_committed()
        log.info("line_discarded" if discard else "line_released", quarantine=number, events=decided.taken)
        return decided

    # ---- on the writer's thread

    def _take_of_device(self, device: str, after: int, connection: Connection) -> _Batch:
        lines = QuarantineRepository(connection).waiting(device, after=after)
        return _Batch(
            decided=self._take(lines, connection), last=lines[-1].id if len(lines) == LINES_MAX else None
        )

    def _settle_line(self, number: int, discard: bool, connection: Connection) -> Decided:  # noqa: FBT001  partial
        quarantine = QuarantineRepository(connection)
        line = quarantine.waiting_line(number)
        if discard:
            quarantine.settle([number], Verdict.DISCARDED)
        return self._take(_with_what_waits_behind(quarantine, line, discard=discard), connection)

    def _take(self, lines: Sequence[QuarantinedLine], connection: Connection) -> Decided:
        uow = UnitOfWork(connection, self._rules)
        done = release(
            lines, uow, QuarantineRepository(connection), self._opener, self._registry, self._clock()
        )
        uow.flush()
        return Decided(taken=done.taken, waiting=len(done.still))


def _with_what_waits_behind(
    quarantine: QuarantineRepository, line: QuarantinedLine, *, discard: bool
) -> list[QuarantinedLine]:
    """Of a case, everything of its subject in order; money waits for nobody."""
    if line.stream is not Stream.CASES or line.subject is None:
        return [] if discard else [line]
    return quarantine.waiting(line.device, line.subject)
