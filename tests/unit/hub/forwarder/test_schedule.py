from hypothesis import given
from hypothesis import strategies as st

from hub.forwarder.schedule import RETRY_FIRST_MS, RETRY_MAX_MS, Schedule

NOW_MS = 1_795_255_200_000
draws = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(draws, st.integers(0, 10**6))
def test_wait_is_within_its_bounds_whatever_is_drawn(draw: float, attempts: int) -> None:
    wait_ms = Schedule(random=lambda: draw).due_ms(NOW_MS, attempts=attempts, after_s=None) - NOW_MS
    assert RETRY_FIRST_MS // 4 <= wait_ms <= min(RETRY_MAX_MS, RETRY_FIRST_MS << min(attempts, 20))


@given(draws, st.integers(0, 50), st.floats(0, 3600))
def test_core_is_never_asked_before_the_pause_that_it_asked_for(
    draw: float, attempts: int, after_s: float
) -> None:
    due_ms = Schedule(random=lambda: draw).due_ms(NOW_MS, attempts=attempts, after_s=after_s)
    assert due_ms >= NOW_MS + int(after_s * 1000)


def test_cap_below_the_first_wait_holds_for_the_first_wait_too() -> None:
    schedule = Schedule(random=lambda: 0.999, max_ms=100)
    assert schedule.due_ms(NOW_MS, attempts=0, after_s=None) <= NOW_MS + 100
