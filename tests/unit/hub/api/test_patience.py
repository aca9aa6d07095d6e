"""How much a device may ask: at once, after a while, and with a clock that jumps."""

from hypothesis import given
from hypothesis import strategies as st

from hub.api.patience import Measure, Patience

THREE = Measure(size=3, every_ms=1_000)


def asked(patience: Patience, who: str, at_ms: int) -> bool:
    is_left = patience.is_left(who, at_ms)
    if is_left:
        patience.spend(who, at_ms)
    return is_left


def test_measure_is_emptied_by_asking_and_fills_with_time() -> None:
    patience = Patience(THREE)
    assert [asked(patience, "a", 10_000) for _ in range(5)] == [True, True, True, False, False]
    assert asked(patience, "b", 10_000)
    assert not asked(patience, "a", 10_999)
    assert asked(patience, "a", 11_000)
    assert not asked(patience, "a", 11_000)


def test_clock_that_is_set_back_by_years_locks_nobody_out_for_longer_than_the_measure_fills() -> None:
    patience = Patience(THREE)
    for _ in range(3):
        assert asked(patience, "a", 10**12)
    assert not asked(patience, "a", 5_000)
    patience.spend("a", 5_000)
    assert asked(patience, "a", 5_000 + 4_000)


@given(st.lists(st.integers(0, 5_000), max_size=60))
def test_nobody_gets_more_than_the_measure_and_what_time_gave(pauses: list[int]) -> None:
    patience, now_ms, given_out = Patience(THREE), 0, 0
    for pause in pauses:
        now_ms += pause
        given_out += asked(patience, "a", now_ms)
    assert given_out <= THREE.size + now_ms // THREE.every_ms
