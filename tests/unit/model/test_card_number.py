"""Numbers that are printed on cards: the last digit finds what people mistype."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.card_number import CARD_NUMBERS, card_number, grouped, is_card_number
from shared.model.errors import InputError

drawn = st.integers(0, CARD_NUMBERS - 1)


def test_last_digit_is_that_of_the_standard() -> None:
    assert card_number(7992739871)[1:] == "79927398713"  # the usual example
    assert grouped("123456789012") == "1234 5678 9012"


@given(drawn, st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_is_found(number: int, place: int, more: int) -> None:
    written = card_number(number)
    assert is_card_number(written)
    wrong = str((int(written[place]) + more) % 10)
    assert not is_card_number(written[:place] + wrong + written[place + 1 :])


@pytest.mark.parametrize("text", ["", "0" * 11, "0" * 13, "00000000000a", "²" * 12])
def test_what_is_not_twelve_digits_is_no_number(text: str) -> None:
    assert not is_card_number(text)


@pytest.mark.parametrize("number", [-1, CARD_NUMBERS])
def test_number_beyond_its_range_is_refused(number: int) -> None:
    with pytest.raises(InputError, match="draw another"):
        card_number(number)
