"""An append-only file of JSON objects, chained line by line, with a second copy on another disk.

    {"at_ms":…,"record":…,…,"chain":"<32 hex>"}

A chain value is the first 16 bytes of SHA-256 over the value of the line before and this line's own bytes up
to its chain member.

Rules:
- A line is fsynced in the second copy, then in the first; only then does `append` return.
- A last line that a power cut left half is cut off and reported. Anything else that does not verify is
  damage: the other copy heals it, or the hub does not start. A confirmed line is never dropped in silence.
- The longer verified copy wins; what it supersedes is set aside, not deleted.
- One process at a time (flock): the command line asks a running hub, it does not write beside it.

Not here: what the lines mean (`records`, `registry`).

Source: RFC 6962 for the idea of a log that shows tampering; fsync(2), flock(2).
"""

import errno
import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from hub.keys.files import SecondCopyError
from shared.adapters.durable_files import PRIVATE, make_folder, sync_folder, write_whole
from shared.model.errors import DeviceError, TransientError

FILE_NAME: Final = "registry.jsonl"
_LOCK_NAME: Final = "registry.lock"
_CHAIN_BYTES: Final = 16
_CHAIN_START: Final = sha256(b"vt1|key-registry").digest()[:_CHAIN_BYTES]
_MARK: Final = b',"chain":"'
_HOLE: Final = bytes(8)
_TAIL_BYTES: Final = len(_MARK) + 2 * _CHAIN_BYTES + len(b'"}\n')


class JournalBusyError(TransientError):
    """Another process holds the key registry: the hub runs. Ask it, or stop it first."""


class JournalDamagedError(DeviceError):
    """The key registry is damaged where it matters; put it back from its second copy or a backup of that."""


class JournalWriteError(TransientError):
    """The key registry cannot be written: look at the key folder's disk (full, read-only), then repeat."""


class _State(StrEnum):
    WHOLE = "whole"
    TORN = "torn"
    BROKEN = "broken"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What was found in one file: the bytes that verify, and what is wrong with the rest."""

    path: Path
    valid: bytes
    bodies: tuple[bytes, ...]
    state: _State
    size: int


class Journal:
    """The open journal: two files, the chain's value, and the right to append.

    Attributes:
        copy_is_behind: the second copy lacks lines that the first has; the next append mends it if it can.
        notes: what opening had to mend or leave, as sentences for the exceptions list.
    """

    def __init__(self, first: "_Tail", second: "_Tail | None", chain: bytes, lock: int) -> None:
        self.copy_is_behind = False
        self.notes: tuple[str, ...] = ()
        self._first = first
        self._second = second
        self._chain = chain
        self._lock = lock
        self._poisoned = False

    @classmethod
    def create(cls, folder: Path, copy_folder: Path | None, first_body: bytes) -> None:
        """Write a new journal of one line, the second copy first; does nothing where one exists.

        Raises:
            SecondCopyError: the second copy cannot be written.
            OSError: the first cannot be written.
        """
        line, _ = _sealed(_CHAIN_START, first_body)
        if copy_folder is not None and not (copy_folder / FILE_NAME).exists():
            try:
                make_folder(copy_folder)
                write_whole(copy_folder / FILE_NAME, line)
            except OSError as error:
                raise SecondCopyError(f"{SecondCopyError.__doc__} ({error.strerror})") from error
        make_folder(folder)
        if not (folder / FILE_NAME).exists():
            write_whole(folder / FILE_NAME, line)

    @classmethod
    def open(cls, folder: Path, copy_folder: Path | None) -> tuple[Self, tuple[bytes, ...]]:
        """Lock, verify and heal the journal.

        Returns:
            The journal, and every line's body (JSON without its chain value).

        Raises:
            JournalBusyError: another process has it open.
            JournalDamagedError: neither copy verifies to its end.
            SecondCopyError: the second copy cannot be brought up to the first.
        """
        make_folder(folder)
        lock = _lock(folder / _LOCK_NAME)
        try:
            first = _read(folder / FILE_NAME)
            copy = None if copy_folder is None else _read(copy_folder / FILE_NAME)
            winner = _winner(first, copy)
            notes = [*_mend(first, winner)]
            if copy is not None:
                try:
                    notes += _mend(copy, winner)
                except OSError as error:
                    raise SecondCopyError(f"{SecondCopyError.__doc__} ({error.strerror})") from error
            journal = cls(
                _Tail(first.path, len(winner.valid)),
                None if copy is None else _Tail(copy.path, len(winner.valid)),
                _chain_of(winner),
                lock,
            )
        except BaseException:
            os.close(lock)
            raise
        journal.notes = tuple(notes)
        return journal, winner.bodies

    def append(self, body: bytes, *, must_be_copied: bool) -> None:
        """Make a line durable, in the second copy first.

        Args:
            body: a JSON object without line breaks.
            must_be_copied: False goes on without a second copy that cannot be written (a fence must hold even
                then), and leaves it behind.

        Raises:
            SecondCopyError: the second copy could not be written and had to be; nothing was appended.
            JournalWriteError: the first could not be written; nothing was appended.
        """
        if self._poisoned:
            raise JournalWriteError(
                "A write to the key registry failed half-way: mend its disk and restart the hub."
            )
        line, chain = _sealed(self._chain, body)
        copied = self._append_to_copy(line, must_be_copied=must_be_copied)
        try:
            self._first.append(line)
        except OSError as error:
            self._poisoned = self._first.uncertain or not self._taken_back(copied, len(line))
            raise JournalWriteError(f"{JournalWriteError.__doc__} ({error.strerror})") from error
        self._chain = chain

    def close(self) -> None:
        """Give the journal up to another process."""
        os.close(self._lock)

    def _append_to_copy(self, line: bytes, *, must_be_copied: bool) -> bool:
        if self._second is None:
            return False
        try:
            if self.copy_is_behind:
                self._second.catch_up(self._first.path, self._first.length)
                self.copy_is_behind = False
            self._second.append(line)
        except OSError as error:
            self.copy_is_behind = True
            if must_be_copied:
                raise SecondCopyError(f"{SecondCopyError.__doc__} ({error.strerror})") from error
            return False
        return True

    def _taken_back(self, copied: bool, line_bytes: int) -> bool:  # noqa: FBT001 - what append did
        """Cut from the second copy what the first did not take; tell whether both are equal again."""
        try:
            if copied and self._second is not None:
                self._second.cut(self._second.length - line_bytes)
        except OSError:
            return False
        return True


class _Tail:
    """The end of a file that only grows; it knows its length and writes exactly there.

    The file is opened for every write: a disk that was unplugged, or a file that somebody moved, is noticed.
    A write that fails is cut off again; `uncertain` says that even this failed.
    """

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        self.length = length
        self.uncertain = False

    def append(self, line: bytes) -> None:
        with self._opened() as descriptor:
            if os.fstat(descriptor).st_size != self.length:
                raise OSError(errno.ESTALE, f"{self.path} was changed by somebody else")
            self.uncertain = True
            try:
                written = 0
                while written < len(line):
                    written += os.pwrite(descriptor, line[written:], self.length + written)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, self.length)
                os.fsync(descriptor)
                self.uncertain = False
                raise
        self.uncertain = False
        self.length += len(line)

    def cut(self, length: int) -> None:
        with self._opened() as descriptor:
            os.ftruncate(descriptor, length)
            os.fsync(descriptor)
        self.length = length

    def catch_up(self, source: Path, length: int) -> None:
        """Bring a copy that lost its disk for a while up to the first `length` bytes of `source`."""
        wanted = source.read_bytes()[:length]
        if self.path.exists() and not wanted.startswith(self.path.read_bytes()[: self.length]):
            _set_aside(self.path)
        write_whole(self.path, wanted)
        self.length = length

    @contextmanager
    def _opened(self) -> Generator[int]:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _sealed(chain: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Return a line of the file and the chain's value after it."""
    value = sha256(chain + body[:-1]).digest()[:_CHAIN_BYTES]
    return b'%s%s%s"}\n' % (body[:-1], _MARK, value.hex().encode()), value


def _read(path: Path) -> _Content:
    """Verify a file from its beginning.

    Bytes after the last valid line are torn if they were never a whole line: no newline, or the zeros of a
    block that did not reach the disk. Whole lines that don't verify are damage, and so is a line whose last
    byte alone is wrong.
    """
    if not path.exists():
        return _Content(path=path, valid=b"", bodies=(), state=_State.MISSING, size=0)
    raw = path.read_bytes()
    chain, at, bodies = _CHAIN_START, 0, list[bytes]()
    while (end := raw.find(b"\n", at)) >= 0:
        body = raw[at : end + 1 - _TAIL_BYTES] + b"}"
        line, following = _sealed(chain, body)
        if raw[at : end + 1] != line:
            break
        chain, at = following, end + 1
        bodies.append(body)
    rest = raw[at:]
    end_flipped = len(rest) > _TAIL_BYTES and _sealed(chain, rest[:-_TAIL_BYTES] + b"}")[0][:-1] == rest[:-1]
    broken = end_flipped or (b"\n" in rest and _HOLE not in rest)
    state = _State.BROKEN if broken or not bodies else _State.TORN if rest else _State.WHOLE
    return _Content(path=path, valid=raw[:at], bodies=tuple(bodies), state=state, size=len(raw))


def _winner(first: _Content, copy: _Content | None) -> _Content:
    """Choose the copy with more verified lines, unless damage hides that it is not the longest."""
    winner = first if copy is None or len(first.valid) >= len(copy.valid) else copy
    damaged = [c for c in (first, copy) if c is not None and c.state is _State.BROKEN]
    for content in damaged:
        if content.size > len(winner.valid) or not winner.bodies:
            where = f"{content.path}, line {len(content.bodies) + 1}"
            raise JournalDamagedError(f"{JournalDamagedError.__doc__} ({where})")
    if not winner.bodies:
        raise JournalDamagedError(
            f"There is no key registry in {first.path.parent}; put it back, or set the hub up."
        )
    return winner


def _mend(content: _Content, winner: _Content) -> list[str]:
    """Make a file equal to the winner's verified bytes; return what there is to say about it."""
    if content.state is _State.WHOLE and content.valid == winner.valid:
        return []
    wrong = {
        _State.WHOLE: "lacked lines that the other copy has",
        _State.TORN: "ended in half a line, which a power cut leaves",
        _State.BROKEN: "was damaged",
        _State.MISSING: "was missing",
    }[content.state]
    make_folder(content.path.parent)
    if content.state is _State.BROKEN or not winner.valid.startswith(content.valid):
        wrong = wrong if content.state is _State.BROKEN else "differed from the other copy, which is longer"
        _set_aside(content.path)
    write_whole(content.path, winner.valid)
    return [f"The key registry {content.path} {wrong}; it was mended."]


def _set_aside(path: Path) -> None:
    """Keep a file that is superseded under the first free name beside it."""
    number = 1
    while (aside := path.with_name(f"{path.name}.superseded-{number}")).exists():
        number += 1
    path.rename(aside)
    sync_folder(path.parent)


def _chain_of(content: _Content) -> bytes:
    last = content.valid[:-1].rpartition(b"\n")[2]
    return bytes.fromhex(last[-(2 * _CHAIN_BYTES + 2) : -2].decode())


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise JournalBusyError(JournalBusyError.__doc__) from error
    return descriptor
