"""The loop of one connector: take what is due, count the attempt, send, keep what came of it.

    collect results -> one transaction: {write them, take what is due, count its attempts} -> send -> rest

Here: the order of these steps and the bounds. Not here: SQL (hub/db), the wire (hub/core), when to try again
(schedule.py), whether the endpoint is worth asking (breaker.py), and what happens when this fails
(worker.py).

Rules:
- A request leaves only after its attempt was committed. Whatever ends this loop then, the next life finds
  the count and knows that the outcome is in doubt.
- Of one aggregate at most one effect is under way: the database hands out only the first that is not done.
- Never more than `parallel_max` calls of `batch_max` effects; results are written together, not call by call.
- The loop rests until a call ends, work comes in, or something falls due. It does not spin.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from hub.core.port import Connector, Effect, Result
from hub.db.engine import Connection
from hub.db.outgoing_repository import OutgoingEffect, OutgoingRepository
from hub.db.writer import Writer
from hub.forwarder.breaker import Breaker
from hub.forwarder.outcome import Failure, Settled, failure_of, is_answer, pause_ms, write_results
from hub.forwarder.schedule import Schedule
from shared.model.errors import CapacityError, TransientError

IDLE_MS = 1_000
"""A look without being woken: another process may have added work."""
DATABASE_PAUSE_MS = 1_000
POLL_MS = 200
"""While calls are under way, their own rows hide when the next one falls due."""
GATHER_MS = 2
"""A result waits this long for others: calls that end together share a transaction."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Two clocks: one that rows keep, one that never jumps."""

    now_ms: Callable[[], int]
    steady_ms: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What the database handed out, and when it will have more if nobody adds any."""

    effects: Sequence[OutgoingEffect] = ()
    next_due_ms: int | None = None


class ConnectorLoop:
    """Takes one connector's work from the database to the core.

    Attributes:
        forwarded: effects that the core has, since the start.
        failed: attempts that did not end well, by class, since the start.
    """

    def __init__(
        self, connector: Connector, writer: Writer, *, breaker: Breaker, schedule: Schedule, clocks: Clocks
    ) -> None:
        """Prepare the loop; nothing is taken yet.

        Args:
            connector: where the effects go.
            writer: the database.
            breaker: of the connector's endpoint.
            schedule: when effects are tried again.
            clocks: wall and steady time.
        """
        self.connector = connector
        self.breaker = breaker
        self.forwarded = 0
        self.failed: Counter[Failure] = Counter()
        self._writer = writer
        self._schedule = schedule
        self._clocks = clocks
        self._stirred = asyncio.Event()
        self._stopping = False
        self._under_way: dict[asyncio.Task[Sequence[Result]], Sequence[OutgoingEffect]] = {}
        self._settled: list[Settled] = []

    @property
    def under_way(self) -> int:
        """Calls that have no result yet."""
        return len(self._under_way)

    def wake(self) -> None:
        """Work came in: look now. Call it on the event loop's own thread."""
        self._stirred.set()

    def stop(self) -> None:
        """Take nothing new; `run` returns once what is under way has its results in the database."""
        self._stopping = True
        self._stirred.set()

    async def run(self) -> None:
        """Forward until `stop`.

        Cancelled, it leaves calls in the middle: their outcome is in doubt, which their count of attempts
        says.
        """
        try:
            while not (self._stopping and not self._under_way and not self._settled):
                await self._turn()
        finally:
            await self._abandon()

    async def _turn(self) -> None:
        self._stirred.clear()
        self._collect()
        if self._settled and self._under_way:
            await asyncio.sleep(GATHER_MS / 1000)
            self._collect()
        wanted = 0 if self._stopping else self._places() * self.connector.batch_max
        try:
            work = await self._consult_database(wanted)
        except (TransientError, CapacityError) as error:
            log.warning("forwarder_database", connector=self.connector.name, error=str(error))
            await self._rest(DATABASE_PAUSE_MS)
            return
        size = self.connector.batch_max
        for start in range(0, len(work.effects), size):
            self._begin(work.effects[start : start + size])
        await self._rest(self._rest_ms(work, wanted))

    def _places(self) -> int:
        return self.breaker.places(
            self._clocks.steady_ms(), under_way=len(self._under_way), places_max=self.connector.parallel_max
        )

    async def _consult_database(self, wanted: int) -> _Work:
        """One transaction: what came of the last attempts, and the next ones, counted."""
        settled, now_ms = tuple(self._settled), self._clocks.now_ms()
        if not settled and not wanted:
            return _Work()
        held = {effect.id for effects in self._under_way.values() for effect in effects}
        held -= {one.effect.id for one in settled}

        def job(connection: Connection) -> _Work:
            write_results(connection, self.connector.name, settled, self._schedule, now_ms)
            if not wanted:
                return _Work()
            name, repository = self.connector.name, OutgoingRepository(connection)
            due = repository.due(name, now_ms, wanted + len(held))
            effects = [effect for effect in due if effect.id not in held][:wanted]
            repository.mark_attempts([effect.id for effect in effects], now_ms)
            return _Work(effects=effects, next_due_ms=repository.next_due_ms(name))

        work = await asyncio.shield(asyncio.wrap_future(self._writer.submit(job)))
        del self._settled[: len(settled)]
        self._count(settled)
        return work

    def _begin(self, effects: Sequence[OutgoingEffect]) -> None:
        call = asyncio.ensure_future(self._deliver(effects))
        self._under_way[call] = effects
        call.add_done_callback(lambda _: self._stirred.set())

    async def _deliver(self, effects: Sequence[OutgoingEffect]) -> Sequence[Result]:
        return await self.connector.deliver(
            [
                Effect(
                    key=effect.key,
                    aggregate=effect.aggregate,
                    body=effect.body,
                    attempts=effect.attempts,
                    created_ms=effect.created_ms,
                )
                for effect in effects
            ]
        )

    def _collect(self) -> None:
        """Gather the results of calls that have ended."""
        for call in [call for call in self._under_way if call.done()]:
            effects = self._under_way.pop(call)
            if call.cancelled():
                continue
            results = call.result()
            self._judge(results)
            self._settled += [
                Settled(effect=effect, result=result) for effect, result in zip(effects, results, strict=True)
            ]

    def _judge(self, results: Sequence[Result]) -> None:
        """Tell the breaker whether the endpoint answered."""
        if any(is_answer(result) for result in results):
            self.breaker.succeeded()
        else:
            self.breaker.failed(self._clocks.steady_ms(), pause_ms(results))

    def _count(self, settled: Iterable[Settled]) -> None:
        for one in settled:
            failure = failure_of(one.result)
            if failure is None:
                self.forwarded += 1
            else:
                self.failed[failure] += 1

    def _rest_ms(self, work: _Work, wanted: int) -> int | None:
        """How long to rest if nothing stirs; None: until something does."""
        if self._stopping or len(work.effects) == wanted > 0:
            return None if self._under_way else 0
        if not wanted:
            return None if self._under_way else self.breaker.wait_ms(self._clocks.steady_ms())
        if work.next_due_ms is None:
            return IDLE_MS
        soonest_ms = POLL_MS if self._under_way else 0
        return min(IDLE_MS, max(soonest_ms, work.next_due_ms - self._clocks.now_ms()))

    async def _rest(self, rest_ms: int | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(None if rest_ms is None else rest_ms / 1000):
                await self._stirred.wait()

    async def _abandon(self) -> None:
        """Break off what is under way; results that are there already are still handed to the writer."""
        for call in self._under_way:
            call.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        self._collect()
        settled, now_ms = tuple(self._settled), self._clocks.now_ms()
        self._settled.clear()

        def job(connection: Connection) -> None:
            write_results(connection, self.connector.name, settled, self._schedule, now_ms)

        if settled:
            with suppress(CapacityError):
                self._writer.submit(job)
            self._count(settled)
