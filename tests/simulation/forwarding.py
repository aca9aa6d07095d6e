"""The forwarder in virtual time: the production table of outgoing work, and a core that is not always there.

The production loop is asynchronous and has its own tests on real processes; what is proven here is that its
rules over its table (count an attempt before it leaves, look before sending again) give one effect each.
"""

import random
from typing import TYPE_CHECKING

from hub.db.outgoing_repository import OutgoingEffect, OutgoingRepository
from hub.usecases.take_event import NOTICES, OPEN311, SETTLEMENTS
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.hub import Hub

BATCH = 50
RETRY_MS = 8_000


class Forwarding:
    """Takes what is due to the core."""

    def __init__(self, hub: "Hub", rng: random.Random) -> None:
        self._hub = hub
        self._rng = rng
        self._down_until_ms = 0
        self._late_until_ms = 0

    def misbehave(self, fault: Fault, until_ms: int) -> None:
        """The core is down, or answers too late, until then."""
        if fault is Fault.CORE_DOWN:
            self._down_until_ms = until_ms
        else:
            self._late_until_ms = until_ms

    def behave(self) -> None:
        """The core is well again."""
        self._down_until_ms = self._late_until_ms = 0

    def round(self, now_ms: int) -> None:
        """Everything that is due, once."""
        for connector in (OPEN311, SETTLEMENTS, NOTICES):
            due = OutgoingRepository(self._hub.connection).due(connector, now_ms, BATCH)
            if due:
                self._deliver(due, now_ms)
            self._hub.connection.rollback()

    def _deliver(self, due: list[OutgoingEffect], now_ms: int) -> None:
        work = OutgoingRepository(self._hub.connection)
        work.mark_attempts([effect.id for effect in due], now_ms)
        self._hub.connection.commit()
        if now_ms < self._down_until_ms:
            work.retry([(effect.id, now_ms + RETRY_MS, "down") for effect in due])
            self._hub.connection.commit()
            return
        answered = [effect for effect in due if self._post(effect, now_ms)]
        if self._rng.random() < 0.01 and now_ms < self._late_until_ms:
            return  # the forwarder died between the core's answer and its own note of it
        late = [effect for effect in due if effect not in answered]
        work.done([(effect.id, f"core-{effect.key}") for effect in answered], now_ms)
        work.retry([(effect.id, now_ms + RETRY_MS, "late") for effect in late])
        self._hub.connection.commit()

    def _post(self, effect: OutgoingEffect, now_ms: int) -> bool:
        """Send an effect; False where the answer did not come in time."""
        core, key = self._hub.core, str(effect.key)
        again = effect.attempts > 0 or self._hub.cautious
        if core.honours_keys or not (again and core.search(key)):
            core.post(key, effect.aggregate, effect.id)
        return not (now_ms < self._late_until_ms and self._rng.random() < 0.5)
