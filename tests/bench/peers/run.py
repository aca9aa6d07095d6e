"""Everything about the peers, in order: stores, chains under kill -9, a full disk, and paces.

What is killed does not mind company: those trials run side by side. What is timed runs alone, ours and theirs
in turn.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.full_disk import MOUNT, UNSHARE
from tests.bench.peers import faststream_trials, node_red_trials, stores, street
from tests.bench.peers.fate import Fate
from tests.bench.peers.install import Peers, install
from tests.bench.peers.node_red import NodeRed
from tests.bench.peers.wire import Arrivals, Broker
from tests.support.polling import eventually

KILLS: Final = 50
BROKER_KILLS: Final = 10
AT_ONCE: Final = 2
ROUNDS: Final = 7
EVENTS: Final = 1_000
ARRIVE_S: Final = 30.0

Row = dict[str, object]
Trial = Callable[[Path], Fate]


def run() -> list[Row]:
    """Measure all of it.

    Returns:
        Rows of `bench.json`.
    """
    return run_with(KILLS, BROKER_KILLS, ROUNDS)


def run_with(kills: int, broker_kills: int, rounds: int) -> list[Row]:
    """Measure with other numbers of kills and rounds."""
    peers = install()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        rows = stores.run(_new(folder, "stores"), kills)
        trials = _trials(peers, kills, broker_kills)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tried = {key: pool.submit(trial, _new(folder, " ".join(key))) for key, trial in trials.items()}
        for (who, trial), future in tried.items():
            try:
                rows.append(future.result().row(f"peers.chain {who}", trial))
            except AssertionError as error:  # one that did not come up again costs its own row
                print(f"peers.chain {who}, {trial}: not measured: {error}")
        if peers.node_red is not None:
            rows += _full_disk(peers.node_red, _new(folder, "full"))
        return [*rows, *_paces(peers, _new(folder, "paces"), rounds)]


def _trials(peers: Peers, kills: int, broker_kills: int) -> dict[tuple[str, str], Trial]:
    """Return every trial under who is tried and what is killed."""
    found: dict[tuple[str, str], Trial] = {
        ("ventanilla", "sender killed"): partial(street.killed, victim="device", kills=kills),
        ("ventanilla", "receiver killed"): partial(street.killed, victim="hub", kills=kills),
        ("ventanilla", "broker killed"): partial(street.killed, victim="broker", kills=broker_kills),
    }
    for settings, durable in (("durable", True), ("as shipped", False)):
        if (script := peers.node_red) is not None:
            killed = partial(node_red_trials.killed, script, durable=durable, kills=kills)
            broker = partial(node_red_trials.broker_killed, script, durable=durable, kills=broker_kills)
            found[f"Node-RED, {settings}", "sender killed"] = killed
            found[f"Node-RED, {settings}", "broker killed"] = broker
        if (python := peers.python) is not None:
            killed = partial(faststream_trials.killed, python, durable=durable, kills=kills)
            found[f"FastStream, {settings}", "receiver killed"] = killed
    return found


def _full_disk(script: Path, folder: Path) -> list[Row]:
    """Node-RED's table on a file system of 8 MB that runs full while its broker is away."""
    store = _new(folder, "store")
    small = [*UNSHARE, "sh", "-c", MOUNT, str(store)]
    if subprocess.run([*small, "true"], capture_output=True, check=False).returncode:
        print("peers.full_disk: this machine lets nobody mount a file system of its own")
        return []
    broker = Broker(folder)
    words = [str(script), str(folder), str(store), str(broker.mqtt_port)]
    child = subprocess.Popen(
        [*small, sys.executable, "-m", "tests.bench.peers.node_red_trials", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    full = json.loads(child.stdout.readline())
    with broker, Arrivals(broker.mqtt_port) as arrivals:
        with suppress(AssertionError):
            eventually(lambda: len(arrivals.seen) >= full["held"], timeout_s=ARRIVE_S)
        after = json.loads(child.communicate("now\n", timeout=60)[0])
        sums = {"arrived": len(arrivals.seen), "arrivals": sum(arrivals.seen.values())}
    share = (full["held"] - after["left"]) / full["held"]
    against = "rows let go"
    row = {
        "name": "peers.full_disk Node-RED, durable",
        "value": round(100 * share),
        "unit": "%",
        "against": against,
    }
    return [{**row, "ratio": round(share, 3), **full, **sums, **after}]


def _paces(peers: Peers, folder: Path, rounds: int) -> list[Row]:
    """Events per second from being given to being told, and to having arrived; in turn, round by round."""
    rates: dict[str, list[tuple[float, float]]] = {}
    with ExitStack() as stack:
        ours = stack.enter_context(closing(street.Street(_new(folder, "ours"))))
        works: dict[str, Callable[[str], tuple[float, float]]] = {
            "ventanilla": lambda _name: ours.paced(EVENTS)
        }
        if peers.node_red is not None:
            place = _new(folder, "node-red")
            broker = stack.enter_context(Broker(place))
            arrivals = stack.enter_context(Arrivals(broker.mqtt_port))
            node_red = NodeRed(peers.node_red, place, broker.mqtt_port, durable=True)
            stack.callback(node_red.kill)
            node_red.start()
            works["Node-RED, durable"] = lambda name: node_red_trials.paced(node_red, arrivals, name, EVENTS)
        if peers.python is not None:
            place = _new(folder, "faststream")
            broker = stack.enter_context(Broker(place))
            consumer = stack.enter_context(
                closing(faststream_trials.Consumer(peers.python, place, broker, durable=True))
            )
            works["FastStream, durable"] = lambda name: (0.0, faststream_trials.paced(consumer, name, EVENTS))
        for number in range(rounds + 1):
            for who, work in works.items():
                pace = work(f"round-{number}")
                if number:  # the first is for warming up
                    rates.setdefault(who, []).append(pace)
    return [_pace_row(who, part, rates) for who in rates for part in (0, 1) if rates[who][0][part]]


def _pace_row(who: str, part: int, rates: dict[str, list[tuple[float, float]]]) -> Row:
    ours, theirs = ([pace[part] for pace in rates[name]] for name in ("ventanilla", who))
    return {
        "name": f"peers.{'arrived' if part else 'told'} {who}",
        "value": round(median(theirs)),
        "unit": "events/s",
        "against": "ours / theirs",
        "ratio": round(median(mine / other for mine, other in zip(ours, theirs, strict=True)), 2),
    }


def _new(folder: Path, name: str) -> Path:
    place = folder / name.replace(",", "").replace(" ", "-")
    place.mkdir()
    return place
