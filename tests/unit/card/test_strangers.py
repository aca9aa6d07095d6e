"""Cards that are none of ours: each is told apart with at most one command more, and is charged nothing."""

import pytest

from card_reader.apdu.conversing import converse
from card_reader.core.decision import No
from card_reader.core.stranger import stranger
from card_reader.core.tap import tap
from card_reader.virtual_card.faults import Field, Plan
from card_reader.virtual_card.strangers import KINDS, Stranger
from tests.support.cards import Held, MemoryBook, Town, desk_of, no_wait, trip

SAID = {
    "bank": No.BANK_CARD,
    "bank_random": No.BANK_CARD,
    "phone": No.PHONE,
    "wallet": No.PHONE,
    "town": No.FOREIGN_CARD,
    "storage": No.FOREIGN_CARD,
}
NUMBER = bytes.fromhex("04AA11BB22CC33")


def held(name: str, plan: Plan | None = None) -> tuple[Stranger, Held]:
    card = Stranger(KINDS[name], Town().random.randbytes)
    field = Field(card, no_wait)
    field.present(plan or Plan())
    return card, Held(field)


@pytest.mark.parametrize("name", KINDS)
def test_stranger_is_told_apart_with_at_most_one_command(name: str) -> None:
    card, field = held(name)
    assert converse(field, stranger(card.number, card.atr)) is SAID[name]
    assert card.asked == (0 if SAID[name] is No.PHONE or name == "storage" else 1)


@pytest.mark.parametrize(("name", "said"), [("bank", No.BANK_CARD), ("town", No.FOREIGN_CARD)])
def test_card_with_a_number_like_ours_costs_one_command_more_than_our_selection(name: str, said: No) -> None:
    card, field = held(name)
    town, book = Town(), MemoryBook()
    assert converse(field, tap(NUMBER, trip(), desk_of(town, book), card.atr)).said is said
    assert card.asked == 2
    assert not book.booked


def test_stranger_that_leaves_before_it_is_asked_is_held_again() -> None:
    card, field = held("bank", Plan(tear_at=1))
    assert converse(field, stranger(card.number, card.atr)) is No.REMOVED


@pytest.mark.parametrize("answer", [b"", b"\x90\x00", b"\x6f\x00\x6a\x82", b"\x70\x90\x00", b"x" * 300])
def test_stranger_that_answers_anything_is_no_bank_card(answer: bytes) -> None:
    class Odd(Held):
        def transmit(self, command: bytes) -> bytes:
            return answer

    _, field = held("bank")
    assert converse(Odd(field.field), stranger(NUMBER, b"")) is No.FOREIGN_CARD


def test_number_that_is_drawn_anew_each_time_without_a_name_is_a_telephone_and_with_one_is_asked() -> None:
    card, field = held("bank_random")
    before = card.number
    field.field.present(Plan())
    assert card.number != before
    assert converse(field, stranger(card.number, b"")) is No.BANK_CARD
    card, field = held("phone")
    assert converse(field, stranger(card.number, b"")) is No.PHONE
    assert card.asked == 1
