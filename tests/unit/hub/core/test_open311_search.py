"""The search against servers that list in their own ways: with pages, cut short, wrongly, or not at all."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from hub.core.exchange import Exchange
from hub.core.open311_search import Absent, Blind, Failed, Found, Search, Sighting
from tests.support.scripted_http import Heard, Script, reply, scripted

REFERENCE = "2345-6789-CDFH"
NOW_MS = 1_795_255_200_000
Row = dict[str, object]


def row(number: int, reference: str, at_ms: int = NOW_MS) -> Row:
    return {"service_request_id": str(number), "description": f"x\nRef. {reference}", "at_ms": at_ms}


def others(count: int, at_ms: Callable[[int], int] = lambda _: NOW_MS) -> list[Row]:
    return [row(number, f"OTHER-{number}", at_ms(number)) for number in range(count)]


def find(
    script: Script, *, reference_query: str = "", since_ms: int = NOW_MS, rows_max: int = 1000
) -> tuple[Sighting, list[Heard]]:
    async def run() -> tuple[Sighting, list[Heard]]:
        async with scripted(script) as (endpoint, heard):
            exchange = Exchange(endpoint)
            search = Search(exchange, [("api_key", "k")], reference_query, rows_max)
            try:
                return await search.find(REFERENCE, "aceras", since_ms, NOW_MS), heard
            finally:
                await exchange.close()

    return asyncio.run(run())


def server(rows: Sequence[Row], *, page_rows: int | None, cut: int = 10**6) -> Script:
    """A server that lists by window and service, in pages of its own size or cut short without any."""

    def script(request: Heard) -> bytes:
        assert request.query["service_code"] == "aceras"
        start, end = (
            datetime.fromisoformat(request.query[name]).timestamp() * 1000
            for name in ("start_date", "end_date")
        )
        found = [one for one in rows if start <= int(str(one["at_ms"])) <= end]
        if page_rows is not None:
            first = (int(request.query["page"]) - 1) * page_rows
            found = found[first : first + page_rows]
        return reply(200, json.dumps(found[:cut]))

    return script


@pytest.mark.parametrize("page_rows", [None, 7, 100])
def test_report_that_is_there_is_found(page_rows: int | None) -> None:
    rows = [*others(30), row(77, REFERENCE), *others(5)]
    assert find(server(rows, page_rows=page_rows))[0] == Found(core_ref="77")


@pytest.mark.parametrize("page_rows", [None, 7, 100])
def test_report_that_is_nowhere_is_absent(page_rows: int | None) -> None:
    assert find(server(others(33), page_rows=page_rows))[0] == Absent()


def test_every_question_names_service_window_and_key() -> None:
    _, heard = find(server([], page_rows=None))
    (question,) = heard
    assert question.path == "/requests.json"
    assert question.query == {
        "api_key": "k",
        "service_code": "aceras",
        "start_date": "2026-11-20T10:00:00Z",
        "end_date": "2026-11-22T10:00:00Z",
        "extensions": "true",
        "page": "1",
        "page_size": "100",
    }


@pytest.mark.parametrize("cut", [20, 50, 100, 1000])
def test_listing_that_was_cut_short_is_split_until_the_report_is_seen(cut: int) -> None:
    """The report is older than all that the server lists at once."""
    rows = [*others(cut + 30, lambda number: NOW_MS - number * 1000), row(77, REFERENCE, NOW_MS - 80_000_000)]
    assert find(server(rows, page_rows=None, cut=cut))[0] == Found(core_ref="77")


@pytest.mark.parametrize("cut", [20, 50, 100, 1000])
def test_listing_that_was_cut_short_is_split_until_nothing_can_hide(cut: int) -> None:
    rows = others(cut + 30, lambda number: NOW_MS - number * 1000)
    assert find(server(rows, page_rows=None, cut=cut))[0] == Absent()


def test_listing_cut_at_the_servers_own_limit_is_split_too() -> None:
    rows = [*others(60, lambda number: NOW_MS - number * 1000), row(77, REFERENCE, NOW_MS - 80_000_000)]
    assert find(server(rows, page_rows=None, cut=33), rows_max=33)[0] == Found(core_ref="77")


def test_more_requests_in_one_second_than_the_server_lists_makes_the_search_blind() -> None:
    assert isinstance(find(server(others(60), page_rows=None, cut=50))[0], Blind)


def test_search_longer_than_its_budget_is_blind() -> None:
    seen, heard = find(server(others(5000), page_rows=10))
    assert isinstance(seen, Blind)
    assert len(heard) == 200


def test_outage_longer_than_a_server_lists_at_once_is_searched_in_windows() -> None:
    long_ago_ms = NOW_MS - 200 * 86_400_000
    rows = [row(77, REFERENCE, long_ago_ms)]
    seen, heard = find(server(rows, page_rows=None), since_ms=long_ago_ms)
    assert seen == Found(core_ref="77")
    spans = [
        datetime.fromisoformat(question.query["end_date"])
        - datetime.fromisoformat(question.query["start_date"])
        for question in heard
    ]
    assert max(span.days for span in spans) <= 90


def test_server_that_repeats_its_last_page_is_listed_whole() -> None:
    rows = others(25)

    def script(request: Heard) -> bytes:
        page = min(int(request.query["page"]), 3)
        return reply(200, json.dumps(rows[(page - 1) * 10 : page * 10]))

    assert find(script)[0] == Absent()


def test_rows_without_a_number_do_not_pass_for_one_another() -> None:
    rows = [{**row(number, f"OTHER-{number}"), "service_request_id": None} for number in range(15)]
    rows.append({**row(0, REFERENCE), "service_request_id": None, "token": "t9"})
    assert find(server(rows, page_rows=5))[0] == Found(core_ref="token:t9")


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_server_that_does_not_list_makes_the_search_blind(status: int) -> None:
    assert isinstance(find(lambda _: reply(status))[0], Blind)


@pytest.mark.parametrize("status", [401, 403, 409, 500, 502, 503])
def test_server_that_fails_leaves_the_search_for_later(status: int) -> None:
    assert isinstance(find(lambda _: reply(status))[0], Failed)


def test_server_that_asks_for_a_pause_gets_it() -> None:
    seen, _ = find(lambda _: reply(429, "", "retry-after: 11"))
    assert isinstance(seen, Failed)
    assert seen.after_s == 11.0


@pytest.mark.parametrize("body", ["<html>", "{}", '["x"]', '{"requests":[]}'])
def test_listing_that_is_none_leaves_the_search_for_later(body: str) -> None:
    assert isinstance(find(lambda _: reply(200, body))[0], Failed)


def test_connection_that_breaks_leaves_the_search_for_later() -> None:
    assert isinstance(find(lambda _: None)[0], Failed)


def test_filter_by_reference_needs_one_question_where_the_server_has_it() -> None:
    def script(request: Heard) -> bytes:
        return reply(
            200, json.dumps([row(5, request.query["ref"])] if request.query["ref"] == REFERENCE else [])
        )

    seen, heard = find(script, reference_query="ref")
    assert (seen, len(heard)) == (Found(core_ref="5"), 1)
    seen, heard = find(lambda _: reply(200, "[]"), reference_query="ref")
    assert (seen, len(heard)) == (Absent(), 1)


def test_filter_that_the_server_ignores_is_not_taken_for_an_answer() -> None:
    """It lists what it likes; only the windows tell."""
    listing = server([*others(3), row(77, REFERENCE)], page_rows=None)

    def script(request: Heard) -> bytes | None:
        return reply(200, json.dumps(others(3))) if "ref" in request.query else listing(request)

    assert find(script, reference_query="ref")[0] == Found(core_ref="77")


def test_filter_that_the_server_refuses_falls_back_on_the_windows() -> None:
    def script(request: Heard) -> bytes:
        return reply(400) if "ref" in request.query else reply(200, json.dumps([row(77, REFERENCE)]))

    assert find(script, reference_query="ref")[0] == Found(core_ref="77")
