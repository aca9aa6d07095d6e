"""What still succeeds on a full disk: 200 acknowledgements of the outbox, and of what else there is.

Each store fills a file system of 8 MB in memory that nobody else sees, other programs take the rest, and then
every acknowledgement counts that returns without an error. Run by itself as
`python -m tests.bench.full_disk STORE FOLDER` it does that for one store and prints how many.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from shared.adapters.outbox import Outbox
from shared.protocol import limits
from tests.bench.outbox_peers import BODY_BYTES, PEERS, Peer
from tests.support.outbox import DEVICE
from tests.support.outbox_on_full_disk import (
    ACKNOWLEDGEMENTS,
    acknowledged,
    fill_the_rest,
    fill_with_lines,
)

OURS = "ours"
UNSHARE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
MOUNT = 'mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"'


def run() -> list[dict[str, object]]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio; empty where nobody may mount anything.
    """
    with tempfile.TemporaryDirectory() as folder:
        small = [*UNSHARE, "sh", "-c", MOUNT, folder]
        if subprocess.run([*small, "true"], capture_output=True, check=False).returncode:
            print("outbox.full_disk: this machine lets nobody mount a file system of its own")
            return []
        return [_row(name, [*small, sys.executable, "-m", __name__, name, folder]) for name in (OURS, *PEERS)]


def _row(name: str, command: list[str]) -> dict[str, object]:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    share = int(done.stdout) / ACKNOWLEDGEMENTS
    value = round(100 * share)
    return {"name": f"outbox.full_disk {name}", "value": value, "unit": "%", "against": "all", "ratio": share}


def ours(folder: Path) -> int:
    """Fill the outbox's disk, and acknowledge; the ballast is what makes it succeed."""
    (folder / "someone-elses.log").write_bytes(bytes(3 * limits.BALLAST_BYTES))
    with Outbox(folder / "outbox.db", DEVICE) as outbox:
        taken = fill_with_lines(outbox)
        fill_the_rest(folder)
        return acknowledged(outbox, taken[0].epoch, 1)


def a_peer(peer: Peer, folder: Path) -> int:
    """Fill a peer's disk, and acknowledge."""
    body = "x" * BODY_BYTES
    with suppress(Exception):  # each says in its own way that the disk is full
        while True:
            peer.append(body)
    fill_the_rest(folder)
    succeeded = 0
    for _ in range(ACKNOWLEDGEMENTS):
        with suppress(Exception):
            found: tuple[Any, str] | None = peer.take()
            assert found is not None
            peer.acknowledge(found[0])
            succeeded += 1
    return succeeded


if __name__ == "__main__":
    store, place = sys.argv[1], Path(sys.argv[2])
    print(ours(place) if store == OURS else a_peer(PEERS[store](place), place))
