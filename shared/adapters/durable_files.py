"""Small files that must survive a power cut at any byte.

Rules:
- A file is written whole: under a passing name, fsynced, renamed, and the directory fsynced. A cut leaves the
  old file or the new one, never half of one.
- Private files are 0600 from their first byte on; folders are 0700.

Source: fsync(2), rename(2); T. Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014).
"""

import os
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644
_REWRITE_BYTES: Final = 1 << 20


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, 0700, durable before it is used."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_again(path: Path) -> None:
    """Write every byte of a file once more, in place, and sync it; does nothing where there is no file.

    A failed sync leaves pages that are clean in memory and absent on the disk: a later sync that ends well
    does not write them. Nobody else may write the file meanwhile. Needs no free space.

    Raises:
        OSError: the disk failed.
    """
    if not path.exists():
        return
    descriptor = os.open(path, os.O_RDWR)
    try:
        offset = 0
        while block := os.pread(descriptor, _REWRITE_BYTES, offset):
            offset += os.pwrite(descriptor, block, offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Replace a file by `content`; a power cut leaves the old or the new one.

    Raises:
        OSError: the disk is full, missing or broken; the old file is untouched.
    """
    passing = path.with_name(f".{path.name}.new")
    passing.unlink(missing_ok=True)
    descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        passing.replace(path)
    except OSError:
        passing.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
