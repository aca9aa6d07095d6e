"""The GeoReport connector: what each answer makes of a report, and when it is sent again."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID, uuid5

import pytest

from hub.core.open311 import Open311Connector, Open311Settings
from hub.core.port import Connector, Done, Effect, Refused, Result, Retry, Undecidable, Unknown
from shared.model.errors import TransientError
from tests.support.scripted_http import Heard, Script, reply, scripted

REFERENCE = "2345-6789-CDFH"
KEY = uuid5(UUID(int=0), "effect")
NOW_MS = 1_795_255_200_000
SETTLE_S = 30.0
CREATED = reply(201, '[{"service_request_id":"41"}]')
NOTHING = reply(200, "[]")
LISTED = reply(200, json.dumps([{"service_request_id": "41", "description": f"x\nRef. {REFERENCE}"}]))


class Steady:
    """A steady clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def effect(attempts: int = 0, **body: object) -> Effect:
    report = {"reference": REFERENCE, "service_code": "aceras", "description": "Baldosa suelta", **body}
    return Effect(key=KEY, aggregate=REFERENCE, body=report, attempts=attempts, created_ms=NOW_MS)


Play = Callable[[Open311Connector, Steady], Awaitable[Sequence[Result]]]


def play(script: Script, scene: Play, *, timeout_s: float = 2.0) -> tuple[Sequence[Result], list[Heard]]:
    async def run() -> tuple[Sequence[Result], list[Heard]]:
        async with scripted(script, timeout_s=timeout_s) as (endpoint, heard):
            clock = Steady()
            settings = Open311Settings(endpoint=endpoint, settle_s=SETTLE_S)
            connector = Open311Connector(settings, now_ms=lambda: NOW_MS, monotonic_s=clock)
            try:
                return await scene(connector, clock), heard
            finally:
                await connector.close()

    return asyncio.run(run())


def deliver(script: Script, attempts: int = 0, *, born_s: float = 0.0) -> tuple[Result, list[str]]:
    """Deliver one report.

    Returns:
        What came of it, and the methods of the requests that were made.
    """

    async def scene(connector: Open311Connector, clock: Steady) -> Sequence[Result]:
        clock.now_s += born_s
        return await connector.deliver([effect(attempts)])

    (result,), heard = play(script, scene)
    return result, [request.method for request in heard]


def answers(post: bytes | None, get: bytes | None = NOTHING) -> Script:
    return lambda request: post if request.method == "POST" else get


def test_connector_keeps_the_port() -> None:
    async def scene(connector: Open311Connector, _: Steady) -> Sequence[Result]:
        port: Connector = connector
        assert (port.name, port.batch_max, port.parallel_max) == ("open311", 1, 8)
        return []

    play(answers(CREATED), scene)


def test_first_attempt_posts_the_form_with_the_key_of_the_effect() -> None:
    async def scene(connector: Open311Connector, _: Steady) -> Sequence[Result]:
        return await connector.deliver([effect()])

    (result,), (request,) = play(answers(CREATED), scene)
    assert result == Done(core_ref="41")
    assert (request.method, request.path) == ("POST", "/requests.json")
    assert request.headers["idempotency-key"] == str(KEY)
    assert request.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert request.form()["attribute[ventanilla_reference]"] == REFERENCE
    assert request.form()["description"] == f"Baldosa suelta\nRef. {REFERENCE}"


@pytest.mark.parametrize(
    ("post", "expected"),
    [
        (reply(500), Unknown),
        (reply(502), Unknown),
        (reply(503), Unknown),
        (None, Unknown),
        (reply(200, "<html>"), Unknown),
        (reply(200, "[]"), Unknown),
        (reply(408), Unknown),
        (reply(400), Refused),
        (reply(404, '[{"code":404,"description":"service_code"}]'), Refused),
        (reply(422), Refused),
        (reply(404, "not here"), Retry),
        (reply(405), Retry),
        (reply(401), Retry),
        (reply(403), Retry),
        (reply(302), Retry),
        (reply(429), Retry),
    ],
)
def test_answer_to_a_first_post_has_its_result(post: bytes | None, expected: type[Result]) -> None:
    assert isinstance(deliver(answers(post))[0], expected)


@pytest.mark.parametrize("status", [429, 503])
def test_pause_that_the_core_asks_for_is_passed_on(status: int) -> None:
    result, _ = deliver(answers(reply(status, "", "retry-after: 17")))
    assert isinstance(result, Retry)
    assert result.after_s == 17.0


def test_report_without_a_service_is_refused_unsent() -> None:
    async def scene(connector: Open311Connector, _: Steady) -> Sequence[Result]:
        return await connector.deliver([effect(service_code=None)])

    (result,), heard = play(answers(CREATED), scene)
    assert isinstance(result, Refused)
    assert not heard


def test_attempts_before_mean_that_the_core_is_searched_and_what_is_found_is_done() -> None:
    result, methods = deliver(answers(CREATED, LISTED), attempts=1)
    assert result == Done(core_ref="41")
    assert methods == ["GET"]


def test_report_that_is_absent_waits_until_an_earlier_life_can_do_nothing_more() -> None:
    result, methods = deliver(answers(CREATED), attempts=1, born_s=SETTLE_S - 1)
    assert isinstance(result, Retry)
    assert result.after_s == pytest.approx(1.0)
    assert result.core_answers
    assert "POST" not in methods


def test_report_that_is_absent_once_all_has_settled_is_sent_again() -> None:
    result, methods = deliver(answers(CREATED), attempts=1, born_s=SETTLE_S)
    assert result == Done(core_ref="41")
    assert methods == ["GET", "POST"]


def test_core_that_cannot_be_searched_leaves_the_report_to_a_clerk() -> None:
    result, methods = deliver(answers(CREATED, reply(404)), attempts=1, born_s=SETTLE_S)
    assert isinstance(result, Undecidable)
    assert methods == ["GET"]


def test_search_that_fails_sends_nothing() -> None:
    result, methods = deliver(answers(CREATED, reply(500)), attempts=1, born_s=SETTLE_S)
    assert isinstance(result, Retry)
    assert not result.core_answers
    assert methods == ["GET"]


def test_doubt_of_this_life_settles_from_its_own_instant() -> None:
    """A core that is slow may act after our deadline; long after the start of the process, too."""
    lost = True

    def script(request: Heard) -> bytes | None:
        return (reply(500) if lost else CREATED) if request.method == "POST" else NOTHING

    async def scene(connector: Open311Connector, clock: Steady) -> Sequence[Result]:
        nonlocal lost
        clock.now_s += 10 * SETTLE_S
        results = list(await connector.deliver([effect(0)]))
        lost = False
        clock.now_s += SETTLE_S - 1
        results += await connector.deliver([effect(1)])
        clock.now_s += 1
        results += await connector.deliver([effect(2)])
        return results

    results, heard = play(script, scene)
    assert [type(result) for result in results] == [Unknown, Retry, Done]
    assert [request.method for request in heard] == ["POST", "GET", "GET", "POST"]


def test_report_that_surely_never_arrived_is_sent_again_without_a_search() -> None:
    """Also to a core that cannot be searched: turned away is no doubt."""
    replies = iter([reply(429), reply(429), CREATED])

    def script(request: Heard) -> bytes:
        return next(replies) if request.method == "POST" else reply(404)

    async def scene(connector: Open311Connector, _: Steady) -> Sequence[Result]:
        return [(await connector.deliver([effect(attempts)]))[0] for attempts in range(3)]

    results, heard = play(script, scene)
    assert results[-1] == Done(core_ref="41")
    assert [request.method for request in heard] == ["POST"] * 3


def test_attempt_that_this_process_did_not_make_is_searched_for_all_the_same() -> None:
    """Turned away at attempt 1; someone else made attempt 2."""

    async def scene(connector: Open311Connector, _: Steady) -> Sequence[Result]:
        await connector.deliver([effect(0)])
        return await connector.deliver([effect(2)])

    (result,), heard = play(answers(reply(429), LISTED), scene)
    assert result == Done(core_ref="41")
    assert [request.method for request in heard] == ["POST", "GET"]


def test_conflict_is_done_where_the_core_lists_the_report() -> None:
    result, methods = deliver(answers(reply(409), LISTED))
    assert result == Done(core_ref="41")
    assert methods == ["POST", "GET"]


def test_conflict_is_in_doubt_where_the_core_does_not_list_the_report() -> None:
    assert isinstance(deliver(answers(reply(409)), born_s=SETTLE_S)[0], Unknown)


def test_conflict_is_for_a_clerk_where_the_core_lists_nothing() -> None:
    assert isinstance(deliver(answers(reply(409), reply(404)))[0], Undecidable)


def test_cancelled_attempt_is_in_doubt_for_the_next_one() -> None:
    posted = asyncio.Event()

    def script(request: Heard) -> bytes:
        if request.method == "POST":
            posted.set()
            return b"HTTP/1.1 201 X\r\n"  # and no more
        return NOTHING

    async def scene(connector: Open311Connector, clock: Steady) -> Sequence[Result]:
        clock.now_s += 10 * SETTLE_S
        attempt = asyncio.ensure_future(connector.deliver([effect(0)]))
        await posted.wait()
        attempt.cancel()
        await asyncio.wait([attempt])
        assert attempt.cancelled()
        return await connector.deliver([effect(1)])

    (result,), heard = play(script, scene)
    assert isinstance(result, Retry)
    assert [request.method for request in heard].count("POST") == 1


def test_token_is_exchanged_for_the_number() -> None:
    asked = 0

    def script(request: Heard) -> bytes:
        nonlocal asked
        if request.method == "POST":
            return reply(201, '[{"token":"t9"}]')
        asked += 1
        assert request.path == "/tokens/t9.json"
        return reply(200, '[{"token":"t9"}]' if asked == 1 else '[{"token":"t9","service_request_id":"41"}]')

    assert deliver(script)[0] == Done(core_ref="41")


def test_services_are_what_the_core_lists() -> None:
    async def scene(connector: Open311Connector, _: Steady) -> Sequence[Result]:
        (service,) = await connector.services()
        assert service["service_code"] == "aceras"
        return []

    play(lambda _: reply(200, '[{"service_code":"aceras"}]'), scene)


def test_services_that_are_not_listed_are_a_passing_error() -> None:
    async def scene(connector: Open311Connector, _: Steady) -> Sequence[Result]:
        with pytest.raises(TransientError, match="later"):
            await connector.services()
        return []

    play(lambda _: reply(500), scene)
