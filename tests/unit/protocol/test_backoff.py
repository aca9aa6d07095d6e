"""Full jitter: waits that grow, never beyond the cap, never together."""

import pytest

from shared.protocol import limits
from shared.protocol.backoff import Backoff


@pytest.mark.sentence("D-3")
def test_waits_are_drawn_below_a_ceiling_that_doubles_up_to_the_cap() -> None:
    backoff = Backoff(random=lambda: 0.999)
    waits = [backoff.next_ms() for _ in range(30)]
    assert waits[:7] == [999, 1998, 3996, 7992, 15984, 31968, 59940]
    assert set(waits[6:]) == {59940}
    assert limits.BACKOFF_MAX_MS == 60_000


@pytest.mark.sentence("D-3")
def test_waits_of_two_devices_differ() -> None:
    draws = iter((0.3, 0.9))
    one, other = (Backoff(random=lambda: next(draws), attempts=5) for _ in range(2))
    assert (one.next_ms(), other.next_ms()) == (9600, 28800)


def test_wait_is_never_shorter_than_a_quarter_of_the_first() -> None:
    backoff = Backoff(random=lambda: 0.0)
    assert [backoff.next_ms() for _ in range(5)] == [250] * 5


def test_success_begins_anew() -> None:
    backoff = Backoff(random=lambda: 0.5)
    before = [backoff.next_ms() for _ in range(4)]
    backoff.reset()
    assert [backoff.next_ms() for _ in range(4)] == before


def test_attempts_without_end_do_not_overflow() -> None:
    backoff = Backoff(random=lambda: 0.5, attempts=10**9)
    assert backoff.next_ms() == 30_000
