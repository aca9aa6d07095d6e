"""What a disk may hold after a power cut: every change that was not synced is there, missing, or torn.

The rules, harsher than any one file system:

- A change is sure once a sync of its file that came after it has ended well.
- Of the others any may be there and any missing, a later one without an earlier one; of a write each sector
  of 512 bytes for itself.
- A sync that fails leaves what it should have written *in doubt for ever*: the system holds the pages for
  clean, so a later sync that ends well does not write them. Only writing them again does.
- Names (made, renamed, removed) become sure with a sync of the folder, never with one of the file. Those that
  are not sure took place up to any one of them.

Source: T. Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014); A. Rebello et al., "Can
Applications Recover from fsync Failures?" (ATC 2020); fsync(2).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.support.disk_trace import Change, Made, Removed, Renamed, Resized, Synced, Told, Written

SECTOR_BYTES: Final = 512

Names = dict[str, "_File"]


@dataclass(frozen=True, slots=True)
class CrashState:
    """One state that the disk may be in.

    Attributes:
        files: bytes by name.
        told: what the program had told before.
        at: after how many changes the power failed.
    """

    files: Mapping[str, bytes]
    told: Sequence[Any]
    at: int

    def put_into(self, folder: Path) -> None:
        """Write the files into an empty folder."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


def crash_states(
    changes: Sequence[Change], count: int, seed: int, before: Mapping[str, bytes] | None = None
) -> Iterator[CrashState]:
    """Give states from power cuts at moments all over a record.

    Args:
        changes: what was done, in order.
        count: how many states.
        seed: the same seed gives the same states.
        before: what was on the disk at first.
    """
    random = Random(seed)
    moments = sorted(random.randrange(len(changes) + 1) for _ in range(count))
    disk = CrashDisk(before or {})
    done = 0
    for moment in moments:
        for change in changes[done:moment]:
            disk.take(change)
        done = moment
        yield CrashState(disk.after_cut(random), tuple(disk.told), moment)


class CrashDisk:
    """A folder as the program sees it, and what of it is sure.

    Attributes:
        told: what the program has told so far.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.told: list[Any] = []
        self._names: Names = {name: _File(bytearray(content)) for name, content in files.items()}
        self._sure_names: Names = dict(self._names)
        self._renamings: list[tuple[Made | Renamed | Removed, _File | None]] = []

    def take(self, change: Change) -> None:
        """Let the program do one thing."""
        match change:
            case Told(words):
                self.told.append(words)
            case Written(name) | Resized(name):
                self._names[name].changes.append(_Change(change))
            case Synced("", good):
                if good:
                    self._sure_names, self._renamings = dict(self._names), []
            case Synced(name, good):
                self._names[name].sync(good=good)
            case Made(name):
                if name not in self._names:
                    self._rename(change, _File(bytearray()))
            case Renamed(name):
                self._rename(change, self._names[name])
            case Removed():
                self._rename(change, None)

    def after_cut(self, random: Random) -> dict[str, bytes]:
        """Return what the disk may hold when the power comes back."""
        names = dict(self._sure_names)
        for change, file in self._renamings[: random.randint(0, len(self._renamings))]:
            _apply(names, change, file)
        images = {id(file): file.image(random) for file in names.values()}
        return {name: images[id(file)] for name, file in names.items()}

    def _rename(self, change: Made | Renamed | Removed, file: "_File | None") -> None:
        self._renamings.append((change, file))
        _apply(self._names, change, file)


def _apply(names: Names, change: Made | Renamed | Removed, file: "_File | None") -> None:
    match change:
        case Made(name):
            assert file is not None
            names[name] = file
        case Renamed(name, to):
            assert file is not None
            names.pop(name, None)
            names[to] = file
        case Removed(name):
            names.pop(name, None)


@dataclass(slots=True)
class _Change:
    what: Written | Resized
    sure: bool = False
    in_doubt: bool = False


@dataclass(slots=True, eq=False)
class _File:
    """One file: bytes that are sure, and the changes since, in order."""

    sure: bytearray
    changes: list[_Change] = field(default_factory=list[_Change])

    def sync(self, *, good: bool) -> None:
        for change in self.changes:
            if not change.sure and not change.in_doubt:
                change.sure, change.in_doubt = good, not good
        settled = 0
        while settled < len(self.changes) and self.changes[settled].sure:
            _change_bytes(self.sure, self.changes[settled].what, None)
            settled += 1
        del self.changes[:settled]

    def image(self, random: Random) -> bytes:
        content = bytearray(self.sure)
        open_ones = sum(not change.sure for change in self.changes)
        fates = iter(_fates(open_ones, random))
        for change in self.changes:
            fate = "there" if change.sure else next(fates)
            if fate != "missing":
                _change_bytes(content, change.what, random if fate == "torn" else None)
        return bytes(content)


def _fates(count: int, random: Random) -> list[str]:
    """Draw what became of changes: none, all, the first few and one torn, or each for itself."""
    way = random.random()
    if way < 0.1:
        return ["missing"] * count
    if way < 0.2:
        return ["there"] * count
    if way < 0.45:
        whole = random.randint(0, count)
        return [*["there"] * whole, "torn", *["missing"] * count][:count]
    share = random.choice((0.1, 0.5, 0.9))
    return [
        ("torn" if random.random() < 0.3 else "there") if random.random() < share else "missing"
        for _ in range(count)
    ]


def _change_bytes(content: bytearray, what: Written | Resized, tearing: Random | None) -> None:
    if isinstance(what, Resized):
        del content[what.size :]
        content.extend(bytes(what.size - len(content)))
        return
    end = what.offset + len(what.content)
    at = what.offset
    while at < end:
        stop = end if tearing is None else min(end, (at // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if tearing is None or tearing.random() < 0.5:
            content.extend(bytes(max(0, stop - len(content))))
            content[at:stop] = what.content[at - what.offset : stop - what.offset]
        at = stop
