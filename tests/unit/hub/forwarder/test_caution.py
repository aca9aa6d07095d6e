import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from hub.core.port import Done, Effect, Result
from hub.forwarder.caution import Cautious

NOW_MS = 1_795_255_200_000


class Seeing:
    """A connector that shows what it was given."""

    name = "open311"
    batch_max = 1
    parallel_max = 8

    def __init__(self) -> None:
        self.seen: list[Effect] = []

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        self.seen += effects
        return [Done(core_ref="1") for _ in effects]

    async def close(self) -> None:
        self.seen.clear()


def effect(attempts: int) -> Effect:
    return Effect(key=UUID(int=1), aggregate="a", body={}, attempts=attempts, created_ms=NOW_MS)


@pytest.mark.parametrize(("attempts", "shown"), [(0, 1), (1, 2), (4, 5)])
def test_effect_in_caution_has_an_attempt_more_and_no_instant_to_trust(attempts: int, shown: int) -> None:
    inner = Seeing()
    assert asyncio.run(Cautious(inner, lambda: True).deliver([effect(attempts)])) == [Done(core_ref="1")]
    (seen,) = inner.seen
    assert (seen.attempts, seen.created_ms) == (shown, 0)


def test_effect_without_caution_is_what_it_is() -> None:
    inner = Seeing()
    asyncio.run(Cautious(inner, lambda: False).deliver([effect(0)]))
    assert inner.seen == [effect(0)]
