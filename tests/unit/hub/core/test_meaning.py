import pytest

from hub.core.meaning import RETRY_AFTER_S_MAX, Meaning, meaning, read_retry_after

NOW_S = 1_795_255_200.0  # 2026-11-21 10:00:00 UTC


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Meaning.ANSWERED),
        (201, Meaning.ANSWERED),
        (299, Meaning.ANSWERED),
        (100, Meaning.UNSURE),
        (301, Meaning.LOCKED_OUT),
        (400, Meaning.WRONG),
        (401, Meaning.LOCKED_OUT),
        (403, Meaning.LOCKED_OUT),
        (404, Meaning.WRONG),
        (408, Meaning.UNSURE),
        (409, Meaning.CONFLICT),
        (422, Meaning.WRONG),
        (429, Meaning.LATER),
        (500, Meaning.UNSURE),
        (501, Meaning.WRONG),
        (502, Meaning.UNSURE),
        (503, Meaning.UNSURE),
        (504, Meaning.UNSURE),
        (999, Meaning.UNSURE),
    ],
)
def test_status_has_the_meaning_of_the_table(status: int, expected: Meaning) -> None:
    assert meaning(status, None) is expected


def test_every_number_has_a_meaning() -> None:
    assert all(isinstance(meaning(status, None), Meaning) for status in range(1000))


def test_503_that_asks_for_a_pause_was_turned_away_before_any_effect() -> None:
    assert meaning(503, 5.0) is Meaning.LATER


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("999999999999", RETRY_AFTER_S_MAX),
        ("Sat, 21 Nov 2026 10:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2099 10:00:30 GMT", RETRY_AFTER_S_MAX),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after_in_every_form_is_a_bounded_pause_or_none(
    value: str | None, expected: float | None
) -> None:
    assert read_retry_after(value, NOW_S) == expected
