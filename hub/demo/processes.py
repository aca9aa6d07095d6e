"""Processes of the demonstration: started by their commands, known by their ids, ended one by one.

Rules: a child ends with the demonstration, however that ends. Ctrl-C reaches the demonstration alone. What a
child writes goes to a log in the demonstration's folder.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Flag, auto
from pathlib import Path
from typing import Final

from hub.broker import leash
from shared.model.errors import DeviceError

ENV: Final = "/usr/bin/env"
STOP_S: Final = 20.0
RUN_S: Final = 60.0
COMMAND: Final = "shared.cli"


Environment = Mapping[str, str] | None


class NotDoneError(DeviceError):
    """A command of the demonstration failed; its log says why."""


class Pipes(Flag):
    """Standard streams of a process."""

    NONE = 0
    INPUT = auto()
    OUTPUT = auto()
    ERRORS = auto()
    ALL = INPUT | OUTPUT | ERRORS


def start(
    words: Sequence[str],
    log: Path,
    *,
    module: str = COMMAND,
    piped: Pipes = Pipes.NONE,
    environment: Environment = None,
) -> subprocess.Popen[bytes]:
    """Start `ventanilla …`. Call it on the main thread: the child ends with the thread that started it.

    Args:
        words: of the command line.
        log: what it writes is appended there.
        module: which program of ours, if not `ventanilla`.
        piped: which of its standard streams are the caller's.
        environment: what it is told beside ours.
    """
    tied = [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), ENV]
    tied += [*(f"{name}={value}" for name, value in (environment or {}).items()), sys.executable]
    with log.open("ab") as out:
        return subprocess.Popen(
            [*tied, "-m", module, *words],
            stdin=subprocess.PIPE if piped & Pipes.INPUT else subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped & Pipes.OUTPUT else out,
            stderr=subprocess.PIPE if piped & Pipes.ERRORS else out,
            start_new_session=True,
        )


def run(words: Sequence[str], log: Path, *, given: bytes = b"", environment: Environment = None) -> bytes:
    """Run `ventanilla …` to its end, and return what it says.

    Args:
        words: of the command line.
        log: its complaints are appended there.
        given: what it reads.
        environment: what it is told beside ours.

    Raises:
        NotDoneError: it failed.
    """
    pipes = Pipes.INPUT | Pipes.OUTPUT
    with start(words, log, piped=pipes, environment=environment) as process:
        said, _ = process.communicate(given, timeout=RUN_S)
    if process.returncode:
        raise NotDoneError(f"{NotDoneError.__doc__} ({log})")
    return said


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process at once, as -9 does; one that has ended already is left alone."""
    if process.poll() is None:
        process.kill()
    process.wait()


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and end it if it does not."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
    kill(process)


def child_named(parent: int, name: str) -> int | None:
    """Find the child of a process by its program's name."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                inside = (folder / "stat").read_text()
                program, _, rest = inside.partition("(")[2].rpartition(")")
                if program.startswith(name[:15]) and int(rest.split()[1]) == parent:
                    return int(folder.name)
    return None


def children(parent: int) -> list[int]:
    """Return the processes that a process of ours has started and that still run."""
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return []


def kill_pid(pid: int) -> None:
    """End a process that a child of ours started."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
