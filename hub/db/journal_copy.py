"""Every commit a second time, on another disk, before anybody hears of it.

    database + write-ahead log  --COMMIT-->  the same frames appended to the copy's log, fsynced  -->  answers

A copy is a folder per start of the hub: logs (`00000001.wal`, …), each one cycle of SQLite's write-ahead log
byte for byte, a base (the database as SQLite's backup made it), and `copy.json`, which says from which log on
the base has to be brought up to date. `hub.db.journal_replay` turns it back into a database.

Rules:
- Only the writer's thread copies, after each COMMIT and before the next one: this is the one connection that
  writes, so the log cannot begin anew in between. How far the log counts is read where SQLite keeps it, in
  the first bytes of `-shm`; frames beyond that belong to nobody.
- A copy that cannot be written does not stop the hub: it is behind, which is told, and tried again with every
  commit. If the log has begun anew meanwhile the series has a hole, and a new one begins with a new base.
- The files of SQLite's own locks are opened once and stay open: closing one would drop the process's locks.
- A base is made beside the work, on a reading connection; logs go on meanwhile, so there is no gap.

Source: sqlite.org/fileformat2.html#walformat, sqlite.org/walformat.html#the_wal_index_file_format,
sqlite.org/howtocorrupt.html (2.2, POSIX advisory locks).
"""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

import structlog

from hub.db.backup import sync_file
from hub.db.copies import CopyRefusedError
from hub.db.journal_replay import (
    FRAME_HEAD_BYTES,
    HEADER_BYTES,
    LOG_SUFFIX,
    MARK,
    Mark,
    log_name,
    write_mark_text,
)
from shared.adapters.durable_files import make_folder, sync_folder, write_whole

BASE_EVERY_MS: Final = 86_400_000
"""A base is made again each day: a restore replays one day of logs at most, or ..."""
LOG_BYTES_MAX: Final = 1 << 30
"""... this much of them, whichever is less."""
SERIES: Final = "{:016d}"
_INDEX: Final = Struct("=I8x?3xI12x8s")
"""The head of the log's index: its version, whether it is made, the last frame that counts, both salts."""
_INDEX_VERSION: Final = 3_007_000
_SALTS: Final = slice(16, 24)
_BLOCK_BYTES: Final = 1 << 22

log = structlog.get_logger(__name__)


class _End(NamedTuple):
    """How far the write-ahead log counts."""

    frames: int
    salts: bytes


class JournalCopy:
    """The second copy of one SQLite database.

    Attributes:
        is_behind: the copy lacks something: its disk failed, or its first base is not made yet.
        commits: how many were copied.
    """

    def __init__(self, database: Path, folder: Path, clock: Callable[[], int]) -> None:
        """Take the places; nothing is read or written yet.

        Args:
            database: of the hub, already open for writing.
            folder: the copy, on another disk.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self.is_behind = True
        self.commits = 0
        self._database = database
        self._folder = folder
        self._clock = clock
        self._index: int | None = None
        self._lock = threading.Lock()
        # What follows is the writer's thread's; the lock guards it against the making of a base.
        self._series: Path | None = None
        self._log = 0
        self._salts = b""
        self._copied = 0
        self._complete = False
        self._failed = False
        self._log_bytes = 0
        self._base_ms: int | None = None

    # ---- the writer's thread

    def after_commit(self) -> None:
        """Copy what was committed; never raises, since the commit itself is done."""
        with self._lock:
            try:
                self._follow()
                if self._failed:
                    log.info("journal_copy_goes_on")
                self._failed = False
                self.commits += 1
            except (OSError, CopyRefusedError) as error:
                if not self._failed:
                    log.exception("journal_copy_failed", path=str(self._folder), error=type(error).__name__)
                self._failed = True
            self.is_behind = self._failed or not self._complete

    def _follow(self) -> None:
        end = self._end()
        if self._series is None:
            self._begin_series()
        elif end.salts != self._salts and self._failed:
            self._begin_series()  # the log began anew while the copy's disk was away: this is a hole
        if end.frames == 0:
            return  # the log was begun anew and holds nothing yet
        if end.salts != self._salts:
            self._begin_log(end)
        if end.frames > self._copied:
            self._append(end)

    def _begin_series(self) -> None:
        now_ms = self._clock()
        series = self._folder / SERIES.format(now_ms)
        while series.exists():
            now_ms += 1
            series = self._folder / SERIES.format(now_ms)
        make_folder(series)
        self._series, self._log, self._salts = series, 0, b""
        self._complete, self._base_ms, self._log_bytes = False, None, 0

    def _begin_log(self, end: _End) -> None:
        """Begin the copy of a new cycle of the log, with its header."""
        with self._wal().open("rb") as file:
            header = file.read(HEADER_BYTES)
        if header[_SALTS] != end.salts:
            raise CopyRefusedError("the write-ahead log and its index differ; look at the disk")
        write_whole(self._path(self._log + 1), header)
        self._log += 1
        self._salts, self._copied = header[_SALTS], 0

    def _append(self, end: _End) -> None:
        """Copy the frames that came, and make them durable."""
        source = os.open(self._wal(), os.O_RDONLY | os.O_CLOEXEC)
        target = os.open(self._path(self._log), os.O_WRONLY | os.O_CLOEXEC)
        try:
            header = os.pread(source, HEADER_BYTES, 0)
            frame_bytes = FRAME_HEAD_BYTES + int.from_bytes(header[8:12], "big")
            start = HEADER_BYTES + self._copied * frame_bytes
            stop = HEADER_BYTES + end.frames * frame_bytes
            while start < stop:
                block = os.pread(source, min(stop - start, _BLOCK_BYTES), start)
                if not block:
                    raise CopyRefusedError("the write-ahead log is shorter than its index; look at the disk")
                start += os.pwrite(target, block, start)
                self._log_bytes += len(block)
            os.fdatasync(target)
        finally:
            os.close(target)
            os.close(source)
        self._copied = end.frames

    def _end(self) -> _End:
        """Read how far the log counts; the writer's thread is the only one that changes it."""
        if self._index is None:
            path = self._database.with_name(self._database.name + "-shm")
            self._index = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        head = os.pread(self._index, _INDEX.size, 0)
        version, is_made, frames, salts = _INDEX.unpack(head)
        if version != _INDEX_VERSION or not is_made:
            raise CopyRefusedError(
                "this SQLite keeps its log's index in another form; turn journal_copy_dir off"
            )
        return _End(frames, salts)

    # ---- the timetable's thread

    def keep(self, commit: Callable[[], None]) -> None:
        """Make a base where one is due, and remove what it makes needless.

        Args:
            commit: commits a transaction through the writer, so that the copy follows.

        Raises:
            OSError: the copy's disk is full or away.
            TransientError: the database cannot be written or read.
        """
        commit()  # begins the series, and shows whether a disk that was away is back
        with self._lock:
            series, first_log = self._series, max(1, self._log)
            too_long = self._log_bytes > LOG_BYTES_MAX
            due = self._base_ms is None or too_long or self._clock() - self._base_ms >= BASE_EVERY_MS
            if series is None or self._failed or not due:
                return
            self._log_bytes = 0
        made_ms = self._clock()
        base = series / f"base-{made_ms}.db"
        try:
            self._make_base(base)
            commit()  # whatever the base holds is in the logs now
            with self._lock:
                if self._series != series or self._failed:
                    raise OSError(f"the copy's disk failed while a base was made ({series})")
                write_whole(
                    series / MARK, write_mark_text(Mark(base=base.name, first_log=first_log, made_ms=made_ms))
                )
                self._complete, self._base_ms, self.is_behind = True, made_ms, False
        except BaseException:
            with suppress(OSError):
                base.unlink(missing_ok=True)
            raise
        log.info("journal_copy_based", path=series.name, bytes=base.stat().st_size)
        self._remove_needless(series, base.name, first_log)

    def _make_base(self, base: Path) -> None:
        os.close(os.open(base, os.O_CREAT | os.O_EXCL, 0o600))
        reading = sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)
        with closing(reading), closing(sqlite3.connect(base)) as target:
            reading.backup(target)
        sync_file(base)
        sync_folder(base.parent)

    def _remove_needless(self, series: Path, base: str, first_log: int) -> None:
        for path in series.iterdir():
            is_old_log = path.suffix == LOG_SUFFIX and int(path.stem) < first_log
            if is_old_log or (path.name.startswith("base-") and path.name != base):
                path.unlink()
        for other in self._folder.iterdir():
            if other != series and other.is_dir() and other.name.isdigit():
                with suppress(OSError):
                    shutil.rmtree(other)

    def close(self) -> None:
        """Let go of the log's index, after the database was closed."""
        if self._index is not None:
            os.close(self._index)
            self._index = None

    def _wal(self) -> Path:
        return self._database.with_name(self._database.name + "-wal")

    def _path(self, number: int) -> Path:
        return (self._series or self._folder) / log_name(number)
