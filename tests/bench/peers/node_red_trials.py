"""What Node-RED's store-and-forward keeps: kills with -9, a broker that is killed, a full disk; and its pace.

As a program, `python -m tests.bench.peers.node_red_trials SCRIPT FOLDER STORE PORT` fills the disk under
STORE and prints what came of it, as JSON.
"""

import http.client
import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Final

from tests.bench.peers.fate import Fate
from tests.bench.peers.node_red import START, NodeRed, post
from tests.bench.peers.wire import Arrivals, Broker
from tests.support.outbox_on_full_disk import fill_the_rest
from tests.support.polling import eventually

GIVERS: Final = 4
MANY: Final = 40
DRAIN_S: Final = 120.0
QUIET_S: Final = 6.0
"""A batch that did not get complete is sent again after five seconds: after a longer silence all is here."""


def killed(script: Path, folder: Path, *, durable: bool, kills: int) -> Fate:
    """Kill it again and again in mid-work."""
    random, told = Random(5), set[str]()
    with Broker(folder) as broker, Arrivals(broker.mqtt_port) as arrivals:
        node_red = NodeRed(script, folder, broker.mqtt_port, durable=durable)
        for life in range(kills):
            node_red.start()
            told |= _give(node_red, f"{life:04d}", random.randrange(1, MANY), node_red.kill)
        node_red.start()
        _drain(node_red, arrivals)
        node_red.kill()
        return _fate(kills, told, arrivals)


def broker_killed(script: Path, folder: Path, *, durable: bool, kills: int) -> Fate:
    """Kill the broker again and again while events are taken and passed on."""
    random, told = Random(6), set[str]()
    with Broker(folder) as broker, Arrivals(broker.mqtt_port) as arrivals:
        node_red = NodeRed(script, folder, broker.mqtt_port, durable=durable)
        node_red.start()
        try:
            for life in range(kills):
                told |= _give(node_red, f"{life:04d}a", random.randrange(1, MANY), broker.kill)
                told |= _give(node_red, f"{life:04d}b", random.randrange(1, MANY), broker.start)
                so_far = len(arrivals.seen)
                with suppress(AssertionError):  # it may pass on nothing any more: that is a finding
                    eventually(lambda now=so_far: len(arrivals.seen) > now, timeout_s=20)
            _drain(node_red, arrivals)
        finally:
            node_red.kill()
        return _fate(kills, told, arrivals)


def disk_filled(script: Path, folder: Path, store: Path, port: int) -> None:
    """Fill the disk of its database while the broker is away, then let the broker come: what goes out?"""
    node_red = NodeRed(script, folder, port, durable=True, store=store)
    node_red.start()
    try:
        told = set[str]()
        with closing(node_red.connect()) as connection:
            while post(connection, name := f"full-{len(told):05d}"):
                told.add(name)
        fill_the_rest(store)
        held = node_red.waiting()
        print(json.dumps({"told": len(told), "held": held}), flush=True)
        sys.stdin.readline()  # meanwhile the broker is started, and events go out
        print(json.dumps({"left": node_red.waiting(), "ended": node_red.ended()}), flush=True)
    finally:
        node_red.kill()


def paced(node_red: NodeRed, arrivals: Arrivals, name: str, events: int) -> tuple[float, float]:
    """Give so many events over a few connections; events per second that were told, and that arrived."""
    began_s, before = time.perf_counter(), len(arrivals.seen)
    shares = [
        threading.Thread(target=_share, args=(node_red, f"{name}-{n}", events // GIVERS))
        for n in range(GIVERS)
    ]
    for share in shares:
        share.start()
    for share in shares:
        share.join()
    told_s = time.perf_counter() - began_s
    wanted = events // GIVERS * GIVERS
    eventually(lambda: len(arrivals.seen) >= before + wanted, timeout_s=DRAIN_S, what="all of them")
    return wanted / told_s, wanted / (time.perf_counter() - began_s)


def _share(node_red: NodeRed, name: str, count: int) -> None:
    with closing(node_red.connect()) as connection:
        for n in range(count):
            assert post(connection, f"{name}-{n:05d}"), "refused"


def _give(node_red: NodeRed, life: str, count: int, then: Callable[[], None]) -> set[str]:
    """Give events, and do something else in the middle of the one that follows; return what was told."""
    told = set[str]()
    with closing(node_red.connect()) as connection, suppress(OSError):
        for n in range(count):
            if post(connection, name := f"{life}-{n:05d}"):
                told.add(name)
        following = threading.Thread(target=_one_more, args=(connection, f"{life}-{count:05d}", told))
        following.start()
        then()
        following.join()
    return told


def _one_more(connection: http.client.HTTPConnection, name: str, told: set[str]) -> None:
    with suppress(OSError):
        if post(connection, name):
            told.add(name)


def _drain(node_red: NodeRed, arrivals: Arrivals) -> None:
    """Wait until its table is empty and nothing arrives any more; a table that stays full has its reasons."""
    with suppress(AssertionError):
        eventually(lambda: node_red.waiting() == 0, timeout_s=DRAIN_S)
    last = [sum(arrivals.seen.values()), time.monotonic()]

    def is_quiet() -> bool:
        if sum(arrivals.seen.values()) != last[0]:
            last[:] = [sum(arrivals.seen.values()), time.monotonic()]
        return time.monotonic() - last[1] > QUIET_S

    eventually(is_quiet, timeout_s=DRAIN_S, what="quiet")


def _fate(kills: int, told: set[str], arrivals: Arrivals) -> Fate:
    given = {name: times for name, times in arrivals.seen.items() if not name.startswith(START)}
    return Fate.of(kills, told, given)


if __name__ == "__main__":
    disk_filled(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
