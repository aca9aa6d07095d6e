"""A thousand devices come back at once, each with 500 events: `ingest.herd`.

A real hub process with its broker, and a thousand TLS connections. Against it: the hub's own work on full
frames without a wire (`ingest.batched`), per event and in CPU time. Beside it: the slowest device against the
median one, the hub's memory, and how long a page of the hub takes meanwhile.
"""

import asyncio
import os
import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from hub.ingest.apply import Incoming
from shared.protocol.sealing import HubSealingKey
from tests.bench.frames import Street
from tests.bench.ingest import BATCH, DEVICES, new_writer, take
from tests.support.herd import enrol_herd, make_herd, run_herd
from tests.support.hub_process import HubProcess

HERD: Final = 1_000
EVENTS: Final = 500
TIMEOUT_S: Final = 900.0
PAGE: Final = "/v1/devices?limit=50"
PAGE_EVERY_S: Final = 0.5
ALONE_FRAMES: Final = 100
TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")

Row = dict[str, object]


def run() -> list[Row]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio.
    """
    return run_with(HERD, EVENTS)


def run_with(devices: int, events: int) -> list[Row]:
    """Measure with another number of devices, or of events each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone_s = _cpu_of_an_event_alone(folder)
        hub = HubProcess(folder / "hub", hold_s=0)
        hub.command("init")
        members, key = enrol_herd(hub.home, folder, [f"bus-{n}" for n in range(devices)])
        herd = make_herd(hub.home, members, key, events)
        hub.start()
        try:
            before_s, pages = _cpu_s(hub.pid), _Pages(hub)
            took = asyncio.run(run_herd(herd, hub.broker_port, timeout_s=TIMEOUT_S))
            page_s = pages.stop()
            each_s = (_cpu_s(hub.pid) - before_s) / (devices * events)
            assert hub.metrics()["ventanilla_committed_events_total"] == devices * events
            return [
                _row(
                    "ingest.herd",
                    devices * events / max(took),
                    "events/s",
                    "CPU of batched",
                    each_s / alone_s,
                ),
                _row("ingest.herd slowest", max(took), "s", "median device", max(took) / median(took)),
                _row("ingest.herd memory", _peak_mb(hub.pid), "MB", "300 MB", _peak_mb(hub.pid) / 300),
                _row(
                    "ingest.herd page",
                    quantiles(page_s, n=20)[-1],
                    "s, p95",
                    "0.5 s",
                    quantiles(page_s, n=20)[-1] / 0.5,
                ),
            ]
        finally:
            hub.kill()


class _Pages:
    """Somebody who looks at a page of the hub again and again."""

    def __init__(self, hub: HubProcess) -> None:
        self._hub = hub
        self._took_s: list[float] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> list[float]:
        self._done.set()
        self._thread.join()
        return self._took_s

    def _look(self) -> None:
        while not self._done.wait(PAGE_EVERY_S):
            began_s = time.perf_counter()
            with suppress(OSError):
                self._hub.get(PAGE)
            self._took_s.append(time.perf_counter() - began_s)


def _cpu_of_an_event_alone(folder: Path) -> float:
    """CPU seconds of an event in a full frame, without a wire."""
    writer = new_writer(folder / "alone.db")
    street = Street(DEVICES, HubSealingKey.generate())
    street.enter(writer)
    used_s: list[float] = []
    for _ in range(ALONE_FRAMES):
        message = Incoming(*next(street.frames(1, BATCH)))
        began_s = time.process_time()
        writer.submit(partial(take, street, message)).result()
        used_s.append(time.process_time() - began_s)
    writer.close()
    return median(used_s) / BATCH


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _row(name: str, value: float, unit: str, against: str, ratio: float) -> Row:
    return {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "against": against,
        "ratio": round(ratio, 2),
    }
