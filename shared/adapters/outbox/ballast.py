"""The ballast: space that is given up when the disk is full, so that what must succeed still does.

Acknowledgements and reopening may spend it, appends may not: if they did, the disk would be full a moment
later with nothing left to give, and what is acknowledged could never be let go.
"""

import os
from contextlib import suppress
from pathlib import Path


class Ballast:
    """A file of a fixed size beside the outbox."""

    def __init__(self, path: Path, size: int) -> None:
        """Name the file and its size in bytes; 0 keeps none and counts as held."""
        self._path = path
        self._size = size
        self.held = size == 0 or (path.exists() and path.stat().st_size >= size)

    def take(self) -> bool:
        """Make the file if the disk has room for it twice over; tell whether it is there."""
        if self.held:
            return True
        space = os.statvfs(self._path.parent)
        if space.f_bavail * space.f_frsize >= 2 * self._size:
            self.held = self._make()
        return self.held

    def drop(self) -> None:
        """Give the space back."""
        if self._size:
            self._path.unlink(missing_ok=True)
            self.held = False

    def _make(self) -> bool:
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
                os.fsync(file.fileno())
        except OSError:  # no room after all: the next call tries again
            with suppress(OSError):
                self._path.unlink()
            return False
        return True
