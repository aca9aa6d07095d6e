"""What happens to a device's disk on stage: torn by a power cut, imaged, rolled back, lost.

Rules: a power cut takes what no fsync had promised, and nothing else. What a citizen was told or the hub has
heard of was synced before (docs/PROTOCOL.md, S-2 and L-7); a disk that loses that is another fault, and would
not be a fair one here. Identity and data lie apart; everything here touches data alone.

Source: the SQLite database file format, section "The Write-Ahead Log".
"""

import json
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from shared.adapters.outbox import Outbox, OutboxLimits
from shared.edge.home import DeviceHome
from shared.model.event import Stream

FREEZE_S: Final = 5.0
BOUNDARIES_MAX: Final = 64
_WAL_HEADER: Final = 32
_FRAME_HEADER: Final = 24

Place = tuple[str, str]
"""Stream and epoch."""


def tear(home: DeviceHome, device: str, promised: Mapping[Place, int], random: Random) -> int:
    """Leave the disk of a stopped device as a power cut in the middle of an append leaves it.

    Between two fsyncs kernel and disk write pages in any order and may be in the middle of one: behind the
    last synced commit the log holds half a frame and then noise. SIGKILL alone does not show that, because
    the page cache survives it. So the log is cut at the earliest commit that still has everything promised,
    and what follows is torn. The index in shared memory (`-shm`) never was on a disk.

    Args:
        home: of the device; nobody runs it.
        device: its id.
        promised: the highest number of each epoch that a citizen was told or the hub has heard of.
        random: the noise.

    Returns:
        How many bytes of the log were torn.
    """
    log = home.outbox.with_name(home.outbox.name + "-wal")
    home.outbox.with_name(home.outbox.name + "-shm").unlink(missing_ok=True)
    written = log.read_bytes() if log.exists() else b""
    if len(written) <= _WAL_HEADER:
        return 0
    page_bytes = int.from_bytes(written[8:12], "big")
    ends = _commits(written, page_bytes)
    kept = ends[-1]
    for end in reversed(ends[-BOUNDARIES_MAX:]):
        if not _holds(home, device, written[:end], promised):
            break
        kept = end
    half = _FRAME_HEADER + page_bytes // 2
    begun = written[kept : kept + half] or written[_WAL_HEADER : _WAL_HEADER + half]
    noise = random.randbytes(max(half, len(written) - kept - len(begun)))
    with log.open("r+b") as file:
        file.truncate(kept)
        file.seek(kept)
        file.write(begun + noise)
    return len(begun) + len(noise)


def written_ns(home: DeviceHome) -> int:
    """When the outbox's log was last written, by the file system's clock; 0 where there is none."""
    log = home.outbox.with_name(home.outbox.name + "-wal")
    return log.stat().st_mtime_ns if log.exists() else 0


def take_image(home: DeviceHome, pid: int, image: Path) -> None:
    """Copy the data of a running device, frozen for an instant, as a machine's snapshot does."""
    os.kill(pid, signal.SIGSTOP)
    try:
        deadline_s = time.monotonic() + FREEZE_S
        while not _is_frozen(pid) and time.monotonic() < deadline_s:
            time.sleep(0.002)
        shutil.copytree(home.data, image)
    finally:
        os.kill(pid, signal.SIGCONT)


def put_back(home: DeviceHome, image: Path) -> None:
    """Roll a stopped device's disk back to an image."""
    shutil.rmtree(home.data)
    shutil.copytree(image, home.data)


def lose(home: DeviceHome) -> None:
    """Take a stopped device's disk away; who it is lies elsewhere, and stays."""
    shutil.rmtree(home.data)


def files_with(home: DeviceHome, words: str) -> int:
    """Count the files of a device's home in which somebody's words can be read."""
    wanted = [words.encode(), json.dumps(words).encode()]
    return sum(
        any(one in path.read_bytes() for one in wanted) for path in home.path.rglob("*") if path.is_file()
    )


def _commits(written: bytes, page_bytes: int) -> Sequence[int]:
    """Where each transaction of the log ends; at least where its header does."""
    salts, ends = written[16:24], [_WAL_HEADER]
    step = _FRAME_HEADER + page_bytes
    for start in range(_WAL_HEADER, len(written) - step + 1, step):
        if written[start + 8 : start + 16] != salts:
            break
        if any(written[start + 4 : start + 8]):
            ends.append(start + step)
    return ends


def _holds(home: DeviceHome, device: str, log: bytes, promised: Mapping[Place, int]) -> bool:
    """Tell whether an outbox with this log still has what was promised; looked at in a copy."""
    with TemporaryDirectory(prefix="ventanilla-") as folder:
        copy = Path(folder) / home.outbox.name
        shutil.copyfile(home.outbox, copy)
        copy.with_name(copy.name + "-wal").write_bytes(log)
        bounds = OutboxLimits(lane_bytes=home.settings().lane_bytes, ballast_bytes=0)
        with Outbox(copy, device, bounds) as outbox:
            last = {
                (stream.value, view.epoch): view.last
                for stream in {Stream(stream) for stream, _ in promised}
                for view in outbox.epochs(stream)
            }
    return all(last.get(place, 0) >= seq for place, seq in promised.items())


def _is_frozen(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"T", "t"}
