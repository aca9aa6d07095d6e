"""The end of a process, in order: asked for by a signal, or by the device itself, to be started again.

    with until_told() as ending:
        select.select([ending.told], [], [])
    ending.status

Rules:
- The interpreter itself writes the byte that wakes, at once and on whatever thread the kernel gave the signal
  to. A handler in Python does not do: it runs on the main thread alone, and where another thread got the
  signal, or it came a moment before the main thread fell asleep in `select`, nobody wakes that one.
- To be started again needs no signal at all.

Source: Python's `signal.set_wakeup_fd`; signal(7), "Execution of signal handlers"; sysexits.h, EX_TEMPFAIL.
"""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from types import FrameType
from typing import Final

START_AGAIN: Final = 75
"""The status that asks the service manager to start the process again (EX_TEMPFAIL)."""
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)


class Ending:
    """Whether the process is to end, and how.

    Attributes:
        told: a descriptor that becomes readable when it is to end, and stays so.
        status: what the process ends with.
    """

    def __init__(self) -> None:
        """Begin with nobody having asked."""
        self.told, self.wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.status = 0
        self._is_open = True
        self._lock = threading.Lock()

    def start_again(self) -> None:
        """Ask for the end, to be started again; from any thread, and of no effect once it has come."""
        with self._lock:
            if self._is_open:
                self.status = START_AGAIN
                with suppress(BlockingIOError):  # full: it was told long ago
                    os.write(self.wake, b"!")

    def close(self) -> None:
        """Be asked no more."""
        with self._lock:
            self._is_open = False
            os.close(self.told)
            os.close(self.wake)


@contextmanager
def until_told() -> Generator[Ending]:
    """Listen to SIGTERM and SIGINT until the block ends; on the main thread only."""
    with closing(Ending()) as ending:
        woken_before = signal.set_wakeup_fd(ending.wake, warn_on_full_buffer=False)
        handled_before = {number: signal.signal(number, _be_woken) for number in _ENDING}
        try:
            yield ending
        finally:
            for number, handler in handled_before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(woken_before)


def _be_woken(_number: int, _frame: FrameType | None) -> None:
    """The byte is written by now; without a handler of ours the signal would end the process."""
