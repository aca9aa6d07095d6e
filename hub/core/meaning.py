"""What an answer's status means for an effect, in one total table.

Here: status code -> meaning, and the pause that `Retry-After` asks for. Not here: any I/O, and what a
connector makes of a meaning.

Source: RFC 9110, sections 10.2.3 (Retry-After) and 15; RFC 6585 (429); Open311 GeoReport v2 (400, 403, 404).
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType

RETRY_AFTER_S_MAX = 3600.0
"""A core that asks for days is asked again after an hour: a slip in a header must not stop a city."""


class Meaning(StrEnum):
    """What we know once a status is there."""

    ANSWERED = "answered"
    """2xx: the body says what happened."""
    LATER = "later"
    """The core turned the request away before it did anything."""
    LOCKED_OUT = "locked_out"
    """Address, credentials or redirect are wrong: the operator's to mend, no fault of any effect."""
    CONFLICT = "conflict"
    """The core holds something under this key or reference already."""
    WRONG = "wrong"
    """The core understood and does not take it."""
    UNSURE = "unsure"
    """The core failed; whether before or after it did the work, nobody knows."""


_PARTICULAR: Mapping[int, Meaning] = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: Meaning.LOCKED_OUT,
        HTTPStatus.FORBIDDEN: Meaning.LOCKED_OUT,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: Meaning.LOCKED_OUT,
        HTTPStatus.REQUEST_TIMEOUT: Meaning.UNSURE,
        HTTPStatus.CONFLICT: Meaning.CONFLICT,
        HTTPStatus.MISDIRECTED_REQUEST: Meaning.LOCKED_OUT,
        HTTPStatus.TOO_EARLY: Meaning.LATER,
        HTTPStatus.TOO_MANY_REQUESTS: Meaning.LATER,
        HTTPStatus.NOT_IMPLEMENTED: Meaning.WRONG,
    }
)


def meaning(status: int, retry_after_s: float | None) -> Meaning:
    """Read a status.

    Args: status: HTTP status code. retry_after_s: the pause that the answer asks for, if it does. It turns a
        503, which proxies also give for
            a request that was lost behind them, into a plain "not now".

    Returns:
        The meaning; every number has one.
    """
    if status in _PARTICULAR:
        return _PARTICULAR[status]
    match status // 100:
        case 2:
            return Meaning.ANSWERED
        case 3:
            return Meaning.LOCKED_OUT
        case 4:
            return Meaning.WRONG
        case _:
            turned_away = status == HTTPStatus.SERVICE_UNAVAILABLE and retry_after_s is not None
            return Meaning.LATER if turned_away else Meaning.UNSURE


def read_retry_after(value: str | None, now_s: float) -> float | None:
    """Read a Retry-After header: seconds or a date.

    Args:
        value: the header as it came.
        now_s: wall clock, seconds since 1970, for the form with a date.

    Returns:
        Seconds from now, 0 to `RETRY_AFTER_S_MAX`; None where there is no header or none that means anything.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), RETRY_AFTER_S_MAX)
    try:
        wanted_s = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(wanted_s - now_s, 0.0), RETRY_AFTER_S_MAX)
