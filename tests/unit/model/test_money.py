"""Money: whole minor units of one currency, and no cent lost."""

import doctest
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model import money
from shared.model.errors import InputError
from shared.model.money import AMOUNT_MINOR_MAX, Money

amounts = st.integers(-(10**12), 10**12)
currencies = st.sampled_from(["EUR", "USD", "JPY", "KWD", "CLF"])


def test_money_example_in_its_page_is_true() -> None:
    assert doctest.testmod(money).failed == 0


@pytest.mark.parametrize("amount", [1.0, True, "5", None, AMOUNT_MINOR_MAX + 1, -AMOUNT_MINOR_MAX - 1])
def test_amount_that_is_no_whole_number_in_range_is_refused(amount: object) -> None:
    with pytest.raises(InputError):
        Money(amount, "EUR")  # pyright: ignore[reportArgumentType] the wrong type is the test


@pytest.mark.parametrize("currency", ["eur", "EURO", "E1R", "", "ÉÉÉ", None])
def test_currency_that_is_no_code_is_refused(currency: object) -> None:
    with pytest.raises(InputError):
        Money(1, currency)  # pyright: ignore[reportArgumentType] the wrong type is the test


@pytest.mark.parametrize(
    "mix",
    [
        lambda euro, dollar: euro + dollar,
        lambda euro, dollar: euro - dollar,
        lambda euro, dollar: euro < dollar,
        lambda euro, dollar: euro <= dollar,
        lambda euro, _: euro + 1,
        lambda euro, _: euro * 1.5,
        lambda euro, _: euro * True,
        lambda euro, dollar: euro * dollar,
    ],
)
def test_what_does_not_mix_is_refused(mix: Callable[[Money, Money], object]) -> None:
    with pytest.raises(InputError):
        mix(Money(1, "EUR"), Money(1, "USD"))


def test_equal_amounts_of_two_currencies_are_not_equal() -> None:
    assert Money(1, "EUR") != Money(1, "USD")
    assert Money(1, "EUR") == Money(1, "EUR")


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Money(4250, "EUR"), "42,50 €"),
        (Money(-5, "EUR"), "-0,05 €"),
        (Money(0, "EUR"), "0,00 €"),
        (Money(123_456_789, "EUR"), "1.234.567,89 €"),
        (Money(1500, "JPY"), "1.500 JPY"),
        (Money(1_234_567, "KWD"), "1.234,567 KWD"),
    ],
)
def test_amount_is_written_as_spain_writes_it(amount: Money, written: str) -> None:
    assert str(amount) == written


@pytest.mark.parametrize(
    ("written", "amount_minor"),
    [("42,5 €", 4250), ("42€", 4200), ("1234,50 €", 123_450), ("1.234,50\u00a0€", 123_450), (" 3 EUR ", 300)],
)
def test_amount_written_in_a_usual_way_is_read(written: str, amount_minor: int) -> None:
    assert Money.parse(written) == Money(amount_minor, "EUR")


@pytest.mark.parametrize(
    "written",
    ["42.50 €", "42,505 €", "42,50", "€ 42", "1.23,50 €", "1.2345 €", "12 JP", "1,5 JPY", "٣ €", "", "--1 €"],
)
def test_amount_that_could_be_misread_is_refused(written: str) -> None:
    with pytest.raises(InputError):
        Money.parse(written)


@given(amounts, currencies)
def test_every_amount_is_read_as_it_was_written(amount_minor: int, currency: str) -> None:
    amount = Money(amount_minor, currency)
    assert Money.parse(str(amount)) == amount


@given(amounts, st.lists(st.integers(0, 1000), min_size=1, max_size=20).filter(any))
def test_shares_add_up_to_the_whole_and_are_fair(amount_minor: int, weights: list[int]) -> None:
    whole = Money(amount_minor, "EUR")
    shares = whole.allocate(*weights)
    assert sum(share.amount_minor for share in shares) == amount_minor
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.amount_minor * sum(weights) - amount_minor * weight) < sum(weights)
        assert weight or not share


@pytest.mark.parametrize("weights", [(), (0, 0), (-1, 2), (1.5, 1), (True, 1)])
def test_weights_that_share_nothing_out_are_refused(weights: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        Money(100, "EUR").allocate(*weights)


@given(amounts, amounts)
def test_sum_and_difference_undo_one_another(first: int, second: int) -> None:
    a, b = Money(first, "EUR"), Money(second, "EUR")
    assert a + b - b == a
    assert a - b == -(b - a)
    assert (a < b) == (first < second)
    assert (a >= b) == (first >= second)
