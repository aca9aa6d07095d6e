"""The outbox after power cuts: recorded lives, the states that the disk may be in, and each is opened."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.adapters.outbox import Outbox, OutboxLimits
from shared.model.event import Stream
from tests.support.crash_disk import CrashState, crash_states
from tests.support.disk_trace import Change, Told, record
from tests.support.outbox import DEVICE, fast_folder, held, take

STREAMS = (Stream.PAYMENTS, Stream.CASES, Stream.HEALTH)
SYNCS = "fsync,fdatasync"


def lives(*counts: int, killed: bool = True) -> list[Change]:
    """Record some lives of an owner on one disk, one after the other.

    Args:
        counts: how many lines each life takes.
        killed: each but the last ends with -9; otherwise all are closed.
    """
    with fast_folder() as folder:
        done: list[Change] = []
        for n, count in enumerate(counts):
            last = n == len(counts) - 1
            done += record(life(folder, count, *["killed"] * (killed and not last)), folder)
        return done


def life_without_sync(nth: int, lines: int, after: int) -> tuple[list[Change], bool]:
    """Record a life whose nth sync fails, and a sound one after it on the same disk and page cache.

    Returns:
        What was done, and whether a sync did fail.
    """
    with fast_folder() as folder:
        done = record(life(folder, lines, "killed"), folder, inject=f"{SYNCS}:error=EIO:when={nth}")
        failed = any(isinstance(c, Told) and c.words[0] in ("broken", "unopened") for c in done)
        return done + record(life(folder, after, "killed"), folder), failed


def life(folder: Path, count: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "tests.support.outbox_child", str(folder), str(count), *more]


def check(changes: Sequence[Change], count: int, seed: int, before: Mapping[str, bytes] | None = None) -> int:
    """Open so many states of a disk; return how many of them were different.

    Raises:
        AssertionError: in one of them something that was told is missing, or a number comes twice.
    """
    different: set[int] = set()
    for state in crash_states(changes, count, seed, before):
        different.add(hash(tuple(sorted(state.files.items()))))
        with fast_folder() as folder:
            state.put_into(folder)
            try:
                check_opened(folder, state)
            except Exception as error:
                raise AssertionError(f"seed {seed}, power cut after change {state.at}: {error}") from error
    return len(different)


def check_opened(folder: Path, state: CrashState) -> None:
    """Open the outbox: all that was told is there, sound, and what comes next has numbers of its own."""
    told = {(t[1], t[2], t[3]): str(t[4]) for t in state.told if t[0] == "told"}
    with Outbox(folder / "outbox.db", DEVICE, OutboxLimits(ballast_bytes=0)) as outbox:
        assert not outbox.salvaged, "the file's structure was broken"
        assert outbox.damaged_lines == 0, "a line does not fit its chain"
        found: dict[tuple[str, str, int], bytes] = {}
        for stream in STREAMS:
            for view in outbox.epochs(stream):
                lines = held(outbox, stream, view.epoch)
                assert not lines.gaps, "there is a gap"
                found |= {(stream.value, view.epoch, seq): line for seq, line in lines.lines.items()}
        lost = [at for at, event_id in told.items() if event_id.encode() not in found.get(at, b"")]
        assert not lost, f"{len(lost)} lines that were told are lost"
        used = {epoch for _, epoch, _ in told} | {epoch for _, epoch, _ in found}
        for stream in STREAMS:
            assert take(outbox, stream).epoch not in used, "a number is given twice"
