"""Instants: whole milliseconds inside, RFC 3339 at the rim, the town's days."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.errors import InputError
from shared.model.instants import business_day, from_rfc3339, is_trusted, to_rfc3339


@pytest.mark.parametrize(
    ("text", "instant_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-21T10:15:00Z", 1_795_256_100_000),
        ("2026-11-21T11:15:00.250+01:00", 1_795_256_100_250),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_instant_is_read(text: str, instant_ms: int) -> None:
    assert from_rfc3339(text) == instant_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-21T10:15:00",
        "2026-13-01T00:00:00Z",
        None,
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        from_rfc3339(text)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_every_instant_is_read_as_it_was_written(instant_ms: int) -> None:
    assert from_rfc3339(to_rfc3339(instant_ms)) == instant_ms


def test_instant_is_written_in_utc_with_milliseconds_only_where_there_are_any() -> None:
    assert to_rfc3339(1_795_256_100_000) == "2026-11-21T10:15:00Z"
    assert to_rfc3339(1_795_256_100_007) == "2026-11-21T10:15:00.007Z"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-21T22:59:59Z", "2026-11-21"),
        ("2026-11-21T23:00:00Z", "2026-11-22"),
        ("2026-07-01T21:59:59Z", "2026-07-01"),
        ("2026-07-01T22:00:00Z", "2026-07-02"),
    ],
)
def test_business_day_ends_at_midnight_in_madrid(text: str, day: str) -> None:
    assert business_day(from_rfc3339(text)) == day


@pytest.mark.sentence("H-14")
def test_clock_is_trusted_for_a_day() -> None:
    assert [is_trusted(age_s) for age_s in (0, 86_400, 86_401, None)] == [True, True, False, False]
