"""The hub's incarnation: a counter, outside the database, that is higher at each start than ever before.

Devices take acknowledgements, twins and bundles by `(incarnation, n)`. A hub whose whole disk was put back
from a backup would repeat old ones; the first confirmed birth that knows a higher incarnation makes it jump.

Rules: durable before it is used; two copies, the higher one counts; a damaged copy is never taken for zero.
"""

import threading
from hashlib import sha256
from typing import Final, Self

from hub.keys.files import KeyFileError, SecondCopyError, TwinFolder
from shared.adapters.durable_files import make_folder, write_whole

FILE_NAME: Final = "incarnation"


class Incarnation:
    """The counter of this start, and the right to raise it.

    Attributes:
        value: the incarnation that is in force.
    """

    def __init__(self, folder: TwinFolder, value: int) -> None:
        self.value = value
        self._kept = value
        self._folder = folder
        self._lock = threading.Lock()

    @property
    def kept(self) -> int:
        """The highest value that is durable: what is made of it is never made again."""
        return self._kept

    @classmethod
    def create(cls, folder: TwinFolder) -> None:
        """Begin to count at zero; an existing counter is left alone."""
        if not folder.has(FILE_NAME):
            folder.write(FILE_NAME, _written(0))

    @classmethod
    def raise_at_start(cls, folder: TwinFolder) -> Self:
        """Count this start.

        Raises:
            KeyFileError: no copy of the counter can be read.
            OSError: it cannot be written.
        """
        incarnation = cls(folder, _highest(folder))
        incarnation.rise_above(incarnation.value)
        incarnation.keep()
        return incarnation

    def rise_above(self, seen: int) -> None:
        """Raise the counter above a value that somebody has seen; `keep` makes it last."""
        with self._lock:
            self.value = max(self.value, seen + 1)

    def keep(self) -> None:
        """Make the counter durable; its new value must be named to nobody before.

        A second copy that is away does not stop the hub: the first is enough to never repeat a number.

        Raises:
            OSError: the counter cannot be written.
        """
        with self._lock:
            if self._kept == self.value:
                return
            content = _written(self.value)
            try:
                self._folder.write(FILE_NAME, content)
            except SecondCopyError:
                make_folder(self._folder.first)
                write_whole(self._folder.first / FILE_NAME, content)
            self._kept = self.value


def _highest(folder: TwinFolder) -> int:
    folders = [folder.first] if folder.second is None else [folder.first, folder.second]
    readable = [_read((place / FILE_NAME).read_bytes()) for place in folders if (place / FILE_NAME).is_file()]
    values = [value for value in readable if value is not None]
    if not values:
        raise KeyFileError(f"{KeyFileError.__doc__} ({FILE_NAME})")
    return max(values)


def _written(value: int) -> bytes:
    return b"%d %s\n" % (value, sha256(b"%d" % value).hexdigest()[:8].encode())


def _read(content: bytes) -> int | None:
    number = content.partition(b" ")[0]
    if number.isdigit() and len(number) < 19 and _written(int(number)) == content:  # noqa: PLR2004 - 64 bits
        return int(number)
    return None
