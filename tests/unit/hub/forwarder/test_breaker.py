import pytest

from hub.forwarder.breaker import FAILURES_MAX, OPEN_FIRST_MS, OPEN_MAX_MS, Breaker, State

HIGHEST = 0.999999


def breaker() -> Breaker:
    return Breaker(lambda: HIGHEST)


def opened(now_ms: int = 0) -> Breaker:
    broken = breaker()
    for _ in range(FAILURES_MAX):
        broken.failed(now_ms)
    return broken


def test_breaker_begins_closed_with_every_place_free() -> None:
    assert breaker().places(0, under_way=3, places_max=8) == 5
    assert breaker().places(0, under_way=9, places_max=8) == 0
    assert breaker().wait_ms(0) == 0


def test_failures_in_a_row_open_it_and_no_call_begins() -> None:
    broken = breaker()
    for _ in range(FAILURES_MAX - 1):
        broken.failed(0)
    assert broken.state(0) is State.CLOSED
    broken.failed(0)
    assert broken.state(0) is State.OPEN
    assert broken.places(0, under_way=0, places_max=8) == 0


def test_success_between_failures_keeps_it_closed() -> None:
    broken = breaker()
    for _ in range(10 * FAILURES_MAX):
        broken.failed(0)
        broken.failed(0)
        broken.succeeded()
    assert broken.state(0) is State.CLOSED


def test_wait_over_lets_one_call_out_alone() -> None:
    broken = opened()
    wait_ms = broken.wait_ms(0)
    assert 0 < wait_ms <= OPEN_FIRST_MS
    assert broken.state(wait_ms - 1) is State.OPEN
    assert broken.state(wait_ms) is State.HALF_OPEN
    assert broken.places(wait_ms, under_way=0, places_max=8) == 1
    assert broken.places(wait_ms, under_way=1, places_max=8) == 0


def test_lone_call_that_succeeds_closes_it() -> None:
    broken = opened()
    broken.succeeded()
    assert broken.places(0, under_way=0, places_max=8) == 8


def test_lone_call_that_fails_opens_it_for_longer_up_to_the_cap() -> None:
    broken, now_ms, waits = opened(), 0, []
    for _ in range(12):
        waits.append(broken.wait_ms(now_ms))
        now_ms += waits[-1]
        broken.failed(now_ms)
    assert waits == sorted(waits)
    assert waits[1] > waits[0]
    assert waits[-1] == pytest.approx(OPEN_MAX_MS, abs=1)


def test_late_failure_of_an_older_call_does_not_prolong_the_wait() -> None:
    broken = opened()
    wait_ms = broken.wait_ms(0)
    broken.failed(wait_ms - 1)
    assert broken.wait_ms(0) == wait_ms


def test_failures_after_a_closed_spell_count_from_the_start() -> None:
    broken = opened()
    broken.succeeded()
    broken.failed(0)
    assert broken.state(0) is State.CLOSED


def test_pause_that_the_core_asks_for_opens_it_at_once_and_for_as_long() -> None:
    broken = breaker()
    broken.failed(0, pause_ms=90_000)
    assert broken.state(89_999) is State.OPEN
    assert broken.state(90_000) is State.HALF_OPEN
