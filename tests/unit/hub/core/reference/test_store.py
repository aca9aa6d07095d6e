from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.core.reference.store import Item, Listing, Store, find_reference

NOW_MS = 1_795_255_200_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "core.db")
    yield opened
    opened.close()


def fields(reference: str = "2345-6789-CDFH") -> dict[str, str]:
    return {"service_code": "aceras", "description": f"Baldosa\nRef. {reference}"}


def item(key: str, amount_minor: int = 150) -> Item:
    body = {"amount_minor": amount_minor}
    return Item(key=key, aggregate="card", body=body, amount_minor=amount_minor, currency="EUR")


@pytest.mark.parametrize(
    ("posted", "reference"),
    [
        ({"description": "x\nRef. AAAA-BBBB"}, "AAAA-BBBB"),
        ({"description": "Ref. AAAA\nx"}, ""),
        ({"description": "x", "attribute[ventanilla_reference]": "AAAA"}, "AAAA"),
        ({}, ""),
    ],
)
def test_reference_is_read_where_a_sender_puts_it(posted: dict[str, str], reference: str) -> None:
    assert find_reference(posted) == reference


def test_same_report_filed_twice_without_a_key_takes_effect_twice_and_is_counted(store: Store) -> None:
    numbers = [store.file_request(fields(), None, NOW_MS) for _ in range(2)]
    assert len(set(numbers)) == 2
    assert store.reckon()["kinds"] == {"requests": {"effects": 2, "distinct": 1, "duplicates": 1}}
    assert store.reckon()["duplicates"] == 1


def test_same_report_filed_twice_with_a_key_takes_effect_once(store: Store) -> None:
    assert store.file_request(fields(), "k", NOW_MS) == store.file_request(fields(), "k", NOW_MS)
    assert store.reckon()["duplicates"] == 0


def test_batch_counts_each_key_once_and_tells_a_repeat_from_a_contradiction(store: Store) -> None:
    assert [one.result for one in store.take("settlements", [item("a"), item("b"), item("a")], NOW_MS)] == [
        "accepted",
        "accepted",
        "duplicate",
    ]
    assert [one.result for one in store.take("settlements", [item("a", 99)], NOW_MS)] == ["conflict"]
    assert store.reckon()["money_minor"] == {"EUR": 300}


def test_what_took_effect_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Store(tmp_path / "core.db")
    first.file_request(fields(), "k", NOW_MS)
    first.take("settlements", [item("a")], NOW_MS)
    before = first.reckon()
    first.close()
    second = Store(tmp_path / "core.db")
    assert second.reckon() == before
    second.file_request(fields(), "k", NOW_MS)
    assert second.reckon() == before
    assert [row["n"] for row in second.journal(1, 10)] == [2]
    second.close()


def test_listing_is_by_window_service_reference_and_number_newest_first(store: Store) -> None:
    for minute in range(5):
        store.file_request(
            {**fields(f"R-{minute}"), "service_code": "aceras" if minute % 2 else "agua"},
            None,
            NOW_MS + minute * 60_000,
        )

    def numbers(listing: Listing) -> list[int]:
        return [one.id for one in store.list_requests(listing)]

    every = Listing(start_ms=0, end_ms=2 * NOW_MS, limit=10)
    assert numbers(every) == [5, 4, 3, 2, 1]
    assert numbers(replace(every, limit=2, offset=1)) == [4, 3]
    assert numbers(replace(every, service_codes=["agua"])) == [5, 3, 1]
    assert numbers(replace(every, start_ms=NOW_MS + 60_000, end_ms=NOW_MS + 120_000)) == [3, 2]
    assert numbers(replace(every, reference="R-3")) == [4]
    assert numbers(replace(every, ids=[2, 9])) == [2]
