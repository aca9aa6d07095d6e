"""A hundred thousand denied cards: found, not found, refused when they are no list."""

import tracemalloc
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_reader.citizen_card.deny_list import CARDS_MAX, DeniedCards
from card_reader.citizen_card.errors import CardDataError

cards = st.tuples(st.binary(min_size=8, max_size=8), st.integers(0, 255))


@given(st.sets(cards, max_size=60), st.sets(cards, max_size=20))
def test_card_is_denied_if_and_only_if_it_is_on_the_list(
    listed: set[tuple[bytes, int]], more: set[tuple[bytes, int]]
) -> None:
    denied = DeniedCards.from_bytes(DeniedCards.of(listed).to_bytes())
    assert len(denied) == len(listed)
    for card_id, issue in listed | more:
        assert denied.names(card_id, issue) is ((card_id, issue) in listed)


def test_list_lies_as_its_page_says() -> None:
    body = DeniedCards.of([(b"second.!", 7), (b"first..!", 1)]).to_bytes()
    assert body == b"VTDC\x01\0\0\0" + (2).to_bytes(4, "big") + b"first..!second.!" + b"\x01\x07"


def test_replacement_of_a_denied_card_is_not_denied() -> None:
    denied = DeniedCards.of([(b"lostcard", 0)])
    assert denied.names(b"lostcard", 0)
    assert not denied.names(b"lostcard", 1)


def test_list_of_a_hundred_thousand_takes_less_than_three_megabytes_and_finds_each() -> None:
    random = Random(5)
    listed = [(random.randbytes(8), random.randrange(256)) for _ in range(CARDS_MAX)]
    body = DeniedCards.of(listed).to_bytes()
    tracemalloc.start()
    denied = DeniedCards.from_bytes(bytes(bytearray(body)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 3_000_000
    assert all(denied.names(*each) for each in listed[::100])
    assert not any(denied.names(random.randbytes(8), 0) for _ in range(1_000))


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:-1],
        lambda body: body + b"\0",
        lambda body: b"XXXX" + body[4:],
        lambda body: body[:4] + b"\x02" + body[5:],
        lambda body: body[:11],
        lambda body: body[:0],
    ],
)
def test_bytes_that_are_no_list_are_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(CardDataError):
        DeniedCards.from_bytes(change(DeniedCards.of([(bytes(8), 1)]).to_bytes()))


@pytest.mark.parametrize("card", [(b"short", 0), (bytes(8), 256), (bytes(8), -1)])
def test_entry_that_is_no_card_is_refused(card: tuple[bytes, int]) -> None:
    with pytest.raises(CardDataError):
        DeniedCards.of([card])


def test_list_that_is_too_long_is_refused() -> None:
    with pytest.raises(CardDataError):
        DeniedCards.of((number.to_bytes(8, "big"), 0) for number in range(CARDS_MAX + 1))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_list_or_refused(body: bytes) -> None:
    try:
        DeniedCards.from_bytes(b"VTDC\x01\0\0\0" + body).names(bytes(8), 0)
    except CardDataError:
        return
