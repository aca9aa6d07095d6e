"""What a program did to the files of a folder, in order, as strace saw it.

    changes = record([sys.executable, "-m", "tests.support.outbox_child", folder, "24"], folder)

Every change of a byte, of a size or of a name is there, every sync with how it ended, and every line that the
program wrote to its output: so it is known what it had told at which moment. A call that changes a file in a
way that is not known here is an error, not a gap in the record.

Not here: SQLite's index in shared memory (`-shm`), which never was on a disk; and the fate of the changes in
a power cut (`crash_disk`).
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_WRITTEN: Final = 2_000_000
"""Bytes of one write that strace is to print: more than any write of ours."""
_CALLS: Final = (
    "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,copy_file_range,"
    "sendfile,fsync,fdatasync,sync_file_range,unlink,unlinkat,rename,renameat,renameat2,link,linkat"
)
_LINE: Final = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)")
_BEGUN: Final = re.compile(r"^(\d+) +(\w+\(.*) <unfinished \.\.\.>$")
_RESUMED: Final = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_FILE: Final = re.compile(r"^(\d+)<([^>]*)>$")
_OUTPUT: Final = 1
_FAILED_STATUS: Final = (0, 3, 4, -9, 137)
"""How a recorded program may end: well, broken, unopened, or killed."""


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes at a place of a file."""

    file: str
    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Resized:
    """A file was cut or made longer."""

    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Made:
    """A file was opened so that it is made where it is not there."""

    file: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """A file has another name; what had it is gone."""

    file: str
    to: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A name is gone."""

    file: str


@dataclass(frozen=True, slots=True)
class Synced:
    """A sync of a file, or of the folder where `file` is empty; and whether it ended well."""

    file: str
    good: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A line of JSON that the program wrote."""

    words: Any


Change = Written | Resized | Made | Renamed | Removed | Synced | Told


def record(command: Sequence[str], folder: Path, *, inject: str = "") -> list[Change]:
    """Run a program to its end and return what it did.

    Args:
        command: what to run; it writes files of `folder` and lines of JSON to its output.
        folder: whose files are looked at; it has no folders in it.
        inject: what strace shall let fail, such as `fsync,fdatasync:error=EIO:when=3`.

    Raises:
        AssertionError: the program failed, or did what cannot be recorded.
    """
    with tempfile.NamedTemporaryFile(mode="r", prefix="trace-") as trace:
        strace = ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", str(_WRITTEN), "-o", trace.name]
        strace += ["-e", f"trace={_CALLS}", "-e", "signal=none"]
        strace += ["-e", f"inject={inject}"] if inject else []
        done = subprocess.run([*strace, *command], capture_output=True, check=False)
        assert done.returncode in _FAILED_STATUS, done.stderr.decode()
        return list(changes(trace.read(), folder))


def changes(trace: str, folder: Path) -> Iterator[Change]:
    """Read what strace wrote.

    Raises:
        AssertionError: a call changed a file of the folder in a way that is not known here.
    """
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        if half := _BEGUN.match(line):
            begun[half[1]] = half[2]
            continue
        if rest := _RESUMED.match(line):
            line = f"{rest[1]} {begun.pop(rest[1])}{rest[2]}"  # noqa: PLW2901 - both halves are the line
        if whole := _LINE.match(line):
            yield from _change(whole[2], whole[3].split(", "), int(whole[4]), folder)


def _change(call: str, words: list[str], result: int, folder: Path) -> Iterator[Change]:
    if call in ("fsync", "fdatasync"):
        name = _file(folder, words[0])
        return iter([] if name is None else [Synced(name, result == 0)])
    if result < 0:
        return iter(())
    if call in ("write", "pwrite64", "ftruncate"):
        return _to_a_file(call, words, result, folder)
    return _to_a_name(call, words, folder)


def _to_a_file(call: str, words: list[str], result: int, folder: Path) -> Iterator[Change]:
    if call == "write" and words[0].startswith(f"{_OUTPUT}<"):
        said = _bytes(words[1])
        if said.startswith(b"["):  # the other lines are the product's own log, which some slow sync calls for
            yield Told(json.loads(said))
    elif name := _file(folder, words[0]):
        match call:
            case "pwrite64":
                yield Written(name, int(words[3]), _bytes(words[1])[:result])
            case "ftruncate":
                yield Resized(name, int(words[1]))
            case _:
                raise AssertionError(f"{call} is not recorded")


def _to_a_name(call: str, words: list[str], folder: Path) -> Iterator[Change]:
    names = [_name_in(folder, word.strip('"')) for word in words if word.startswith('"')]
    match call, names:
        case "openat", [str(name)]:
            if name and "O_CREAT" in words[2]:
                yield Made(name)
            if name and "O_TRUNC" in words[2]:
                yield Resized(name, 0)
        case "unlink", [str(name)]:
            yield Removed(name)
        case "rename", [str(old), str(new)]:
            yield Renamed(old, new)
        case _:
            here = str(folder).encode() + b"/"
            known = call in ("openat", "unlink")  # of the index in shared memory
            assert known or not any(here in _bytes(word) for word in words), f"{call} is not recorded"


def _file(folder: Path, word: str) -> str | None:
    """The name of an open file of the folder; empty for the folder itself, None for any other."""
    found = _FILE.match(word)
    return _name_in(folder, found[2]) if found else None


def _name_in(folder: Path, hexed: str) -> str | None:
    path = Path(_bytes(hexed).decode(errors="replace"))
    if path == folder:
        return ""
    return path.name if path.parent == folder and not path.name.endswith("-shm") else None


def _bytes(word: str) -> bytes:
    return bytes(int(two, 16) for two in re.findall(r"\\x([0-9a-f]{2})", word))
