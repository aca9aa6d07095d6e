"""Caution after a restore: every effect goes to its connector as one that may be in the core already.

A connector finds out, or relies on a key that the core honours, before it sends an effect that has attempts
behind it (`hub.core.port`). After a restore of the database no count of attempts can be trusted, nor the
instant at which an effect was decided: the core may have heard of it in the life that was forgotten.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from hub.core.port import Connector, Effect, Result


class Cautious:
    """A connector that is told, as long as caution is due, that every effect was tried before."""

    def __init__(self, connector: Connector, is_due: Callable[[], bool]) -> None:
        """Stand in front of a connector.

        Args:
            connector: who delivers.
            is_due: whether the core may know more than the database.
        """
        self.name = connector.name
        self.batch_max = connector.batch_max
        self.parallel_max = connector.parallel_max
        self._connector = connector
        self._is_due = is_due

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        """Deliver, with one attempt more behind each effect while caution is due."""
        if self._is_due():
            effects = [replace(effect, attempts=effect.attempts + 1, created_ms=0) for effect in effects]
        return await self._connector.deliver(effects)

    async def close(self) -> None:
        """Give up the connector's connections."""
        await self._connector.close()
