"""The forwarder: one supervised loop for each connector, and what the rest of the hub knows of it.

Here: start, stop, waking, and going on after a fault of our own. Not here: forwarding itself (loop.py).

Rules: this is one of the hub's named supervisors. A connector that fails by a bug leaves its effects in
doubt, like a core that does not answer; a loop that fails is started again, with a back-off. Logs carry
classes and counts, never what an effect says.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from hub.core.port import Connector, Effect, Result, Unknown
from hub.db.writer import Writer
from hub.forwarder.breaker import OPEN_MAX_MS, Breaker
from hub.forwarder.loop import Clocks, ConnectorLoop
from hub.forwarder.schedule import RETRY_MAX_MS, Schedule
from shared.protocol.backoff import Backoff

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwarderSettings:
    """The cap of the forwarder's waits.

    Attributes:
        retry_max_ms: upper end of the wait between two attempts of an effect, and of the wait before an
            endpoint that failed is asked again, where that is shorter than the breaker's own.
    """

    retry_max_ms: int = RETRY_MAX_MS


class Forwarder:
    """Takes outgoing work to the core, whatever happens.

    Attributes:
        loops: by connector; their counters are read by whoever shows metrics.
        restarts: loops that had to be started again; more than none is a bug of ours.
    """

    def __init__(
        self,
        connectors: Sequence[Connector],
        writer: Writer,
        settings: ForwarderSettings | None = None,
        *,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Prepare the loops; nothing is taken before `run`.

        Args:
            connectors: one for each kind of work.
            writer: the database.
            settings: the cap; the usual one where absent.
            draw: draws from [0, 1), for jitter.
        """
        chosen = settings or ForwarderSettings()
        clocks = Clocks(
            now_ms=lambda: time.time_ns() // 1_000_000, steady_ms=lambda: time.monotonic_ns() // 1_000_000
        )
        self.loops: Mapping[str, ConnectorLoop] = {
            connector.name: ConnectorLoop(
                _Guarded(connector),
                writer,
                breaker=Breaker(draw, open_max_ms=min(OPEN_MAX_MS, chosen.retry_max_ms)),
                schedule=Schedule(random=draw, max_ms=chosen.retry_max_ms),
                clocks=clocks,
            )
            for connector in connectors
        }
        self.restarts = 0
        self._draw = draw
        self._event_loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Forward until `stop`, or until cancelled, which leaves calls in the middle; then hang up."""
        self._event_loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as group:
                for loop in self.loops.values():
                    group.create_task(self._supervise(loop))
        finally:
            for loop in self.loops.values():
                await loop.connector.close()

    def stop(self) -> None:
        """Take nothing new; `run` returns when what is under way has ended. Only from the event loop."""
        for loop in self.loops.values():
            loop.stop()

    def wake(self) -> None:
        """New work was committed: look at once. Any thread may call it."""
        if self._event_loop is not None:
            with suppress(RuntimeError):  # the event loop has ended; the next life looks for itself
                self._event_loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        for loop in self.loops.values():
            loop.wake()

    async def _supervise(self, loop: ConnectorLoop) -> None:
        backoff = Backoff(random=self._draw)
        while True:
            try:
                await loop.run()
            except Exception:
                self.restarts += 1
                log.exception("forwarder_loop_failed", connector=loop.connector.name)
            else:
                return
            await asyncio.sleep(backoff.next_ms() / 1000)


class _Guarded:
    """A connector whose bugs are outcomes in doubt, so that one bad effect does not stop the others."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self.name = connector.name
        self.batch_max = connector.batch_max
        self.parallel_max = connector.parallel_max

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        """Deliver; whatever is raised becomes `Unknown` for each."""
        try:
            results = await self._connector.deliver(effects)
        except Exception:
            log.exception("connector_failed", connector=self.name, effects=len(effects))
        else:
            if len(results) == len(effects):
                return results
            log.error("connector_miscounted", connector=self.name, effects=len(effects), results=len(results))
        return [Unknown(reason="the connector failed; the hub's log says how") for _ in effects]

    async def close(self) -> None:
        """Give up the connector's connections."""
        await self._connector.close()
