"""How fast a device takes an event: the outbox against the disk itself and against what else there is.

The floor is what no store can beat that keeps its word: 512 bytes written over a preallocated file, and a
sync. Ours is the whole way of an event: its id, composed, sealed (payments: signed too), chained, on the
disk. Peers store the 400-byte body as it is. Everything is measured in the same rounds on the same disk, in
random order, and compared within each round; a peer counts if it loses nothing when it is killed.
"""

import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.adapters.outbox import Entry, Outbox
from shared.model.event import Stream
from shared.model.ids import EVENT_ID_RANDOM_BYTES, new_event_id
from shared.protocol import limits, sealing
from shared.protocol.lines import Stamp, compose
from shared.protocol.signing import LineSigner
from tests.bench.outbox_peers import BODY_BYTES, Peer, safe_peers
from tests.support.outbox import DEVICE, new_context

Row = dict[str, object]
Work = Callable[[], None]

ROUNDS: Final = 21
PER_ROUND: Final = 120
WARM_UP: Final = 1_000
KEPT_ROWS: Final = 1_000_000
KEPT_GROUP: Final = 2_000
FLOOR_BYTES: Final = 512
NOW_MS: Final = 1_790_000_000_000


def run() -> list[Row]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio.
    """
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        peers = safe_peers(folder)
        return [
            *_appends(folder, {name: make(_new(folder, name)) for name, make in peers.items()}),
            *_cycles(folder, {name: make(_new(folder, f"{name} cycle")) for name, make in peers.items()}),
            _syncs(_new(folder, "syncs")),
            _steady(folder),
        ]


class Device:
    """The outbox with the hand that feeds it."""

    def __init__(self, folder: Path, stream: Stream) -> None:
        self.outbox = Outbox(folder / "outbox.db", DEVICE)
        self.now_ms = NOW_MS
        self._stream = stream
        self._context = new_context("c1")
        self._pair = (self._context.context.id, self._context.context.sealed)
        self._signer = LineSigner(DEVICE, Ed25519PrivateKey.generate()) if stream is Stream.PAYMENTS else None
        self._data = b"x" * BODY_BYTES

    def append(self) -> None:
        """Take one event."""
        slot = self.outbox.slot(self._stream)
        event_id = new_event_id(self.now_ms, secrets.token_bytes(EVENT_ID_RANDOM_BYTES))
        place = sealing.place_of(DEVICE, self._stream, slot.epoch, slot.seq, event_id, "payment.captured")
        payload = ("sealed", self._context.seal(place, self._data))
        stamp = Stamp("2026-11-21T10:15:00Z", 312, 81_230_000, 420)
        line = compose(slot.seq, event_id, "payment.captured", stamp, None, payload)
        if self._signer is not None:
            line = self._signer.sign(self._stream, slot.epoch, line)
        self.outbox.append(slot, line, event_id=event_id, now_ms=self.now_ms, context=self._pair)

    def cycle(self) -> None:
        """Take one event and the hub's word for it."""
        self.append()
        view = self.outbox.epochs(self._stream)[-1]
        self.outbox.acknowledge(self._stream, view.epoch, view.last, self.now_ms)

    def live(self) -> None:
        """Take one event, the hub's word, and let go what is due; time passes."""
        self.now_ms += limits.KEEP_WINDOW_MS // KEPT_ROWS
        self.cycle()
        self.outbox.expire(self.now_ms)

    def keep(self, rows: int) -> None:
        """Fill the keep window: so many lines, acknowledged one group after the other."""
        for _ in range(rows // KEPT_GROUP):
            slot = self.outbox.slot(self._stream)
            group: list[Entry] = []
            for seq in range(slot.seq, slot.seq + KEPT_GROUP):
                event_id = new_event_id(self.now_ms, secrets.token_bytes(EVENT_ID_RANDOM_BYTES))
                line = b'{"seq":%d,"id":"%s","data":"%s"}' % (seq, event_id.encode(), self._data)
                group.append(Entry(line, event_id))
            self.outbox.append_many(slot, group, self.now_ms)
            self.outbox.acknowledge(self._stream, slot.epoch, slot.seq + KEPT_GROUP - 1, self.now_ms)
            self.now_ms += limits.KEEP_WINDOW_MS * KEPT_GROUP // rows


class Floor:
    """The disk itself."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "floor", os.O_CREAT | os.O_RDWR)
        self._size = 8 << 20
        os.pwrite(self._file, bytes(self._size), 0)
        os.fsync(self._file)
        self._body, self._at = os.urandom(FLOOR_BYTES), 0

    def append(self) -> None:
        """Overwrite and sync."""
        os.pwrite(self._file, self._body, self._at)
        os.fdatasync(self._file)
        self._at = (self._at + FLOOR_BYTES) % self._size


def _appends(folder: Path, peers: dict[str, Peer]) -> list[Row]:
    body = "x" * BODY_BYTES
    works: dict[str, Work] = {name: lambda peer=peer: peer.append(body) for name, peer in peers.items()}
    works |= {
        "floor": Floor(_new(folder, "floor append")).append,
        "cases": Device(_new(folder, "cases"), Stream.CASES).append,
        "payments": Device(_new(folder, "payments"), Stream.PAYMENTS).append,
    }
    rates = race(works)
    best = _best(rates, peers)
    return [
        _row("outbox.append cases", rates, "cases", "floor"),
        _row("outbox.append cases", rates, "cases", best),
        _row("outbox.append payments", rates, "payments", "floor"),
        _row("outbox.append payments", rates, "payments", best),
        *(_row(f"outbox.append beside: {name}", rates, name, "floor") for name in peers),
    ]


def _cycles(folder: Path, peers: dict[str, Peer]) -> list[Row]:
    body = "x" * BODY_BYTES

    def cycle(peer: Peer) -> None:
        peer.append(body)
        found = peer.take()
        assert found is not None
        peer.acknowledge(found[0])

    works: dict[str, Work] = {name: lambda peer=peer: cycle(peer) for name, peer in peers.items()}
    works |= {
        "floor": Floor(_new(folder, "floor cycle")).append,
        "cases": Device(_new(folder, "cycle"), Stream.CASES).cycle,
    }
    rates = race(works)
    return [
        _row("outbox.cycle", rates, "cases", "floor"),
        _row("outbox.cycle", rates, "cases", _best(rates, peers)),
        *(_row(f"outbox.cycle beside: {name}", rates, name, "floor") for name in peers),
    ]


def _steady(folder: Path) -> Row:
    full, empty = Device(_new(folder, "kept"), Stream.CASES), Device(_new(folder, "empty"), Stream.CASES)
    full.keep(KEPT_ROWS)
    rates = race({"full": full.live, "empty": empty.live})
    kept = full.outbox.epochs(Stream.CASES)[0]
    assert kept.last - kept.oldest > KEPT_ROWS * 0.95, "the rows are not kept"
    assert kept.oldest > WARM_UP // 2, "nothing expired"
    return _row(f"outbox.steady {KEPT_ROWS:,} kept", rates, "full", "empty")


def _syncs(folder: Path) -> Row:
    """Count syncs by strace: what a thousand events more cost."""
    few, many = 200, 2_200
    counts: list[int] = []
    for count in (few, many):
        place = _new(folder, str(count))
        trace = place / "trace"
        command = ["strace", "-f", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
        command += [sys.executable, "-m", "tests.support.outbox_child", str(place), str(count)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        counts.append(sum("sync(" in line for line in trace.read_text().splitlines()))
    per_event = (counts[1] - counts[0]) / (many - few)
    return _as_row("outbox.fsyncs", round(per_event, 4), "per event", "one", per_event)


def race(works: dict[str, Work]) -> dict[str, list[float]]:
    """Run everything in rounds, in random order; return the rates of each round."""
    for work in works.values():
        for _ in range(WARM_UP):
            work()
    os.sync()
    rates: dict[str, list[float]] = {name: [] for name in works}
    order = list(works)
    for _ in range(ROUNDS):
        random.shuffle(order)
        for name in order:
            work, began_s = works[name], time.perf_counter()
            for _ in range(PER_ROUND):
                work()
            rates[name].append(PER_ROUND / (time.perf_counter() - began_s))
    return rates


def _best(rates: dict[str, list[float]], peers: dict[str, Peer]) -> str:
    return max(peers, key=lambda name: median(rates[name]))


def _row(name: str, rates: dict[str, list[float]], ours: str, against: str) -> Row:
    ratio = median(mine / theirs for mine, theirs in zip(rates[ours], rates[against], strict=True))
    return _as_row(name, round(median(rates[ours])), "events/s", against, ratio)


def _as_row(name: str, value: float, unit: str, against: str, ratio: float) -> Row:
    return {"name": name, "value": value, "unit": unit, "against": against, "ratio": round(ratio, 3)}


def _new(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    return place
