"""Versions that are never given out twice, whatever is restored from whatever backup.

The incarnation is higher at each start than ever before, and is not restored with the database; within one
start a counter rises. A version is made only of an incarnation that is durable.
"""

import threading
from typing import Protocol

from shared.protocol.versions import Version


class KeptIncarnation(Protocol):
    """The hub's incarnation, as far as it is durable."""

    @property
    def kept(self) -> int:
        """The highest value that no start of the hub will repeat."""
        ...


class Versions:
    """Gives versions out; from any thread."""

    def __init__(self, incarnation: KeptIncarnation) -> None:
        """Begin to count.

        Args:
            incarnation: of this start.
        """
        self._incarnation = incarnation
        self._n = 0
        self._lock = threading.Lock()

    def next(self) -> Version:
        """Return a version that is higher than any before it."""
        with self._lock:
            self._n += 1
            return Version(self._incarnation.kept, self._n)
