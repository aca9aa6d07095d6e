"""Stores of events under kill -9, ours among them: what each loses and gives again, and what it syncs.

Every store has the same worker: three appends, then two events taken and acknowledged, again and again, until
it is killed. *Told* is an append that returned; *lost* is one of those that is never given; *doubled* is an
event that is given again. That is no fault of a queue: whoever takes events must know them by their ids, as
the hub does.

As a program, `python -m tests.bench.peers.stores STORE FOLDER COUNT` appends so often and ends.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from shared.adapters.outbox import Outbox
from shared.model.event import Stream
from tests.bench.outbox import Device, race
from tests.bench.outbox_peers import BODY_BYTES, PEERS, SHIPPED, Peer, killed
from tests.support.outbox import DEVICE, take

OURS: Final = "ventanilla"
SHIPPED_WORDS: Final = ", as shipped"
FEW, MANY = 50, 250

Row = dict[str, object]


class Ours:
    """The outbox, as a store among others."""

    def __init__(self, folder: Path) -> None:
        self._outbox = Outbox(folder / "outbox.db", DEVICE)

    def append(self, body: str) -> None:
        take(self._outbox, Stream.PAYMENTS, body)

    def take(self) -> tuple[tuple[str, int], str] | None:
        for view in self._outbox.epochs(Stream.PAYMENTS):
            if view.acked < view.last:
                run = self._outbox.read(Stream.PAYMENTS, view.epoch, view.acked + 1, 1, 65_536)
                return (view.epoch, run.first), json.loads(run.lines[0])["data"]["text"]
        return None

    def acknowledge(self, handle: tuple[str, int]) -> None:
        self._outbox.acknowledge(Stream.PAYMENTS, *handle, now_ms=1)


STORES: Final[dict[str, Callable[[Path], Peer]]] = {
    OURS: Ours,
    **PEERS,
    **{name + SHIPPED_WORDS: make for name, make in SHIPPED.items()},
}


def run(folder: Path, kills: int) -> list[Row]:
    """Measure.

    Args:
        folder: an empty folder.
        kills: of each store.

    Returns:
        Rows of `bench.json`.
    """
    rows: list[Row] = []
    for name, make in STORES.items():
        fate = killed(make, _new(folder, f"kill {name}"), kills)
        rows.append({**fate.row(f"peers.store {name}", "killed"), "syncs": _syncs(folder, name)})
    return [*rows, *_paces(folder)]


def _paces(folder: Path) -> list[Row]:
    """Appends per second as shipped, in the same rounds as ours."""
    body = "x" * BODY_BYTES
    works: dict[str, Callable[[], None]] = {OURS: Device(_new(folder, "ours"), Stream.CASES).append}
    for name, make in SHIPPED.items():
        works[name + SHIPPED_WORDS] = partial(make(_new(folder, f"{name} shipped")).append, body)
    rates = race(works)
    ratios = {
        name: median(mine / theirs for mine, theirs in zip(rates[OURS], rates[name], strict=True))
        for name in works
    }
    return [
        {
            "name": f"peers.append {name}",
            "value": round(median(rates[name])),
            "unit": "events/s",
            "against": "ours / theirs",
            "ratio": round(ratios[name], 3),
        }
        for name in works
    ]


def _syncs(folder: Path, name: str) -> float:
    """Count the syncs of an append by strace: what two hundred more of them cost."""
    counts: list[int] = []
    for count in (FEW, MANY):
        place = _new(folder, f"sync {count} {name}")
        trace = place / "trace"
        command = ["strace", "-f", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
        command += [sys.executable, "-m", __name__, name, str(place), str(count)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        counts.append(sum("sync(" in line for line in trace.read_text().splitlines()))
    return round((counts[1] - counts[0]) / (MANY - FEW), 2)


def _new(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    return place


if __name__ == "__main__":
    store = STORES[sys.argv[1]](Path(sys.argv[2]))
    for number in range(int(sys.argv[3])):
        store.append(f"{number:012d}".ljust(BODY_BYTES, "x"))
