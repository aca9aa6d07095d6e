"""An outbox in a folder of its own; one whose parts a test may see; and disks that fail."""

import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from shared.adapters.outbox import DiskFullError, Outbox, OutboxLimits
from shared.adapters.outbox.disk import Disk
from shared.adapters.outbox.lane import Lane
from shared.adapters.outbox.room import Room
from shared.adapters.outbox.schema import Statement
from shared.model.event import Stream
from shared.protocol import limits
from tests.support.outbox import DEVICE, fast_folder

Open = Callable[..., Outbox]


class CrampedDisk(Disk):
    """A disk that is full as often as a test says, and whose log is due when a test says.

    Attributes:
        full: so many of the next commits find it full.
        full_checkpoints: so many of the next checkpoints do.
        due: a checkpoint is.
        checkpoints: how many were made.
        written: what the newest commit has written.
    """

    full = 0
    full_checkpoints = 0
    due = False
    checkpoints = 0
    written: Sequence[Statement] = ()

    def commit(self, statements: Sequence[Statement], *, durable: bool, grows: int = 0) -> None:
        if self.full:
            self.full -= 1
            raise DiskFullError(DiskFullError.__doc__)
        super().commit(statements, durable=durable, grows=grows)
        self.written = statements

    @property
    def checkpoint_due(self) -> bool:
        return self.due

    def checkpoint(self) -> None:
        if self.full_checkpoints:
            self.full_checkpoints -= 1
            raise DiskFullError(DiskFullError.__doc__)
        super().checkpoint()
        self.checkpoints += 1


class Glass(Outbox):
    """An outbox whose parts a test may see, on such a disk."""

    def __init__(self, file: Path, lane_bytes: Mapping[str, int] = limits.LANE_BYTES) -> None:
        super().__init__(file, DEVICE, OutboxLimits(lane_bytes=lane_bytes, ballast_bytes=4096))
        self._disk.close()
        self.disk = self._disk = CrampedDisk.open(file)
        quota = sum(lane.capacity for lane in self._lanes.values())
        self._room = Room(self._disk, self._ballast, self._lanes, quota)

    def lane(self, stream: Stream) -> Lane:
        return self._lanes[stream]

    @property
    def newest_is_synced(self) -> bool:
        """Whether the newest commit was durable when it returned."""
        return bool(self.disk.execute("PRAGMA synchronous").fetchone() == (2,))


@pytest.fixture
def file() -> Iterator[Path]:
    with fast_folder() as folder:
        yield folder / "outbox.db"


@pytest.fixture
def open_outbox(file: Path) -> Iterator[Open]:
    """Opens the same file again and again; each time is a new life of its owner."""
    lives: list[Outbox] = []

    def begin(**limits: object) -> Outbox:
        for life in lives:
            life.close()
        bounds = {"ballast_bytes": 4096, **limits}
        lives[:] = [Outbox(file, DEVICE, OutboxLimits(**bounds))]
        return lives[0]

    yield begin
    for life in lives:
        life.close()


@pytest.fixture
def outbox(open_outbox: Open) -> Outbox:
    return open_outbox()


@pytest.fixture
def glass(file: Path) -> Iterator[Glass]:
    with Glass(file) as outbox:
        yield outbox


def logs_open(file: Path) -> list[int]:
    """The descriptors that this process has open on the log, also on one that is deleted; readers first."""
    log = str(file.with_name(f"{file.name}-wal"))
    links = [d for d in Path("/proc/self/fd").iterdir() if d.is_symlink()]
    found = [int(d.name) for d in links if str(d.readlink()).startswith(log)]
    flags = {d: Path(f"/proc/self/fdinfo/{d}").read_text().split("flags:\t")[1].split()[0] for d in found}
    return sorted(found, key=lambda descriptor: int(flags[descriptor], 8) & os.O_ACCMODE)


@contextmanager
def syncs_failing(file: Path) -> Iterator[None]:
    """The owner's own syncs of the log fail; SQLite's go on."""
    (log, *_), nowhere = logs_open(file), os.open("/dev/null", os.O_RDONLY)
    kept = os.dup(log)
    os.dup2(nowhere, log)
    try:
        yield
    finally:
        os.dup2(kept, log)
        os.close(kept)
        os.close(nowhere)


@cache
def _notebooks() -> list[list[tuple[str, Path]]]:
    """Who listens to what this process does with names; the hook stays, so it is hung up once."""
    found: list[list[tuple[str, Path]]] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if found and event in ("open", "os.rename", "os.remove") and isinstance(arguments[0], str | Path):
            for each in found:
                each.append((event.removeprefix("os."), Path(arguments[0])))

    sys.addaudithook(note)
    return found


@contextmanager
def noting_names() -> Iterator[list[tuple[str, Path]]]:
    """Note which names this process opens, changes and removes, in order; SQLite's own are not among them.

    A folder that is opened is one that is synced: nobody here opens one for anything else.
    """
    notes: list[tuple[str, Path]] = []
    _notebooks().append(notes)
    try:
        yield notes
    finally:
        _notebooks().remove(notes)


@contextmanager
def files_of_at_most(count: int) -> Iterator[None]:
    """No file of this process grows above so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
