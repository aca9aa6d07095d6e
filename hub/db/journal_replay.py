"""From a journal copy back to a database: the newest base, and every commit after it.

A journal copy (`hub.db.journal_copy`) is a base and the write-ahead logs that followed it, in SQLite's own
form. So SQLite itself replays them, with its own checksums: each log is laid beside the database, taken over,
and the next one follows. Only the last log may end in the middle of a commit; the commit before it counts.

Source: sqlite.org/fileformat2.html#walformat, sqlite.org/pragma.html#pragma_wal_checkpoint.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from hub.db.copies import CopyRefusedError

MARK: Final = "copy.json"
FORMAT: Final = 1
LOG_SUFFIX: Final = ".wal"
HEADER_BYTES: Final = 32
FRAME_HEAD_BYTES: Final = 24
_PAGE_BYTES_AT: Final = slice(8, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What stands in a journal copy's `copy.json`.

    Attributes:
        base: the file's name.
        first_log: the number of the first log that follows it.
        made_ms: when the base was complete, by the hub's clock.
    """

    base: str
    first_log: int
    made_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of a replay.

    Attributes:
        logs: how many were taken over.
        unfinished_bytes: the end of the last log that belongs to no whole commit.
    """

    logs: int
    unfinished_bytes: int


def is_journal_copy(folder: Path) -> bool:
    """Tell whether a folder holds journal copies."""
    return folder.is_dir() and any(folder.glob(f"*/{MARK}"))


def log_name(number: int) -> str:
    """Return the file name of a log."""
    return f"{number:08d}{LOG_SUFFIX}"


def newest(folder: Path) -> tuple[Path, Mark]:
    """Return the newest series that has a base, and its mark.

    Raises:
        CopyRefusedError: there is none.
        OSError: it cannot be read.
    """
    marks = [(read_mark(path), path.parent) for path in folder.glob(f"*/{MARK}")]
    if not marks:
        raise CopyRefusedError(f"{folder} holds no journal copy; name the folder in journal_copy_dir")
    mark, series = max(marks, key=lambda one: one[0].made_ms)
    return series, mark


def replay(folder: Path, target: Path) -> Replayed:
    """Make a database of the newest series of a journal copy.

    Args:
        folder: the journal copy.
        target: a file that is not there yet, nor with `-wal` and `-shm`.

    Raises:
        CopyRefusedError: a log is missing or damaged before the end of the last one.
        OSError: a disk cannot be read or written.
    """
    series, mark = newest(folder)
    shutil.copyfile(series / mark.base, target)
    numbers = sorted(int(path.stem) for path in series.glob(f"*{LOG_SUFFIX}"))
    numbers = [number for number in numbers if number >= mark.first_log]
    if numbers != list(range(mark.first_log, mark.first_log + len(numbers))):
        raise CopyRefusedError(f"{series} lacks a log between others; take a backup instead")
    unfinished = 0
    for number in numbers:
        unfinished = take_over(series / log_name(number), target)
        if unfinished and number != numbers[-1]:
            raise CopyRefusedError(f"{series / log_name(number)} is damaged; take a backup instead")
    return Replayed(logs=len(numbers), unfinished_bytes=unfinished)


def take_over(log: Path, target: Path) -> int:
    """Bring a write-ahead log into a database that nobody has open.

    Returns:
        How many bytes at the log's end belong to no whole commit.

    Raises:
        CopyRefusedError: the database cannot be read.
        OSError: a disk cannot be read or written.
    """
    size = log.stat().st_size
    if size <= HEADER_BYTES:
        return 0
    with log.open("rb") as file:
        page_bytes = int.from_bytes(file.read(HEADER_BYTES)[_PAGE_BYTES_AT], "big")
    shutil.copyfile(log, target.with_name(target.name + "-wal"))
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as database:
            _, frames, taken = database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if frames != taken:
                raise CopyRefusedError(f"{target} could not be completed; look at its disk, then repeat")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise CopyRefusedError(f"{log} does not fit its base ({error}); take a backup instead") from error
    return size - HEADER_BYTES - max(frames, 0) * (FRAME_HEAD_BYTES + page_bytes)


def write_mark_text(mark: Mark) -> bytes:
    """Return a mark's file."""
    members = {"format": FORMAT, "base": mark.base, "first_log": mark.first_log, "made_ms": mark.made_ms}
    return json.dumps(members).encode() + b"\n"


def read_mark(path: Path) -> Mark:
    """Read a mark.

    Raises:
        CopyRefusedError: it is none, or of a newer hub.
        OSError: it cannot be read.
    """
    try:
        members = cast("dict[str, Any]", json.loads(path.read_bytes()))
        if int(members["format"]) > FORMAT:
            raise CopyRefusedError(f"{path} is of a newer hub; install that version, then repeat")
        mark = Mark(
            base=str(members["base"]), first_log=int(members["first_log"]), made_ms=int(members["made_ms"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CopyRefusedError(f"{path} is no journal copy's; take a backup instead") from error
    if "/" in mark.base or not (path.parent / mark.base).is_file():
        raise CopyRefusedError(f"{path} names a base that is not there; take a backup instead")
    return mark
