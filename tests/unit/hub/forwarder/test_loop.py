"""The loop on a real database, with connectors that implement the port and do as the test says."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from hub.core.port import Done, Effect, Refused, Result, Retry, Undecidable, Unknown
from hub.forwarder.outcome import Failure
from tests.support.outgoing_work import OutgoingWork, RunningForwarder, effect_key
from tests.support.polling import eventually

Answer = Callable[[Sequence[Effect]], Awaitable[Sequence[Result]]]


class Simulated:
    """A connector whose core is a function of the test."""

    def __init__(self, answer: Answer, *, batch_max: int = 1, parallel_max: int = 3) -> None:
        self.name = "settlements"
        self.batch_max = batch_max
        self.parallel_max = parallel_max
        self.calls: list[Sequence[Effect]] = []
        self.under_way = 0
        self.under_way_most = 0
        self.closed = False
        self._answer = answer

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        self.calls.append(effects)
        self.under_way += 1
        self.under_way_most = max(self.under_way_most, self.under_way)
        try:
            return await self._answer(effects)
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        self.closed = True


async def accept(effects: Sequence[Effect]) -> Sequence[Result]:
    return [Done(core_ref=f"S-{effect.aggregate}") for effect in effects]


async def never(_: Sequence[Effect]) -> Sequence[Result]:
    await asyncio.Event().wait()
    raise AssertionError


def script(*results: Result) -> Answer:
    """One result after the other, then done."""
    left = list(results)

    async def answer(effects: Sequence[Effect]) -> Sequence[Result]:
        return [left.pop(0) if left else Done(core_ref="S") for _ in effects]

    return answer


@pytest.fixture
def work(tmp_path: Path) -> Iterator[OutgoingWork]:
    with OutgoingWork(tmp_path) as opened:
        yield opened


def running(work: OutgoingWork, connector: Simulated) -> RunningForwarder:
    return RunningForwarder(work, lambda: [connector])


def test_work_that_waits_is_done_under_its_key_with_the_cores_name(work: OutgoingWork) -> None:
    work.add_settlements(["a", "b"])
    connector = Simulated(accept)
    with running(work, connector) as forwarder:
        forwarder.wait_until_done()
        eventually(lambda: forwarder.forwarder.loops["settlements"].forwarded == 2)
    assert {effects[0].key for effects in connector.calls} == {effect_key("a"), effect_key("b")}
    assert [row["core_ref"] for row in work.rows()] == ["S-card-0", "S-card-1"]
    assert connector.closed


@pytest.mark.sentence("C-2")
def test_attempt_is_in_the_database_before_the_request_leaves(work: OutgoingWork) -> None:
    work.add_settlements(["a", "b", "c"])
    seen: list[int] = []

    async def look(effects: Sequence[Effect]) -> Sequence[Result]:
        rows = {row["effect_key"]: row["attempts"] for row in work.rows()}
        seen.extend(rows[str(effect.key)] - effect.attempts for effect in effects)
        return await accept(effects)

    with running(work, Simulated(look, batch_max=2)) as forwarder:
        forwarder.wait_until_done()
    assert seen == [1, 1, 1]


def test_calls_are_as_large_and_as_many_as_the_connector_takes_and_no_more(work: OutgoingWork) -> None:
    work.add_settlements([str(number) for number in range(40)])
    release = asyncio.Event()

    async def hold(effects: Sequence[Effect]) -> Sequence[Result]:
        await release.wait()
        return await accept(effects)

    connector = Simulated(hold, batch_max=5, parallel_max=3)
    with running(work, connector) as forwarder:
        eventually(lambda: connector.under_way == 3)
        forwarder.run_in_loop(release.set)
        forwarder.wait_until_done()
    assert connector.under_way_most == 3
    assert [len(effects) for effects in connector.calls] == [5] * 8


def test_effect_under_way_is_not_sent_a_second_time_while_places_are_free(work: OutgoingWork) -> None:
    work.add_settlements(["a"])
    release = asyncio.Event()

    async def hold(effects: Sequence[Effect]) -> Sequence[Result]:
        if effects[0].key == effect_key("a"):
            await release.wait()
        return await accept(effects)

    connector = Simulated(hold)
    with running(work, connector) as forwarder:
        eventually(lambda: connector.under_way == 1)
        work.add_settlements(["b"], aggregates=1)
        work.add("settlements", [("c", "card-c", {})])
        forwarder.forwarder.wake()
        eventually(lambda: work.states()["done"] == 1)
        forwarder.run_in_loop(release.set)
        forwarder.wait_until_done()
    sent = [effect.key for effects in connector.calls for effect in effects]
    assert sorted(sent) == sorted(map(effect_key, "abc"))


@pytest.mark.sentence("C-2")
def test_one_aggregate_has_one_effect_under_way_in_the_order_of_their_making(work: OutgoingWork) -> None:
    names = [str(number) for number in range(12)]
    work.add_settlements(names, aggregates=2)
    connector = Simulated(accept, batch_max=4)
    with running(work, connector) as forwarder:
        forwarder.wait_until_done()
    for effects in connector.calls:
        assert len({effect.aggregate for effect in effects}) == len(effects)
    order = [effect.key for effects in connector.calls for effect in effects if effect.aggregate == "card-1"]
    assert order == [effect_key(name) for name in names[1::2]]


@pytest.mark.parametrize(
    ("result", "failure"),
    [
        (Retry(reason="down"), Failure.RETRY),
        (Unknown(reason="lost"), Failure.UNKNOWN),
    ],
)
def test_effect_that_did_not_take_place_is_tried_again_with_its_attempts_counted(
    work: OutgoingWork, result: Result, failure: Failure
) -> None:
    work.add_settlements(["a"])
    connector = Simulated(script(result, result))
    with running(work, connector) as forwarder:
        forwarder.wait_until_done()
        assert forwarder.forwarder.loops["settlements"].failed == {failure: 2}
    assert [effects[0].attempts for effects in connector.calls] == [0, 1, 2]


def test_effect_waits_as_long_as_the_core_asks(work: OutgoingWork) -> None:
    work.add_settlements(["a"])
    connector = Simulated(script(Retry(reason="patience", after_s=60.0)))
    with running(work, connector):
        eventually(lambda: work.rows()[0]["last_error"])
        row = work.rows()[0]
    assert row["due_ms"] > row["created_ms"] + 60_000
    assert len(connector.calls) == 1


@pytest.mark.parametrize(
    ("result", "state", "failure", "cases"),
    [
        (Refused(reason="no such account"), "dead", Failure.REFUSED, 0),
        (Undecidable(reason="the core does not list"), "undecided", Failure.UNDECIDABLE, 1),
    ],
)
def test_effect_that_needs_a_person_holds_its_aggregate_and_nothing_else(
    work: OutgoingWork, result: Refused | Undecidable, state: str, failure: Failure, cases: int
) -> None:
    work.add_settlements(["a", "b", "c", "d"], aggregates=2)
    connector = Simulated(script(result), parallel_max=1)
    with running(work, connector) as forwarder:
        eventually(lambda: work.states() == {state: 1, "waiting": 1, "done": 2})
        eventually(lambda: forwarder.forwarder.loops["settlements"].failed == {failure: 1})
    rows = work.rows()
    assert (rows[0]["state"], rows[0]["last_error"]) == (state, result.reason)
    assert (rows[2]["state"], rows[2]["attempts"]) == ("waiting", 0)
    assert len(work.exceptions()) == cases


def test_connector_with_a_bug_leaves_its_effect_in_doubt_and_the_others_go_on(work: OutgoingWork) -> None:
    work.add_settlements(["a", "b", "c"])

    async def fail_once(effects: Sequence[Effect]) -> Sequence[Result]:
        if effects[0].key == effect_key("b") and not effects[0].attempts:
            raise ZeroDivisionError
        return await accept(effects)

    with running(work, Simulated(fail_once)) as forwarder:
        forwarder.wait_until_done()
        assert forwarder.forwarder.loops["settlements"].failed == {Failure.UNKNOWN: 1}
        assert forwarder.forwarder.restarts == 0
    assert "outcome unknown" in work.rows()[1]["last_error"]


def test_connector_that_miscounts_leaves_its_effects_in_doubt(work: OutgoingWork) -> None:
    work.add_settlements(["a", "b"])

    async def miscount(effects: Sequence[Effect]) -> Sequence[Result]:
        return await accept(effects[:-1] if not effects[0].attempts else effects)

    with running(work, Simulated(miscount, batch_max=2)) as forwarder:
        forwarder.wait_until_done()
        assert forwarder.forwarder.restarts == 0
    assert [row["attempts"] for row in work.rows()] == [2, 2]


def test_forwarder_that_is_told_of_new_work_does_not_wait_for_its_next_look(work: OutgoingWork) -> None:
    connector = Simulated(accept)
    with running(work, connector) as forwarder:
        for number in range(20):
            work.add_settlements([str(number)])
            forwarder.forwarder.wake()
            eventually(work.all_done, timeout_s=0.9)


def test_stopped_forwarder_finishes_what_is_under_way_and_takes_nothing_new(work: OutgoingWork) -> None:
    work.add_settlements([str(number) for number in range(9)])
    release = asyncio.Event()

    async def hold(effects: Sequence[Effect]) -> Sequence[Result]:
        await release.wait()
        return await accept(effects)

    connector = Simulated(hold)
    with running(work, connector) as forwarder:
        eventually(lambda: connector.under_way == 3)
        forwarder.run_in_loop(forwarder.forwarder.stop)
        forwarder.run_in_loop(release.set)
    assert work.states() == {"done": 3, "waiting": 6}


def test_cancelled_forwarder_leaves_the_count_of_its_attempts(work: OutgoingWork) -> None:
    work.add_settlements(["a", "b"])
    connector = Simulated(never)
    with running(work, connector) as forwarder:
        eventually(lambda: connector.under_way == 2)
        forwarder.break_off()
    assert connector.under_way == 0
    assert [(row["state"], row["attempts"]) for row in work.rows()] == [("waiting", 1), ("waiting", 1)]


def test_core_that_never_answers_is_asked_by_few_and_the_backlog_stays_untouched(work: OutgoingWork) -> None:
    work.add_settlements([str(number) for number in range(200)])
    connector = Simulated(script(*[Retry(reason="down")] * 10**4))
    with running(work, connector) as forwarder:
        eventually(lambda: forwarder.forwarder.loops["settlements"].failed.total() > 20)
    assert sum(row["attempts"] > 0 for row in work.rows()) < 60
