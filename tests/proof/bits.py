"""Bits that flip in the outbox's database and its log: none gives another line or an old number."""

from pathlib import Path
from random import Random

from shared.adapters.outbox import Outbox, OutboxLimits
from tests.proof.outbox_crashes import STREAMS, life
from tests.support.disk_trace import record
from tests.support.outbox import DEVICE, fast_folder, held, take

Lines = dict[tuple[str, str, int], bytes]
"""By stream, epoch and number."""


def flipped(count: int, seed: int) -> tuple[int, int]:
    """Flip one bit of a killed owner's files, open them, and do so again and again.

    Returns:
        How many flips cost no line that was told, and how many cost some.

    Raises:
        AssertionError: another line came back, or a number was given twice.
    """
    random = Random(seed)
    files, told = _killed()
    sound = 0
    for _ in range(count):
        name = random.choice(("outbox.db", "outbox.db-wal"))
        bit = random.randrange(len(files[name]) * 8)
        content = bytearray(files[name])
        content[bit // 8] ^= 1 << bit % 8
        with fast_folder() as folder:
            for each, original in files.items():
                (folder / each).write_bytes(content if each == name else original)
            try:
                sound += _check(folder, told) == len(told)
            except Exception as error:
                raise AssertionError(f"seed {seed}, bit {bit} of {name}: {error}") from error
    return sound, count - sound


def _killed() -> tuple[dict[str, bytes], Lines]:
    """The files of an owner that was killed, and the lines in them."""
    with fast_folder() as folder:
        record(life(folder, 40), folder)
        record(life(folder, 40, "killed"), folder)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        with _opened(folder) as outbox:
            return files, _lines(outbox)


def _check(folder: Path, told: Lines) -> int:
    """Open the files; return how many lines are still there."""
    with _opened(folder) as outbox:
        found = _lines(outbox)
        assert set(found) <= set(told), "a line came back that nobody took"
        assert all(told[at] == line for at, line in found.items()), "another line came back"
        used = {epoch for _, epoch, _ in told}
        for stream in STREAMS:
            assert take(outbox, stream).epoch not in used, "a number is given twice"
    return len(found)


def _opened(folder: Path) -> Outbox:
    return Outbox(folder / "outbox.db", DEVICE, OutboxLimits(ballast_bytes=0))


def _lines(outbox: Outbox) -> Lines:
    return {
        (stream.value, view.epoch, seq): line
        for stream in STREAMS
        for view in outbox.epochs(stream)
        for seq, line in held(outbox, stream, view.epoch).lines.items()
    }
