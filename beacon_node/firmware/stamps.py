"""What a line is named and dated with: a UUID of version 7, an instant in UTC, the uptime."""

import time
from binascii import hexlify

_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAY_S = 86_400
_LEAP = 366


def event_id(wall_ms: int, drawn: bytes) -> str:
    """Return a UUIDv7 of a time and ten random bytes. Source: RFC 9562, section 5.7."""
    raw = bytearray(wall_ms.to_bytes(6, "big") + drawn)
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    text = hexlify(raw).decode()
    return "%s-%s-%s-%s-%s" % (text[:8], text[8:12], text[12:16], text[16:20], text[20:])


def rfc3339(wall_ms: int) -> str:
    """Return an instant as RFC 3339 has it, in UTC, to the second."""
    days, second = divmod(wall_ms // 1000, _DAY_S)
    year = 1970
    while days >= _days_of(year):
        days -= _days_of(year)
        year += 1
    month = 0
    while days >= _MONTHS[month] + (month == 1 and _days_of(year) == _LEAP):
        days -= _MONTHS[month] + (month == 1 and _days_of(year) == _LEAP)
        month += 1
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % (
        year, month + 1, days + 1, second // 3600, second // 60 % 60, second % 60,
    )  # fmt: skip


def _days_of(year: int) -> int:
    return _LEAP if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 365


class Uptime:
    """Milliseconds since the start, over a counter that wraps; asked at least once in six days."""

    def __init__(self) -> None:
        self._ms = 0
        self._last = _ticks_ms()

    def ms(self) -> int:
        """Return them."""
        now = _ticks_ms()
        self._ms += _ticks_diff(now, self._last)
        self._last = now
        return self._ms


def _ticks_ms() -> int:
    return time.ticks_ms() if hasattr(time, "ticks_ms") else time.monotonic_ns() // 1_000_000


def _ticks_diff(later: int, earlier: int) -> int:
    return time.ticks_diff(later, earlier) if hasattr(time, "ticks_diff") else later - earlier
