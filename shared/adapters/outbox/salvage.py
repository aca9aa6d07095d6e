"""Salvage: a file whose structure is broken gives its readable rows to a new one.

Every row that can still be read and has the right kinds of values goes over; what cannot be read is a hole,
which reading reports as a gap `corrupt`. How many pages there are is taken from the file's length, not from
its header: what lies beyond a count that is too low could not be read at all. The broken file is kept as
`<name>.damaged` for a technician, one of them at most. A power cut at any moment leaves either the old file
or the new one: the new one is complete and synced under the name `<name>.salvaged` before the old one's log
is touched, and opening finishes a swap that was begun.
"""

import os
import shutil
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from shared.adapters.durable_files import sync_folder
from shared.adapters.outbox.disk import PAGE_BYTES, lenient_text
from shared.adapters.outbox.schema import PLACE_MAX, SEQ_MAX, is_epoch_name, migrate
from shared.protocol.chain import LENGTH
from shared.protocol.delivery import LANES
from shared.protocol.lines import GapReason

Row = tuple[Any, ...]

_FAILURES_MAX: Final = 4096
"""Failed reads of one table before what is left of it is given up."""
_FILE_PAGES: Final = slice(28, 32)
_MAGIC: Final = b"SQLite format 3\0"
"""Fields of the database header. Source: sqlite.org/fileformat2.html, section 1.3."""


def salvage(path: Path) -> int:
    """Replace a broken file by what can be read of it.

    Returns:
        How many rows were saved.

    Raises:
        sqlite3.Error: the new file cannot be written.
        OSError: a name cannot be changed.
    """
    part, mended = _beside(path, ".part"), _beside(path, ".mended")
    for leftover in (part, _beside(part, "-journal"), mended):
        leftover.unlink(missing_ok=True)
    _count_pages(path)
    with closing(sqlite3.connect(part, isolation_level=None)) as new:
        new.execute(f"PRAGMA page_size={PAGE_BYTES}")
        migrate(new)
        first_page = part.read_bytes()[:PAGE_BYTES]
        new.execute("BEGIN")
        before = new.total_changes
        if not _copy(path, new):
            _mend_first_page(path, mended, first_page)
            _copy(mended, new)
            mended.unlink()
        saved = new.total_changes - before
        new.execute("COMMIT")
    part.rename(_beside(path, ".salvaged"))
    sync_folder(path.parent)
    finish_swap(path)
    return saved


def finish_swap(path: Path) -> None:
    """Put a salvaged file, if there is one, into its place; does nothing otherwise."""
    whole = _beside(path, ".salvaged")
    if not whole.exists():
        return
    for suffix in ("", "-wal"):
        kept = _beside(path, f".damaged{suffix}")
        with suppress(OSError):  # evidence for a technician: welcome, not needed
            kept.unlink(missing_ok=True)
            os.link(_beside(path, suffix), kept)
    _beside(path, "-wal").unlink(missing_ok=True)
    whole.rename(path)
    sync_folder(path.parent)


def _copy(path: Path, new: sqlite3.Connection) -> bool:
    """Save every readable row; tell whether the file knew all its tables."""
    everywhere = True
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as old:
        old.text_factory = lenient_text
        old.execute("PRAGMA locking_mode=EXCLUSIVE")
        old.execute(
            "PRAGMA writable_schema=ON"
        )  # one table whose definition is broken does not hide the others
        for table, (columns, is_sound) in _TABLES.items():
            if not _is_defined(old, table, columns):
                everywhere = False
                continue
            insert = f"INSERT OR IGNORE INTO {table} VALUES ({','.join('?' * columns)})"  # noqa: S608 (ours)
            for _, *row in every_row(old, table):
                if is_sound(row):
                    new.execute(insert, row)
    return everywhere


def _count_pages(path: Path) -> None:
    """Put the number of pages into the header of a broken file, where SQLite would go by a wrong one.

    Where the log has a first page of its own, SQLite goes by that, and the header does not count.
    """
    pages = (path.stat().st_size // PAGE_BYTES).to_bytes(4, "big")
    with path.open("r+b") as file:
        header = file.read(_FILE_PAGES.stop)
        if header.startswith(_MAGIC) and header[_FILE_PAGES] != pages:
            file.seek(_FILE_PAGES.start)
            file.write(pages)


def _mend_first_page(path: Path, mended: Path, first_page: bytes) -> None:
    """Copy a file with the first page of a new one: header and definitions are the same in every outbox."""
    shutil.copyfile(path, mended)
    pages = mended.stat().st_size // PAGE_BYTES
    fields = bytearray(first_page)
    fields[_FILE_PAGES] = pages.to_bytes(4, "big")
    with mended.open("r+b") as file:
        file.write(fields)


def every_row(connection: sqlite3.Connection, table: str) -> Iterator[Row]:
    """Give the rows of a table, each with its rowid first, around the pages that cannot be read.

    A range is read upwards to the first bad page and downwards to the last; what lies between is halved.
    """
    ranges, failures = deque([(0, PLACE_MAX)]), 0
    while ranges and failures < _FAILURES_MAX:
        low, high = ranges.popleft()
        for order in ("ASC", "DESC"):
            sql = f"SELECT rowid, * FROM {table} WHERE rowid BETWEEN ? AND ? ORDER BY rowid {order}"  # noqa: S608
            try:
                for row in connection.execute(sql, (low, high)):
                    yield row
                    if order == "ASC":
                        low = max(low, row[0] + 1)
                    else:
                        high = min(high, row[0] - 1)
                break
            except sqlite3.Error:
                failures += 1
        else:
            if low < high:
                middle = (low + high) // 2
                ranges += [(low, middle), (middle + 1, high)]


def _is_defined(connection: sqlite3.Connection, table: str, columns: int) -> bool:
    """Tell whether the file still knows the table; otherwise every read of it would fail."""
    try:
        cursor = connection.execute(f"SELECT * FROM {table} WHERE 0")  # noqa: S608
    except (sqlite3.Error, UnicodeDecodeError):  # the latter, of a message that quotes the file
        return False
    return len(cursor.description) == columns


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _kinds(*kinds: type | tuple[type, ...]) -> Callable[[list[Any]], bool]:
    def are_sound(row: list[Any]) -> bool:
        return all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True))

    return are_sound


def _is_epoch(row: list[Any]) -> bool:
    if not _kinds(int, str, str, int, bytes)(row):
        return False
    _, stream, name, base, base_chain = row
    return stream in LANES and is_epoch_name(name) and 0 <= base <= SEQ_MAX and len(base_chain) == LENGTH


def _is_gap(row: list[Any]) -> bool:
    return _kinds(int, int, str, bytes, bytes)(row) and row[2] in set(GapReason)


def _is_point(row: list[Any]) -> bool:
    return _kinds(int, str, int, int, int)(row) and row[1] in LANES


_is_line: Final = _kinds(int, int, bytes, int, (int, type(None)), (str, type(None)), bytes, bytes, bytes)
_TABLES: Final[dict[str, tuple[int, Callable[[list[Any]], bool]]]] = {
    "owner": (1, _kinds(str)),
    "epoch": (5, _is_epoch),
    **{f"line_{stream.value}": (9, _is_line) for stream in LANES},
    "context": (3, _kinds(int, str, str)),
    "gap": (5, _is_gap),
    "acknowledged": (5, _is_point),
}
