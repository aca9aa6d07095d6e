"""The kiosk's own keyboard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk_app.core.keyboard import ERASE, LETTERS, SHIFT, SIGNS, SPACE, Hand, rows_of, strike
from kiosk_app.core.pages import Keyboard
from shared.model.ids import REFERENCE_ALPHABET
from shared.model.wording import Language


def struck(*keys: str, text: str = "") -> str:
    hand = Hand(text=text)
    for key in keys:
        hand = strike(hand, key, 100)
    return hand.text


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (("´", "a"), "á"),
        (("´", "E"), "É"),
        (("¨", "u"), "ü"),
        (("`", "o"), "ò"),
        (("´", "n"), "´n"),
        (("´", ERASE, "a"), "a"),
        (("a", "b", ERASE), "a"),
        (("l·l",), "l·l"),
    ],
)
def test_accents_compose_and_what_does_not_take_one_keeps_it_beside(keys: tuple[str, ...], text: str) -> None:
    assert struck(*keys) == text


def test_sentence_begins_with_a_capital_and_shift_is_for_one_letter() -> None:
    assert "Q" in rows_of(Keyboard.TEXT, Language.ES, Hand())[0]
    assert "q" in rows_of(Keyboard.TEXT, Language.ES, Hand(text="Hola"))[0]
    assert "Q" in rows_of(Keyboard.TEXT, Language.ES, Hand(text="Hola. "))[0]
    shifted = strike(Hand(text="la "), SHIFT, 10)
    assert "Q" in rows_of(Keyboard.TEXT, Language.ES, shifted)[0]
    assert "q" in rows_of(Keyboard.TEXT, Language.ES, strike(shifted, "Q", 10))[0]


def test_nothing_beyond_the_limit_is_written() -> None:
    assert strike(Hand(text="abc"), "d", 3).text == "abc"
    assert strike(Hand(text="abc"), "l·l", 5).text == "abc"


@pytest.mark.parametrize("language", Language)
def test_every_letter_of_the_language_can_be_typed(language: Language) -> None:
    letters = {
        Language.ES: "abcdefghijklmnñopqrstuvwxyzáéíóúü",
        Language.CA: "abcdefghijklmnopqrstuvwxyzçàéèíïóòúü",
        Language.EN: "abcdefghijklmnopqrstuvwxyz'",
    }[language]
    keys = {key for row in rows_of(Keyboard.TEXT, language, Hand(text="a")) for key in row}
    reached = keys | {struck(accent, key) for accent in {"´", "`", "¨"} & keys for key in keys}
    assert set(letters) <= reached


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("keyboard", Keyboard)
@pytest.mark.parametrize("hand", [Hand(), Hand(text="a"), Hand(signs=True)])
def test_no_key_stands_twice(keyboard: Keyboard, language: Language, hand: Hand) -> None:
    keys = [key for row in rows_of(keyboard, language, hand) for key in row]
    assert len(keys) == len(set(keys))


def test_code_is_typed_with_its_own_letters_alone() -> None:
    keys = {key for row in rows_of(Keyboard.CODE, Language.ES, Hand()) for key in row}
    assert keys - {ERASE} == set(REFERENCE_ALPHABET)


@given(st.lists(st.sampled_from([*"qñ´¨`aA. ", SHIFT, ERASE, SIGNS, LETTERS, SPACE]), max_size=40))
def test_whatever_is_struck_the_text_keeps_its_limit_and_holds_letters_alone(keys: list[str]) -> None:
    hand = Hand()
    for key in keys:
        hand = strike(hand, key, 12)
        assert len(hand.text) <= 12
        assert not {"shift", "erase"} & set(hand.text.split())
