"""The board's `machine`, as wires to the program that is the board: watchdog, reset, a clock that runs on.

The wires are one pipe, a line for each thing: `feed MILLISECONDS`, `reset`, `rtc UNIX_S`. What the board
knew before this start comes in the environment: BOARD_WIRES (the pipe), BOARD_CAUSE, BOARD_RTC (Unix
seconds, if it runs), BOARD_CHIP.
"""

import os
import time

HEAP_TAKEN = 0
"""Bytes that these modules take of the heap; on a board they are no Python."""
PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5


class _Wires:
    """The pipe, opened once."""

    _pipe = None

    @classmethod
    def say(cls, line):
        number = os.getenv("BOARD_WIRES")
        if number:
            if cls._pipe is None:
                cls._pipe = open(int(number), "wb")
            cls._pipe.write(line)


class WDT:
    """A watchdog that lies outside of the chip's program, as a real one does."""

    def __init__(self, id=0, timeout=5000):
        self._line = ("feed %d\n" % timeout).encode()
        self.feed()

    def feed(self):
        """Put it off."""
        _Wires.say(self._line)


class RTC:
    """A clock that the board keeps over a restart."""

    _mark = None
    _ahead_s = 0

    def __init__(self):
        kept = os.getenv("BOARD_RTC")
        if RTC._mark is None:
            RTC._mark = b"vt1" if kept else b""
            RTC._ahead_s = int(kept) - time.time() if kept else 0

    def memory(self, data=None):
        """Give or take what lies in its memory."""
        if data is None:
            return RTC._mark
        RTC._mark = bytes(data)
        _Wires.say(("rtc %d\n" % (time.time() + RTC._ahead_s)).encode())
        return None

    def datetime(self, said=None):
        """Give or take the time: year, month, day, weekday, hour, minute, second, part of a second."""
        if said is None:
            now = time.gmtime(int(time.time() + RTC._ahead_s))
            year, month, day, hour, minute, second, weekday = now[:7]
            return (year, month, day, weekday, hour, minute, second, 0)
        year, month, day, _, hour, minute, second, _ = said
        before = time.gmtime(0)[0]
        days = sum(366 if each % 4 == 0 else 365 for each in range(before, year))
        months = (31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
        days += sum(months[: month - 1]) + day - 1
        RTC._ahead_s = ((days * 24 + hour) * 60 + minute) * 60 + second - time.time()
        return None


class Pin:
    """A pin that leads nowhere."""

    def __init__(self, number, *_):
        self.number = number


class ADC:
    """A measuring input at which there is always the same."""

    def __init__(self, pin):
        self.pin = pin

    def read_u16(self):
        """Give a little more than half of the scale."""
        return 36000


def reset_cause():
    """Say why the board started."""
    return int(os.getenv("BOARD_CAUSE") or PWRON_RESET)


def unique_id():
    """Say what the chip is numbered with."""
    return (os.getenv("BOARD_CHIP") or "virtual").encode()


def reset():
    """Start again."""
    _Wires.say(b"reset\n")
    while True:
        time.sleep_ms(1000)
