"""Instants: Unix time in whole milliseconds inside, RFC 3339 at the rim, the town's calendar for the books.

Nothing here reads a clock: `now_ms` is always given. Durations are not here either; they come from a
monotonic clock and are called `…_s` or `…_ms`.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.model.errors import InputError

TOWN_ZONE = "Europe/Madrid"
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days as settings name them, in the order of `datetime.weekday`."""
CLOCK_TRUST_S = 86_400
"""A device's own instant is legal time up to a day after its clock last agreed with the hub's."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_IN_UTC = _EPOCH.replace(tzinfo=None)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


def from_rfc3339(text: str) -> int:
    """Reads an instant with its offset, e.g. `2026-11-21T10:15:00Z`, as Unix milliseconds.

    Raises:
        InputError: it is no instant, or names no offset.
    """
    try:
        instant = datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise InputError("an instant is written as RFC 3339, e.g. 2026-11-21T10:15:00Z") from error
    if instant.tzinfo is None:
        raise InputError("an instant names its offset; add Z if it is UTC")
    instant_ms = (instant - _EPOCH) // _MILLISECOND
    if not _FIRST_MS <= instant_ms <= _LAST_MS:
        raise InputError("an instant lies between the years 1 and 9999 in UTC; correct the sender")
    return instant_ms


def to_rfc3339(instant_ms: int) -> str:
    """Writes Unix milliseconds as RFC 3339 in UTC; milliseconds only where there are any."""
    seconds, milliseconds = divmod(instant_ms, 1000)
    instant = _EPOCH_IN_UTC + timedelta(seconds=seconds, milliseconds=milliseconds)
    return instant.isoformat(timespec="milliseconds" if milliseconds else "seconds") + "Z"


def business_day(instant_ms: int, zone: str = TOWN_ZONE) -> str:
    """The day of the town's books to which an instant belongs, e.g. `2026-11-21`."""
    return (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(ZoneInfo(zone)).date().isoformat()


def is_trusted(clock_age_s: int | None) -> bool:
    """Whether a device's own instant is legal time: its clock agreed with the hub's within the last day."""
    return clock_age_s is not None and clock_age_s <= CLOCK_TRUST_S
