"""Unix time on a chip whose numbers have 31 bits: two halves of 16, moved on by a counter that wraps.

Time is trusted when the hub said it in this power-on, or when a clock kept running over a restart that had
been set from such a time. What is on the flash is a lower bound and no more: it is how late it is at least.

Rules:
- `advance` allocates nothing; it is called at least once in six days, and in fact every second.
"""

import os

RECORD = "/clock"
RECORD_S = 900
NEWS_S = 60
"""So far off, and the record is written at once."""
MARK = b"vt1"
TICKS_MAX = 1 << 29
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_DAY_S = 86400
_FEBRUARY = 2
_FIRST_YEAR = 2020
"""A clock that says an earlier one was never set."""


class Clock:
    """The time of one power-on.

    Args:
        ticks: a module or an object with `ticks_ms` and `ticks_diff`.
        rtc: a clock that runs on over a restart, or None.
        record: where the lower bound lies.

    Attributes:
        high: upper 16 bits of Unix time.
        low: lower 16 bits.
        trusted: whether identifiers may be made of it.
        heard: whether the hub has said the time in this start.
    """

    def __init__(self, ticks, rtc=None, record: str = RECORD) -> None:
        self._ticks = ticks
        self._rtc = rtc
        self._record = record
        self._last = ticks.ticks_ms()
        self._ms = 0
        self._unrecorded_s = 0
        self.high = self.low = 0
        self.trusted = self.heard = False
        floor_s = _read_record(record)
        self._put(floor_s)
        kept_s = kept(rtc)
        if kept_s is not None and kept_s >= floor_s:
            self._put(kept_s)
            self.trusted = True

    def advance(self) -> None:
        """Move on by what has passed."""
        now = self._ticks.ticks_ms()
        self._ms += self._ticks.ticks_diff(now, self._last)
        self._last = now
        passed_s = self._ms // 1000
        self._ms -= passed_s * 1000
        self._unrecorded_s += passed_s
        low = self.low + (passed_s & 0xFFFF)
        self.low = low & 0xFFFF
        self.high += (low >> 16) + (passed_s >> 16)

    def trust(self, unix_ms: int) -> None:
        """Take a time that the hub said, authenticated and fresh.

        It says so with every acknowledgement: the flash is told only what is news to it.
        """
        unix_s = unix_ms // 1000
        is_news = not self.trusted or abs(unix_s - self.unix_s()) >= NEWS_S
        self._put(unix_s)
        self._ms = unix_ms % 1000
        self.trusted = self.heard = True
        keep(self._rtc, unix_s)
        if is_news or self.record_due():
            self.record()

    def unix_s(self) -> int:
        """Return Unix time; without trust, how late it is at least. Allocates."""
        self.advance()
        return self.high << 16 | self.low

    def unix_ms(self) -> int:
        """Return Unix time in milliseconds. Allocates."""
        return self.unix_s() * 1000 + self._ms

    def record_due(self) -> bool:
        """Return whether the lower bound is older than it should be."""
        return self._unrecorded_s >= RECORD_S

    def record(self) -> None:
        """Keep the lower bound; a flash that takes nothing is no reason to stop."""
        self._unrecorded_s = 0
        if self.trusted:
            try:
                with open(self._record + ".new", "w") as file:
                    file.write(str(self.unix_s()))
                os.rename(self._record + ".new", self._record)
            except OSError:
                pass

    def _put(self, unix_s: int) -> None:
        self.high, self.low = unix_s >> 16, unix_s & 0xFFFF


def kept(rtc) -> "int | None":
    """Return the Unix time of a clock that was set from a trusted one and has run since, or None."""
    try:
        if rtc is None or bytes(rtc.memory()[: len(MARK)]) != MARK:
            return None
        year, month, day, _, hour, minute, second, _ = rtc.datetime()
    except (AttributeError, OSError, ValueError):  # no memory in it, or no clock: as none
        return None
    if year < _FIRST_YEAR:
        return None
    return ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second


def keep(rtc, unix_s: int) -> None:
    """Set a clock that runs on over a restart, and mark it as set from a trusted time."""
    if rtc is not None:
        year, month, day = date(unix_s // _DAY_S)
        left_s = unix_s % _DAY_S
        rtc.datetime((year, month, day, 0, left_s // 3600, left_s // 60 % 60, left_s % 60, 0))
        rtc.memory(MARK)


def days(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date of the years 1970 to 2099."""
    leaps = (year - 1969) // 4 + (1 if month > _FEBRUARY and year % 4 == 0 else 0)
    return (year - 1970) * 365 + leaps + _DAYS_BEFORE[month - 1] + day - 1


def date(count: int) -> "tuple[int, int, int]":
    """Return year, month and day of a number of days since 1970-01-01, up to 2099."""
    year = 1970 + count * 4 // 1461
    while days(year, 1, 1) > count:
        year -= 1
    while days(year + 1, 1, 1) <= count:
        year += 1
    month = 12
    while days(year, month, 1) > count:
        month -= 1
    return year, month, count - days(year, month, 1) + 1


def _read_record(path: str) -> int:
    try:
        with open(path) as file:
            found = int(file.read(16))
    except (OSError, ValueError):
        return 0
    return found if 0 <= found < 1 << 32 else 0
