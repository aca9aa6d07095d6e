"""What a core says of what citizens wrote, read from whatever bytes it sends."""

import json

import pytest

from hub.core.mailbox_answers import read_answers
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import CoreWord


def test_answer_is_read_by_key_and_rows_that_say_nothing_known_are_passed_over() -> None:
    items = [
        {"key": "a", "status": " Closed ", "answer": " Sí ", "answered_datetime": "2026-11-21T10:00:00Z"},
        {"key": "b", "status": "open", "answer": None},
        {"key": "c", "status": "archived", "answer": "No"},
        {"key": "d", "status": "closed", "answer": "x" * 9_000},
        {"key": "e", "status": "closed", "answer": "\ud800"},
        "nothing",
    ]
    words = read_answers(json.dumps({"items": items}).encode())
    assert words is not None
    assert words["a"] == CoreWord(status=Status.CLOSED, notes="Sí", updated_ms=1_795_255_200_000)
    assert words["b"] == CoreWord(status=Status.OPEN)
    assert (len(words["d"].notes), words["e"].notes) == (4_000, "")
    assert sorted(words) == ["a", "b", "d", "e"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"items":{}}', b"<html>", b"\xff"])
def test_what_is_no_answer_is_none(body: bytes) -> None:
    assert read_answers(body) is None
