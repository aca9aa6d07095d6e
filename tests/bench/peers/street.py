"""Ours in the place of a peer: devices, hub and core as processes, killed like Node-RED, and their pace.

The receiver is the municipal core, behind the hub: what it has twice is doubled; what a device told and
the hub has not committed is lost.
"""

import time
from itertools import count
from pathlib import Path
from typing import Final

from tests.bench.peers.fate import Fate
from tests.proof.kills import Torment
from tests.support.device_process import DeviceProcess, tap
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually

PACE_S: Final = 120.0


def killed(folder: Path, victim: str, kills: int) -> Fate:
    """Kill one of `device`, `hub`, `broker` again and again; devices die beside it whoever it is."""
    sums = Torment(folder, shares={victim: 1.0}).run(kills, seed=5)
    assert sums.balanced, sums.words
    return Fate(kills=kills, told=sums.taken, lost=sums.lost, doubled=sums.duplicated)


class Street:
    """One device and one hub, both alive."""

    def __init__(self, folder: Path) -> None:
        self.hub = HubProcess(folder / "hub")
        self.hub.command("init")
        self.hub.start()
        self._home = self.hub.enrol("kiosk-1", folder / "kiosk-1")
        self._device = DeviceProcess(self._home)
        self._counters = count(1)
        self.paced(20)

    def close(self) -> None:
        """End both."""
        self._device.kill()
        self.hub.kill()

    def paced(self, events: int) -> tuple[float, float]:
        """Give so many events; events per second that were told as taken, and that the hub committed."""
        answered, before = len(self._device.answers), self._committed()
        taps = [tap(next(self._counters)) for _ in range(events)]
        began_s = time.perf_counter()
        self._device.give(taps)
        self._device.wait_for_answers(answered + events, timeout_s=PACE_S)
        told_s = time.perf_counter() - began_s
        assert all("taken" in answer for answer in self._device.answers[answered:])
        eventually(lambda: self._committed() >= before + events, timeout_s=PACE_S, what="all of them")
        return events / told_s, events / (time.perf_counter() - began_s)

    def _committed(self) -> float:
        return self.hub.metrics()["ventanilla_committed_events_total"]
