"""A disk of a few megabytes for a process of a test, to be filled and emptied while the process runs."""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

FILLER = "someone-elses.log"
BLOCK = bytes(4096)


class SmallDisk:
    """A file system of its own.

    Attributes:
        path: where it is mounted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, *, leaving_bytes: int = 0) -> None:
        """Let another program take what is free."""
        free = os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize - leaving_bytes
        with (self.path / FILLER).open("ab", buffering=0) as file, suppress(OSError):
            while free > 0 and (written := file.write(BLOCK)):
                free -= written

    def empty(self) -> None:
        """Take away what `fill` has put there."""
        (self.path / FILLER).unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, size_mb: int) -> Generator[SmallDisk]:
    """Mount one; skip the test where nobody may."""
    path.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0700", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("Only root may mount a disk, and not on every machine: the full disk was not tried.")
    try:
        yield SmallDisk(path)
    finally:
        umount = ["umount", "--lazy", str(path)]
        subprocess.run(umount, check=True)
