"""Offers: one counts, the latest, once, for a minute."""

import pytest

from hub.ingest.sessions import Sessions, Standing
from shared.protocol import limits
from tests.support.street import Chance

NOW_MS = 1_000_000


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(Chance())


@pytest.mark.sentence("B-2")
def test_offer_taken_up_opens_the_session_once(sessions: Sessions) -> None:
    session = sessions.offer("kiosk-7", "nonce", NOW_MS)
    assert sessions.current("kiosk-7") is None
    assert sessions.confirm("kiosk-7", session, NOW_MS) is Standing.OPENED
    assert sessions.current("kiosk-7") == session
    assert sessions.confirm("kiosk-7", session, NOW_MS) is Standing.CURRENT


@pytest.mark.sentence("B-2")
def test_offer_counts_for_a_minute(sessions: Sessions) -> None:
    session = sessions.offer("kiosk-7", "nonce", NOW_MS)
    late_ms = NOW_MS + limits.OFFER_LIFE_MS + 1
    assert limits.OFFER_LIFE_MS == 60_000
    assert sessions.confirm("kiosk-7", session, late_ms) is Standing.UNKNOWN
    assert sessions.confirm("kiosk-7", session, late_ms - 1) is Standing.OPENED


@pytest.mark.sentence("B-2")
def test_offer_is_void_once_there_is_a_later_one(sessions: Sessions) -> None:
    first, second = (sessions.offer("kiosk-7", nonce, NOW_MS) for nonce in ("one", "two"))
    assert first != second
    assert sessions.confirm("kiosk-7", first, NOW_MS) is Standing.UNKNOWN
    assert sessions.confirm("kiosk-7", second, NOW_MS) is Standing.OPENED


@pytest.mark.sentence("B-2")
def test_offer_that_lives_is_given_again_to_the_same_nonce(sessions: Sessions) -> None:
    """Two births of one connection under way must not void one another's offers for ever."""
    first, second = (sessions.offer("kiosk-7", "nonce", NOW_MS) for _ in range(2))
    assert first == second
    assert sessions.confirm("kiosk-7", first, NOW_MS) is Standing.OPENED
    assert sessions.offer("kiosk-7", "nonce", NOW_MS) != first


@pytest.mark.sentence("B-2")
def test_session_that_was_left_cannot_be_taken_up_again(sessions: Sessions) -> None:
    first = sessions.offer("kiosk-7", "nonce", NOW_MS)
    sessions.confirm("kiosk-7", first, NOW_MS)
    second = sessions.offer("kiosk-7", "nonce", NOW_MS)
    assert sessions.current("kiosk-7") == first
    sessions.confirm("kiosk-7", second, NOW_MS)
    assert sessions.confirm("kiosk-7", first, NOW_MS) is Standing.UNKNOWN


def test_offer_of_one_device_is_none_of_another(sessions: Sessions) -> None:
    session = sessions.offer("kiosk-7", "nonce", NOW_MS)
    assert sessions.confirm("bus-7", session, NOW_MS) is Standing.UNKNOWN
    assert sessions.confirm("bus-7", "", NOW_MS) is Standing.UNKNOWN


@pytest.mark.sentence("B-5")
def test_welcome_to_a_frame_is_given_once_a_second_to_each_device(sessions: Sessions) -> None:
    asked = [(0, "kiosk-7"), (1, "kiosk-7"), (1, "bus-7"), (999, "kiosk-7"), (1_000, "kiosk-7")]
    assert [sessions.may_welcome(name, NOW_MS + after) for after, name in asked] == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_clock_that_was_set_back_by_years_does_not_silence_the_hub(sessions: Sessions) -> None:
    assert sessions.may_welcome("kiosk-7", NOW_MS + 10 * 365 * 86_400_000)
    assert sessions.may_welcome("kiosk-7", NOW_MS)
    assert not sessions.may_welcome("kiosk-7", NOW_MS + 1)


def test_numbers_of_acknowledgements_rise(sessions: Sessions) -> None:
    numbers = [sessions.next_number() for _ in range(3)]
    sessions.forget(["kiosk-7"])
    assert [*numbers, sessions.next_number()] == [1, 2, 3, 4]


def test_sessions_that_are_forgotten_are_unknown(sessions: Sessions) -> None:
    taken, offered = sessions.offer("kiosk-7", "nonce", NOW_MS), sessions.offer("bus-7", "nonce", NOW_MS)
    sessions.confirm("kiosk-7", taken, NOW_MS)
    sessions.forget(["cashier-1"])
    assert sessions.current("kiosk-7") == taken
    sessions.forget(["kiosk-7", "bus-7"])
    assert sessions.current("kiosk-7") is None
    assert sessions.confirm("kiosk-7", taken, NOW_MS) is Standing.UNKNOWN
    assert sessions.confirm("bus-7", offered, NOW_MS) is Standing.UNKNOWN
