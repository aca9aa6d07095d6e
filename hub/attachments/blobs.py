"""Where bodies lie: files outside the database, sealed as they came, each under its device and its hash.

    HOME/attachments/<device>/<sha256>          a whole body, checked against its name
    HOME/attachments/<device>/<sha256>.part     what has come of one

Rules:
- A body gets its name by a rename, after all of it was checked and fsynced: it is there whole, or not at all.
- A part is not a promise: its bytes are not fsynced, and after a power cut the check decides.
- Devices share nothing: what one of them sends can neither spoil nor reveal another's.
- Some of the disk stays free for the database, whatever devices send.

Not here: who may send what (`service`), and any key.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Final

from shared.adapters.durable_files import make_folder, sync_folder
from shared.model.errors import CapacityError
from shared.protocol import limits

PART: Final = ".part"
_NAMES_MAX: Final = 500


class NoRoomError(CapacityError):
    """The hub's disk has no room for photographs; make some, and devices send them again by themselves."""


class BlobStore:
    """The folder of bodies; its callers see to it that one of them at a time touches a body.

    Args:
        folder: made where it is missing.
        reserve_bytes: what stays free on its disk.
    """

    def __init__(self, folder: Path, *, reserve_bytes: int = limits.ATTACHMENT_RESERVE_BYTES) -> None:
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        make_folder(folder)

    def has(self, device: str, name: str) -> bool:
        """Tell whether a body is there whole."""
        return self._path(device, name).is_file()

    def part_bytes(self, device: str, name: str) -> int:
        """Return how much of a body has come."""
        try:
            return self._part(device, name).stat().st_size
        except FileNotFoundError:
            return 0

    def begun(self, device: str) -> list[str]:
        """Name the bodies of a device of which only a part is here."""
        return [path.name.removesuffix(PART) for path in (self._folder / device).glob(f"*{PART}")]

    def append(self, device: str, name: str, content: bytes) -> int:
        """Put a piece behind what has come of a body; return how much that is now.

        Raises:
            NoRoomError: the disk is as full as it may be, or failed.
        """
        part = self._part(device, name)
        make_folder(part.parent)
        if shutil.disk_usage(part.parent).free < len(content) + self._reserve_bytes:
            raise NoRoomError(NoRoomError.__doc__)
        before = self.part_bytes(device, name)
        try:
            with part.open("ab") as file:
                file.write(content)
        except OSError as error:
            with suppress(FileNotFoundError):
                os.truncate(part, before)
            raise NoRoomError(NoRoomError.__doc__) from error
        return before + len(content)

    def finish(self, device: str, name: str) -> bool:
        """Check a body that has come whole, and make it durable under its name.

        Returns:
            Whether it is what its name says; where it is not, nothing is left of it.

        Raises:
            OSError: the disk failed; the part is still there.
        """
        part = self._part(device, name)
        with part.open("rb") as file:
            sound = hashlib.file_digest(file, "sha256").hexdigest() == name
            if sound:
                os.fsync(file.fileno())
        if not sound:
            part.unlink()
            return False
        part.rename(self._path(device, name))
        sync_folder(part.parent)
        return True

    def open(self, device: str, name: str) -> BufferedReader:
        """Open a whole body.

        Raises:
            FileNotFoundError: it is not there.
        """
        return self._path(device, name).open("rb")

    def whole(self) -> Iterator[tuple[str, list[str]]]:
        """Give each device with the bodies of it that are here whole, some hundreds at a time."""
        for folder in self._folder.iterdir():
            names = [path.name for path in folder.iterdir() if not path.name.endswith(PART)]
            for at in range(0, len(names), _NAMES_MAX):
                yield folder.name, names[at : at + _NAMES_MAX]

    def remove(self, device: str, name: str) -> None:
        """Remove a body and what has come of it."""
        self._path(device, name).unlink(missing_ok=True)
        self._part(device, name).unlink(missing_ok=True)

    def remove_old_parts(self, before_s: float) -> None:
        """Remove parts that nobody has added to since an instant (Unix epoch)."""
        for path in self._folder.glob(f"*/*{PART}"):
            if path.stat().st_mtime < before_s:
                path.unlink(missing_ok=True)

    def _path(self, device: str, name: str) -> Path:
        return self._folder / device / name

    def _part(self, device: str, name: str) -> Path:
        return self._folder / device / f"{name}{PART}"
