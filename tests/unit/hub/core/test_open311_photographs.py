"""The connector for late photographs: the form, what each answer makes of it, and what is in doubt."""

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl
from uuid import UUID, uuid5

import pytest

from hub.core.open311_photographs import PhotographConnector, PhotographSettings
from hub.core.port import Connector, Done, Effect, Refused, Result, Retry, Undecidable, Unknown
from tests.support.scripted_http import Heard, Script, reply, scripted

KEY = uuid5(UUID(int=0), "photograph")
URLS = ("https://hub.example/media/kiosk-1/aa/1.x",)
TAKEN = reply(200, '[{"update_id":"9","account_id":null}]')


class Named:
    """Gives out the addresses that the test says."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls

    async def addressed(self, effect: Effect) -> Mapping[str, object]:
        return {**effect.body, "media_urls": list(self._urls)} if self._urls else effect.body

    async def seen(self, effect: Effect, urls: Sequence[str]) -> None:
        raise AssertionError


def effect(attempts: int, **body: object) -> Effect:
    said = {
        "reference": "2345-6789-CDFH",
        "service_request_id": "41",
        "status": "closed",
        "at_ms": 1_795_255_200_000,
        **body,
    }
    return Effect(key=KEY, aggregate="2345-6789-CDFH", body=said, attempts=attempts)


def deliver(
    script: Script,
    *attempts: int,
    keyed: bool = True,
    urls: Sequence[str] = URLS,
    body: Mapping[str, object] | None = None,
) -> tuple[list[Result], list[Heard]]:
    async def run() -> tuple[list[Result], list[Heard]]:
        async with scripted(script) as (endpoint, heard):
            connector = PhotographConnector(
                PhotographSettings(endpoint=endpoint, jurisdiction_id="villafaro.es", keyed=keyed),
                Named(urls),
            )
            port: Connector = connector
            assert (port.name, port.batch_max) == ("open311_photographs", 1)
            found: list[Result] = []
            for attempt in attempts or (0,):
                found += await connector.deliver([effect(attempt, **(body or {}))])
            await connector.close()
            return found, heard

    return asyncio.run(run())


@pytest.mark.sentence("C-6")
def test_update_has_the_fields_of_the_extension_and_the_effects_key() -> None:
    (result,), (heard,) = deliver(lambda _: TAKEN)
    assert result == Done(core_ref="9")
    assert (heard.method, heard.path) == ("POST", "/servicerequestupdates.json")
    assert heard.headers["idempotency-key"] == str(KEY)
    assert parse_qsl(heard.body.decode()) == [
        ("jurisdiction_id", "villafaro.es"),
        ("service_request_id", "41"),
        ("update_id", str(KEY)),
        ("updated_datetime", "2026-11-21T10:00:00Z"),
        ("status", "CLOSED"),
        ("description", "Fotografía del aviso 2345-6789-CDFH, recibida después de enviarlo."),
        ("media_url", URLS[0]),
    ]


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (reply(200, '{"service_request_updates":[{"update_id":7}]}'), Done),
        (reply(200, "[]"), Unknown),
        (reply(200, '[{"update_id":true}]'), Unknown),
        (reply(200, "{}"), Unknown),
        (reply(200, "<html>"), Unknown),
        (None, Unknown),
        (reply(500), Unknown),
        (reply(409), Unknown),
        (reply(429, "", "retry-after: 9"), Retry),
        (reply(403), Retry),
        (reply(404, "<html>no such page</html>"), Retry),
        (reply(404, '[{"code":404,"description":"no such request"}]'), Refused),
        (reply(400, '[{"code":400,"description":"x"}]'), Refused),
    ],
)
def test_answer_makes_of_it_what_it_says(answer: bytes | None, wanted: type[Result]) -> None:
    (result,), _ = deliver(lambda _: answer)
    assert isinstance(result, wanted)


@pytest.mark.sentence("C-6")
def test_what_is_in_doubt_goes_again_under_its_key_where_the_core_counts_it_once() -> None:
    answers = iter([None, TAKEN])
    results, heard = deliver(lambda _: next(answers), 0, 1)
    assert [type(one) for one in results] == [Unknown, Done]
    assert len({request.form()["update_id"] for request in heard}) == 1


@pytest.mark.sentence("C-6")
def test_what_is_in_doubt_goes_to_a_clerk_where_the_core_keeps_no_keys() -> None:
    results, heard = deliver(lambda _: None, 0, 1, keyed=False)
    assert [type(one) for one in results] == [Unknown, Undecidable]
    assert len(heard) == 1


def test_what_surely_did_not_take_place_is_sent_again_also_without_keys() -> None:
    answers = iter([reply(429), TAKEN])
    results, heard = deliver(lambda _: next(answers), 0, 1, keyed=False)
    assert [type(one) for one in results] == [Retry, Done]
    assert len(heard) == 2


def test_photograph_that_is_not_given_out_any_more_is_not_told() -> None:
    (result,), heard = deliver(lambda _: TAKEN, urls=())
    assert (type(result), heard) == (Refused, [])


def test_effect_that_lacks_the_reports_number_is_a_dead_letter() -> None:
    (result,), heard = deliver(lambda _: TAKEN, body={"service_request_id": ""})
    assert (type(result), heard) == (Refused, [])
