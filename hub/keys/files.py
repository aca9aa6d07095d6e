"""The key folder and its second copy, on another disk or machine.

Rules: a file is written whole (`shared.adapters.durable_files`), and to the second copy first: what is in use
is always in both places. A first copy that lost a file gets it back from the second.
"""

from pathlib import Path

from shared.adapters.durable_files import PRIVATE, make_folder, write_whole
from shared.model.errors import DeviceError, TransientError


class KeyFileError(DeviceError):
    """A key file is missing or damaged; put the key folder back from its second copy."""


class SecondCopyError(TransientError):
    """The second copy of the keys cannot be written; mount its disk (key_copy_dir), then repeat."""


class TwinFolder:
    """A folder of small files, and its copy.

    Args:
        first: where the hub reads.
        second: the copy; None where a city accepts a single one.
    """

    def __init__(self, first: Path, second: Path | None) -> None:
        self.first = first
        self.second = second

    def write(self, name: str, content: bytes, mode: int = PRIVATE) -> None:
        """Write a file to the second copy, then to the first.

        Raises:
            SecondCopyError: the second copy cannot be written; the first is untouched.
            OSError: the first cannot be written.
        """
        if self.second is not None:
            try:
                make_folder(self.second)
                write_whole(self.second / name, content, mode)
            except OSError as error:
                raise SecondCopyError(f"{SecondCopyError.__doc__} ({error.strerror})") from error
        make_folder(self.first)
        write_whole(self.first / name, content, mode)

    def read(self, name: str) -> bytes:
        """Return a file's content, from the second copy where the first has lost it.

        Raises:
            KeyFileError: neither copy has it.
        """
        path = self.first / name
        if path.is_file():
            return path.read_bytes()
        copy = None if self.second is None else self.second / name
        if copy is None or not copy.is_file():
            raise KeyFileError(f"{KeyFileError.__doc__} ({name})")
        content = copy.read_bytes()
        make_folder(self.first)
        write_whole(path, content, copy.stat().st_mode & 0o777)
        return content

    def has(self, name: str) -> bool:
        """Tell whether either copy holds a file."""
        return (self.first / name).is_file() or (self.second is not None and (self.second / name).is_file())
