"""CloudEvents: what a subscriber gets, and what its answers mean."""

import asyncio
import json
from uuid import UUID

import pytest

from hub.core.cloudevents import cloudevents_connector
from hub.core.exchange import Endpoint
from hub.core.port import Connector, Done, Effect, Refused, Result, Retry, Unknown
from tests.support.scripted_http import Heard, Script, reply, scripted

EVENT = {
    "specversion": "1.0",
    "id": "e",
    "source": "/devices/kiosk-1",
    "type": "es.ventanilla.incident.reported",
}


def deliver(script: Script, count: int = 2) -> tuple[list[Result], list[Heard]]:
    effects = [Effect(key=UUID(int=n), aggregate="7KXM", body={**EVENT, "id": str(n)}) for n in range(count)]

    async def run() -> tuple[list[Result], list[Heard]]:
        async with scripted(script) as (endpoint, heard):
            connector = cloudevents_connector(endpoint)
            try:
                return [*await connector.deliver(effects)], heard
            finally:
                await connector.close()

    return asyncio.run(run())


def test_connector_keeps_the_port() -> None:
    async def run() -> None:
        port: Connector = cloudevents_connector(Endpoint(base_url="http://127.0.0.1:1"))
        assert (port.name, port.batch_max, port.parallel_max) == ("cloudevents", 100, 4)
        await port.close()

    asyncio.run(run())


def test_batch_is_the_list_of_its_events_at_the_address_itself() -> None:
    results, (request,) = deliver(lambda _: reply(202))
    assert results == [Done(core_ref=str(UUID(int=n))) for n in range(2)]
    assert request.path == "/"
    assert request.headers["content-type"] == "application/cloudevents-batch+json"
    assert json.loads(request.body) == [{**EVENT, "id": "0"}, {**EVENT, "id": "1"}]


@pytest.mark.parametrize(("status", "result"), [(503, Unknown), (429, Retry), (401, Retry), (404, Retry)])
def test_subscriber_that_does_not_take_it_gets_it_later(status: int, result: type[Result]) -> None:
    results, _ = deliver(lambda _: reply(status))
    assert {type(each) for each in results} == {result}


def test_event_that_a_subscriber_refuses_does_not_hold_up_the_others() -> None:
    def script(request: Heard) -> bytes:
        return reply(400 if any(each["id"] == "1" for each in json.loads(request.body)) else 200)

    results, _ = deliver(script, 4)
    assert [type(each) for each in results] == [Done, Refused, Done, Done]
