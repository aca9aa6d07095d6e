"""A board as the tool sees it: files, and a program that is run on it.

`FolderBoard` is a folder behind a MicroPython virtual machine; one on a cable stands behind the same port.
"""

import subprocess
from pathlib import Path
from typing import Final, Protocol

from shared.adapters.durable_files import make_folder, write_whole
from shared.model.errors import DeviceError

RUN_S: Final = 60.0


class BoardError(DeviceError):
    """The board does not do what it is told; look at the cable, reset it, then repeat."""


class Board(Protocol):
    """What provisioning needs of a board. Paths are the board's own and begin with a slash."""

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None where there is none.

        Raises:
            BoardError: the board does not answer.
        """
        ...

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole; folders are made.

        Raises:
            BoardError: the board does not answer, or is full.
        """
        ...

    def run(self, source: str) -> str:
        """Run a program on the board and return what it printed.

        The name `ROOT` is what the board's own paths begin with: empty on a board.

        Raises:
            BoardError: it ended with an error.
        """
        ...


class FolderBoard:
    """A board whose flash is a folder of this machine.

    Args:
        root: the folder.
        vm: the MicroPython program that runs on it.
    """

    def __init__(self, root: Path, vm: Path) -> None:
        self.root = root
        self._vm = vm

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None where there is none."""
        place = self.root / path.lstrip("/")
        return place.read_bytes() if place.is_file() else None

    def write(self, path: str, content: bytes) -> None:
        """Write a file whole."""
        place = self.root / path.lstrip("/")
        make_folder(place.parent)
        write_whole(place, content)

    def run(self, source: str) -> str:
        """Run a program in a virtual machine beside this folder.

        Raises:
            BoardError: it ended with an error, or did not end.
        """
        text = f"ROOT = {str(self.root)!r}\n{source}"
        try:
            done = subprocess.run(
                [self._vm, "-c", text], capture_output=True, timeout=RUN_S, check=True, text=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise BoardError(BoardError.__doc__) from error
        return done.stdout
