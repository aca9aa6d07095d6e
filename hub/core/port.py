"""The port to the municipal core: effects go in, and one result comes back for each.

Here: the effect, the five results, and what a connector promises. Not here: the wire (each connector's own),
and when to try again (hub/forwarder).

Rules:
- A result is a value. A connector raises for a bug alone: whatever a core or the network does has a result.
- `Retry` is said only of an effect that surely did not take place in this attempt. Whoever doubts says
  `Unknown`.
- An effect with attempts behind it may have taken place already: the connector finds out, or relies on a key
  that the core honours, before it sends again. What cannot be found out goes to a clerk (`Undecidable`).
- No reason carries a name, a card number or a citizen's words: it ends up in a row, a log and on a screen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing that should become true in the core, once.

    Attributes:
        key: uuid5 of device, event and effect; the same for every attempt.
        aggregate: what it is about; effects of one aggregate take place in order.
        body: what the connector turns into a request.
        attempts: attempts that began before this one, also those that a crash cut short.
        created_ms: when the hub decided it; the core cannot have heard of it before. 0 if that is not known.
    """

    key: UUID
    aggregate: str
    body: Mapping[str, object]
    attempts: int = 0
    created_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The core has it, once, and calls it `core_ref`."""

    core_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """It did not take place in this attempt; a later one may succeed.

    Attributes:
        reason: what stood in the way, for the operator.
        after_s: the core asked for at least this pause.
        core_answers: the core itself is well (we are the ones who wait): no reason to open the breaker.
    """

    reason: str
    after_s: float | None = None
    core_answers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The core does not take it and never will as it is: a dead letter, replayed once someone mended it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may have taken place: the answer was lost, late or not to be understood."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecidable:
    """It may have taken place and the core cannot tell: a clerk looks, nothing is sent again by itself."""

    reason: str


Result = Done | Retry | Refused | Unknown | Undecidable


class Connector(Protocol):
    """One kind of work at one endpoint of the core."""

    @property
    def name(self) -> str:
        """What its rows in the outgoing table are called by."""
        ...

    @property
    def batch_max(self) -> int:
        """Effects that one call takes at most."""
        ...

    @property
    def parallel_max(self) -> int:
        """Calls that may be under way at once."""
        ...

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        """Try to make the effects true, in their order.

        Args:
            effects: 1 to `batch_max` of them.

        Returns:
            One result for each effect, in the order of the effects.
        """
        ...

    async def close(self) -> None:
        """Give up connections; nothing is delivered after this."""
        ...
