"""How reports stand at a core: one question for many, or one by one, and nothing from nonsense."""

import asyncio
import json
from collections.abc import Callable

import pytest

from hub.core.open311_updates import BATCH, QUESTIONS_MAX, NotToldError, Told, Updates, read_word
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import CoreWord
from tests.support.scripted_http import Heard, Script, reply, scripted


def row(ref: str, status: object = "open", **more: object) -> dict[str, object]:
    return {"service_request_id": ref, "status": status, **more}


def lists(*rows: dict[str, object]) -> bytes:
    return reply(200, json.dumps(list(rows)))


def ask(script: Script, refs: list[str], *, spend: int = 0) -> tuple[Told, list[Heard]]:
    async def scene() -> tuple[Told, list[Heard]]:
        async with scripted(script, timeout_s=0.5) as (endpoint, heard):
            source = Updates(endpoint, "bcn")
            source.left -= spend
            try:
                return await source.ask(refs), heard
            finally:
                await source.close()

    return asyncio.run(scene())


def test_many_reports_are_one_question_by_their_numbers() -> None:
    refs = [str(n) for n in range(1, BATCH + 1)]
    told, heard = ask(lambda _: lists(*(row(ref, "closed") for ref in refs)), refs)
    assert told.words == dict.fromkeys(refs, CoreWord(status=Status.CLOSED))
    assert told.asked == BATCH
    (question,) = heard
    assert (question.method, question.path) == ("GET", "/requests.json")
    assert question.query == {"jurisdiction_id": "bcn", "service_request_id": ",".join(refs)}


def test_core_that_takes_one_number_at_a_time_is_asked_one_by_one() -> None:
    def script(request: Heard) -> bytes:
        if request.path == "/requests.json":
            return reply(400, '[{"code":400,"description":"one id"}]')
        return lists(row(request.path.removeprefix("/requests/").removesuffix(".json"), "closed"))

    told, heard = ask(script, ["7", "8"])
    assert set(told.words) == {"7", "8"}
    assert [request.path for request in heard] == ["/requests.json", "/requests/7.json", "/requests/8.json"]


def test_row_that_nobody_asked_for_is_passed_over_and_what_is_missing_is_asked_for_alone() -> None:
    def script(request: Heard) -> bytes:
        if request.path == "/requests.json":
            return lists(row("99", "closed"), row("7", "closed"))
        return reply(404)

    told, heard = ask(script, ["7", "8"])
    assert set(told.words) == {"7"}
    assert heard[-1].path == "/requests/8.json"


def test_number_that_would_be_a_path_or_two_numbers_stays_one_number() -> None:
    _, heard = ask(lambda _: lists(), ["../services", "1,2"])
    assert [request.path for request in heard] == ["/requests/..%2Fservices.json", "/requests/1%2C2.json"]


def test_token_that_has_a_number_now_is_named() -> None:
    def script(request: Heard) -> bytes:
        is_ready = request.path == "/tokens/abc.json"
        return lists({"token": "abc", "service_request_id": "41" if is_ready else None})

    told, _ = ask(script, ["token:abc", "token:xyz"])
    assert told.numbers == {"token:abc": "41"}
    assert (told.words, told.asked) == ({}, 2)


def test_questions_of_a_turn_are_bounded_and_the_place_is_told() -> None:
    def script(request: Heard) -> bytes:
        return reply(400) if request.path == "/requests.json" else lists()

    told, heard = ask(script, [str(n) for n in range(50)])
    assert (told.asked, len(heard)) == (QUESTIONS_MAX - 1, QUESTIONS_MAX)
    told, heard = ask(script, ["1", "2"], spend=QUESTIONS_MAX - 1)
    assert (told.asked, len(heard)) == (0, 1)


@pytest.mark.parametrize(
    "script",
    [
        lambda _: reply(500),
        lambda _: reply(429),
        lambda _: reply(403),
        lambda _: reply(200, "<html>mantenimiento</html>"),
        lambda _: reply(200, '{"errors":[]}'),
        lambda _: reply(200, '["7"]'),
        lambda _: b"no http\r\n\r\n",
        lambda _: None,
    ],
)
def test_core_that_fails_or_talks_nonsense_says_nothing(script: Callable[[Heard], bytes | None]) -> None:
    with pytest.raises(NotToldError):
        ask(script, ["7", "8"])


@pytest.mark.parametrize("status", ["Pending", "", None, 1, ["open"], {"status": "open"}])
def test_state_that_the_standard_does_not_know_is_no_word(status: object) -> None:
    told, _ = ask(lambda _: lists(row("7", status), row("8", "closed")), ["7", "8"])
    assert (set(told.words), told.unread) == ({"8"}, 1)


@pytest.mark.parametrize(
    ("updated", "updated_ms"),
    [
        ("2026-11-21T10:00:00Z", 1_795_255_200_000),
        ("2026-11-21T11:00:00+01:00", 1_795_255_200_000),
        ("2026-11-21T10:00:00", 1_795_255_200_000),
        ("1066-10-14T09:00:00Z", -28_502_722_800_000),
        ("yesterday", None),
        ("", None),
        (5, None),
        (None, None),
        ("9999-99-99T00:00:00Z", None),
    ],
)
def test_instant_of_the_core_is_kept_where_it_is_one(updated: object, updated_ms: int | None) -> None:
    word = read_word(row("7", "OPEN ", updated_datetime=updated))
    assert word is not None
    assert (word.status, word.updated_ms) == (Status.OPEN, updated_ms)


@pytest.mark.parametrize(
    ("notes", "kept"),
    [
        (" Arreglado ", "Arreglado"),
        ("x" * 9_000, "x" * 4_000),
        (None, ""),
        (7, ""),
        ("a\0b", ""),
        ("\ud800", ""),
    ],
)
def test_notes_are_kept_as_far_as_they_can_be_stored(notes: object, kept: str) -> None:
    word = read_word(row("7", "open", status_notes=notes))
    assert word is not None
    assert word.notes == kept
