"""Batches: what each item's answer makes of its effect, and how a bad item is told from the rest."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid5

import pytest

from hub.core.exchange import Endpoint
from hub.core.notices import notices_connector
from hub.core.port import Connector, Done, Effect, Refused, Result, Retry, Unknown
from hub.core.settlements import settlements_connector
from tests.support.scripted_http import Heard, Script, reply, scripted


def effects(count: int) -> list[Effect]:
    return [
        Effect(
            key=uuid5(UUID(int=0), str(number)),
            aggregate=f"card-{number % 3}",
            body={"amount_minor": number, "currency": "EUR"},
        )
        for number in range(count)
    ]


def deliver(script: Script, wanted: Sequence[Effect]) -> tuple[Sequence[Result], list[Heard]]:
    async def run() -> tuple[Sequence[Result], list[Heard]]:
        async with scripted(script) as (endpoint, heard):
            connector = settlements_connector(endpoint)
            try:
                return await connector.deliver(wanted), heard
            finally:
                await connector.close()

    return asyncio.run(run())


def keys(request: Heard) -> list[str]:
    return [item["key"] for item in json.loads(request.body)["items"]]


def accept(request: Heard) -> bytes:
    items = [{"key": key, "result": "accepted", "core_ref": f"S-{key[:4]}"} for key in keys(request)]
    return reply(200, json.dumps({"items": items}))


def one(item: object, *, attempts: int = 0) -> Result:
    """The result of a lone effect whose answer this is."""
    wanted = [replace(effect, attempts=attempts) for effect in effects(1)]
    body = json.dumps({"items": [item]}).replace("KEY", str(wanted[0].key))
    return deliver(lambda _: reply(200, body), wanted)[0][0]


@pytest.mark.parametrize("make", [settlements_connector, notices_connector])
def test_connector_keeps_the_port(make: type) -> None:
    async def run() -> None:
        port: Connector = make(Endpoint(base_url="http://127.0.0.1:1"))
        assert (port.batch_max, port.parallel_max) == (100, 4)
        await port.close()

    asyncio.run(run())


def test_batch_is_one_request_with_a_key_for_each_effect_and_one_for_all() -> None:
    wanted = effects(3)
    results, (request,) = deliver(accept, wanted)
    assert results == [Done(core_ref=f"S-{str(effect.key)[:4]}") for effect in wanted]
    assert request.path == "/settlements"
    body = json.loads(request.body)
    assert body["key"] == request.headers["idempotency-key"]
    assert body["items"][1] == {
        "key": str(wanted[1].key),
        "aggregate": "card-1",
        "body": {"amount_minor": 1, "currency": "EUR"},
    }


def test_key_of_a_batch_is_that_of_its_effects() -> None:
    same = {deliver(accept, effects(3))[1][0].headers["idempotency-key"] for _ in range(2)}
    other = deliver(accept, effects(4))[1][0].headers["idempotency-key"]
    assert len(same | {other}) == 2


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"key": "KEY", "result": "accepted", "core_ref": "S-1"}, Done),
        ({"key": "KEY", "result": "duplicate"}, Done),
        ({"key": "KEY", "result": "refused", "reason": "account closed"}, Refused),
        ({"key": "KEY", "result": "conflict"}, Refused),
        ({"key": "KEY", "result": "perhaps"}, Unknown),
        ({"key": "another", "result": "accepted"}, Unknown),
        ("KEY", Unknown),
    ],
)
def test_answer_of_an_item_has_its_result(item: object, expected: type[Result]) -> None:
    assert isinstance(one(item), expected)


@pytest.mark.parametrize(
    ("amount_minor", "attempts", "expected"), [(0, 1, Done), (0, 0, Refused), (1, 1, Refused)]
)
def test_conflict_about_the_same_money_that_may_have_been_sent_is_done(
    amount_minor: int, attempts: int, expected: type[Result]
) -> None:
    """A hub that was put back dates an event otherwise than before; the core has it all the same."""
    held = {"amount_minor": amount_minor, "currency": "EUR"}
    item = {"key": "KEY", "result": "conflict", "core_ref": "S-7", "held": held}
    assert isinstance(one(item, attempts=attempts), expected)


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"items":{}}', '{"items":[]}'])
def test_answer_that_names_no_item_leaves_all_in_doubt(body: str) -> None:
    results, _ = deliver(lambda _: reply(200, body), effects(2))
    assert [type(result) for result in results] == [Unknown, Unknown]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(429, Retry), (401, Retry), (404, Retry), (405, Retry), (500, Unknown), (503, Unknown), (408, Unknown)],
)
def test_status_that_blames_no_item_is_the_result_of_all(status: int, expected: type[Result]) -> None:
    results, heard = deliver(lambda _: reply(status), effects(3))
    assert [type(result) for result in results] == [expected] * 3
    assert len(heard) == 1


def test_connection_that_breaks_leaves_all_in_doubt() -> None:
    results, _ = deliver(lambda _: None, effects(2))
    assert [type(result) for result in results] == [Unknown, Unknown]


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_bad_item_is_told_from_the_hundred_around_it(status: int) -> None:
    wanted = effects(100)
    bad = str(wanted[63].key)
    results, heard = deliver(
        lambda request: reply(status) if bad in keys(request) else accept(request), wanted
    )
    assert isinstance(results[63], Refused)
    assert sum(isinstance(result, Done) for result in results) == 99
    assert len(heard) < 16
