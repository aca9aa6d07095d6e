"""An outbox on a disk that runs full; prints what it could still do, as JSON.

Run as `python -m tests.support.outbox_on_full_disk FOLDER [until-full | after-the-cut]`; the folder is a
small file system of its own. `until-full` fills it, acknowledges and ends without closing;
`after-the-cut` opens what is there and acknowledges more.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from shared.adapters.outbox import DiskFullError, Outbox
from shared.model.event import Stream
from shared.protocol import limits
from tests.support.outbox import DEVICE, Taken, held, take

ACKNOWLEDGEMENTS = 200


def fill_with_lines(outbox: Outbox) -> list[Taken]:
    """Append until the disk is full."""
    taken: list[Taken] = []
    with suppress(DiskFullError):
        while True:
            taken.append(take(outbox, Stream.PAYMENTS, "x" * 300))
    return taken


def fill_the_rest(folder: Path) -> None:
    """Let another program take every byte that is left."""
    with (folder / "someone-elses.log").open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    with (folder / "someone-elses-too.log").open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x")


def acknowledged(outbox: Outbox, epoch: str, first: int) -> int:
    """Acknowledge line by line; return how many took effect in the file, as a new life would find it."""
    for acked in range(first, first + ACKNOWLEDGEMENTS):
        outbox.acknowledge(Stream.PAYMENTS, epoch, acked, now_ms=1)
    return outbox.epochs(Stream.PAYMENTS)[0].acked - first + 1


def scenario(folder: Path) -> dict[str, object]:
    """Fill, acknowledge, reopen, let go, and take again."""
    said: dict[str, object] = {}
    file = folder / "outbox.db"
    (folder / "someone-elses.log").write_bytes(bytes(3 * limits.BALLAST_BYTES))
    with Outbox(file, DEVICE) as outbox:
        taken = fill_with_lines(outbox)
        epoch = taken[0].epoch
        said["taken"] = len(taken)
        said["ballast_kept_from_appends"] = (folder / "ballast").stat().st_size == limits.BALLAST_BYTES
        fill_the_rest(folder)
        said["acknowledged"] = acknowledged(outbox, epoch, 1)
        fill_the_rest(folder)
        said["acknowledged_more"] = acknowledged(outbox, epoch, 1 + ACKNOWLEDGEMENTS)
        fill_the_rest(folder)
    with Outbox(file, DEVICE) as outbox:
        said["acked_after_reopening"] = outbox.epochs(Stream.PAYMENTS)[0].acked
        said["lines_after_reopening"] = len(held(outbox, Stream.PAYMENTS, epoch).lines)
        said["acknowledged_after_reopening"] = acknowledged(outbox, epoch, 1 + 2 * ACKNOWLEDGEMENTS)
        fill_the_rest(folder)
        outbox.acknowledge(Stream.PAYMENTS, epoch, len(taken), now_ms=1)
        outbox.expire(1 + limits.KEEP_WINDOW_MS)
        more = [take(outbox, Stream.PAYMENTS, "y") for _ in range(50)]
        said["taken_in_freed_room"] = len(held(outbox, Stream.PAYMENTS, more[0].epoch).lines)
        for name in ("someone-elses.log", "someone-elses-too.log"):
            (folder / name).unlink()
        outbox.expire(1)
        said["ballast_made_again"] = (folder / "ballast").exists()
    return said


def until_full(folder: Path) -> None:
    """Fill the disk, acknowledge, tell, and die with everything open."""
    (folder / "someone-elses.log").write_bytes(bytes(3 * limits.BALLAST_BYTES))
    outbox = Outbox(folder / "outbox.db", DEVICE)
    taken = fill_with_lines(outbox)
    fill_the_rest(folder)
    acknowledged(outbox, taken[0].epoch, 1)
    outbox.flush()
    fill_the_rest(folder)
    os.write(1, json.dumps({"taken": len(taken)}).encode() + b"\n")
    os._exit(0)


def after_the_cut(folder: Path) -> dict[str, object]:
    """Open what the power cut left, on a disk without room, and acknowledge."""
    with Outbox(folder / "outbox.db", DEVICE) as outbox:
        (view,) = outbox.epochs(Stream.PAYMENTS)
        return {
            "lines": len(held(outbox, Stream.PAYMENTS, view.epoch).lines),
            "acknowledged_before": view.acked,
            "acknowledged": acknowledged(outbox, view.epoch, view.acked + 1),
        }


if __name__ == "__main__":
    match sys.argv[2:]:
        case ["until-full"]:
            until_full(Path(sys.argv[1]))
        case ["after-the-cut"]:
            os.write(1, json.dumps(after_the_cut(Path(sys.argv[1]))).encode() + b"\n")
        case _:
            os.write(1, json.dumps(scenario(Path(sys.argv[1]))).encode())
