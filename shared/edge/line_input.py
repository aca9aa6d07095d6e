"""Reading lines from a file or a pipe: bounded, in the amounts in which they come, and never stuck.

A line that is too long is passed over without being held, and told as such. A wake descriptor ends every
wait, so that a signal is heard at once.
"""

import os
import select
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

INPUT_LINE_BYTES_MAX: Final = 64 * 1024
"""Four times what a line of the outbox may have: whatever is longer would be refused anyway."""
BATCH_LINES_MAX: Final = 64
_READ_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class InputLine:
    """A line, its number from 1, and its bytes; None where it was too long."""

    number: int
    raw: bytes | None


class LineInput:
    """Lines of one descriptor.

    Args:
        descriptor: to be read.
        wake: becomes readable when reading must end.
        per_second: at most so many lines a second; None for as fast as they come.
    """

    def __init__(self, descriptor: int, wake: int, per_second: float | None = None) -> None:
        self._descriptor = descriptor
        self._wake = wake
        self._pace_s = None if per_second is None else 1 / per_second
        self._number = 0
        self._rest = b""
        self._skipping = False

    def batches(self) -> Iterator[list[InputLine]]:
        """Give the lines that are there, a few at a time, until the input ends or the wake is heard."""
        due_s = time.monotonic()
        for batch in self._as_they_come():
            if self._pace_s is None:
                yield batch
                continue
            for line in batch:
                if self._woken(due_s - time.monotonic()):
                    return
                yield [line]
                due_s = max(due_s + self._pace_s, time.monotonic() - 1)

    def _as_they_come(self) -> Iterator[list[InputLine]]:
        while not self._woken(None):
            block = os.read(self._descriptor, _READ_BYTES)
            lines = self._split(block) if block else self._last()
            for start in range(0, len(lines), BATCH_LINES_MAX):
                if start and self._woken(0):
                    return
                yield lines[start : start + BATCH_LINES_MAX]
            if not block:
                return

    def _woken(self, wait_s: float | None) -> bool:
        """Wait for input (None) or for so long; tell whether the wake was heard."""
        if wait_s is None:
            ready, _, _ = select.select([self._descriptor, self._wake], [], [])
        else:
            ready, _, _ = select.select([self._wake], [], [], max(0.0, wait_s))
        return self._wake in ready

    def _split(self, block: bytes) -> list[InputLine]:
        *whole, rest = (self._rest + block).split(b"\n")
        lines = [line for raw in whole if (line := self._line(raw)) is not None]
        if self._skipping or len(rest) > INPUT_LINE_BYTES_MAX:
            self._skipping, rest = True, b""
        self._rest = rest
        return lines

    def _last(self) -> list[InputLine]:
        line = self._line(self._rest)
        self._rest = b""
        return [] if line is None else [line]

    def _line(self, raw: bytes) -> InputLine | None:
        """Count a line and return it, or None for an empty one."""
        self._number += 1
        too_long = self._skipping or len(raw) > INPUT_LINE_BYTES_MAX
        self._skipping = False
        if too_long:
            return InputLine(self._number, None)
        return InputLine(self._number, raw) if raw.strip() else None
