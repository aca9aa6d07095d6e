"""How far the database has come, written down outside of it.

A file of two numbers: the hub's incarnation that last wrote to the database, and how often it has noted since
that it goes on. The database notes the same first. At a start the database must know at least what stands
here; if it knows less, somebody put it back from a backup.

Rules: written after the database's own note is committed, so the file is never ahead of a database that was
not restored. Two copies, the higher one counts; a copy that cannot be read is as if it were not there.
"""

from hashlib import sha256
from typing import Final, NamedTuple

from hub.keys.files import SecondCopyError, TwinFolder
from shared.adapters.durable_files import make_folder, write_whole

FILE_NAME: Final = "database-mark"


class Mark(NamedTuple):
    """A life of the hub and a beat of it; a later one is greater."""

    incarnation: int
    beat: int


class DatabaseMark:
    """The file, in the key folder and its second copy."""

    def __init__(self, folder: TwinFolder) -> None:
        """Take the key folder; nothing is read yet."""
        self._folder = folder

    def read(self) -> Mark | None:
        """Return the highest mark that either copy holds; None where there is none."""
        folders = [self._folder.first, self._folder.second]
        paths = [folder / FILE_NAME for folder in folders if folder is not None]
        marks = [_parse(path.read_bytes()) for path in paths if path.is_file()]
        return max((mark for mark in marks if mark is not None), default=None)

    def write(self, mark: Mark) -> None:
        """Write a mark down; a second copy that is away does not stop the hub.

        Raises:
            OSError: the key folder cannot be written.
        """
        content = _written(mark)
        try:
            self._folder.write(FILE_NAME, content)
        except SecondCopyError:
            make_folder(self._folder.first)
            write_whole(self._folder.first / FILE_NAME, content)


def _written(mark: Mark) -> bytes:
    numbers = b"%d %d" % mark
    return b"%s %s\n" % (numbers, sha256(numbers).hexdigest()[:8].encode())


def _parse(content: bytes) -> Mark | None:
    incarnation, _, rest = content.partition(b" ")
    beat = rest.partition(b" ")[0]
    if not (incarnation.isdigit() and beat.isdigit() and len(content) < _LENGTH_MAX):
        return None
    mark = Mark(int(incarnation), int(beat))
    return mark if _written(mark) == content else None


_LENGTH_MAX: Final = 64
