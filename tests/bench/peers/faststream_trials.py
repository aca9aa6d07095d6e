"""FastStream's consumer under kill -9, and its pace."""

import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Final

from tests.bench.peers.fate import Fate
from tests.bench.peers.wire import Broker
from tests.support.polling import eventually

APP: Final = Path(__file__).with_name("faststream_app.py")
GIVER: Final = Path(__file__).with_name("faststream_giver.py")
START_S: Final = 60.0
QUIET_S: Final = 45.0
"""JetStream gives an unconfirmed message again after 30 s: who hears nothing for longer has all."""
A_LIFE: Final = 200
PER_SECOND: Final = 400
AT_ONCE: Final = 1_000_000


class Consumer:
    """The consumer and its table, and who gives it events."""

    def __init__(self, python: Path, folder: Path, broker: Broker, *, durable: bool) -> None:
        self._database = folder / "events.db"
        self._log = folder / "faststream.log"
        settings = "durable" if durable else "shipped"
        self._command = [str(python), str(APP), str(self._database), str(broker.nats_port), settings]
        self._process: subprocess.Popen[bytes] | None = None
        self._lives = 0
        self.start()  # makes the stream
        self._giver = subprocess.Popen(
            [str(python), str(GIVER), str(broker.nats_port), settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def close(self) -> None:
        """End both."""
        self.kill()
        self._giver.kill()
        self._giver.communicate()

    def start(self) -> None:
        """Start the consumer, and wait until it says that it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        self._lives += 1
        eventually(self._is_ready, timeout_s=START_S, what=f"FastStream; see {self._log}")

    def _is_ready(self) -> bool:
        said = self._log.read_bytes()
        assert self._process
        assert self._process.poll() is None, said.decode()[-2000:]
        return said.count(b"ready\n") >= self._lives

    def kill(self) -> None:
        """End the consumer with -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ask(self, name: str, count: int, per_second: int) -> None:
        """Have so many events published."""
        assert self._giver.stdin
        self._giver.stdin.write(f"{name} {count} {per_second}\n")

    def wait_until_told(self) -> None:
        """Wait until the broker has confirmed what was asked for."""
        assert self._giver.stdout
        assert self._giver.stdout.readline().startswith("done")

    def rows(self) -> Counter[str]:
        """Return how often each event is in the table."""
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=10)) as database:
            return Counter(
                dict(database.execute("SELECT name, count(*) FROM event GROUP BY name").fetchall())
            )

    def count(self) -> int:
        """Count the rows."""
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=10)) as database:
            return int(database.execute("SELECT count(*) FROM event").fetchone()[0])


def killed(python: Path, folder: Path, *, durable: bool, kills: int) -> Fate:
    """Kill the consumer again and again while events come."""
    random, told = Random(5), set[str]()
    with Broker(folder) as broker, closing(Consumer(python, folder, broker, durable=durable)) as consumer:
        for life in range(kills):
            name, before = f"{life:04d}", consumer.count()
            consumer.ask(name, A_LIFE, PER_SECOND)
            some = random.randrange(1, A_LIFE // 2)
            with suppress(AssertionError):  # it may take nothing any more: that is a finding
                eventually(lambda goal=before + some: consumer.count() >= goal, timeout_s=5)
            consumer.kill()
            consumer.start()
            consumer.wait_until_told()
            told |= {f"{name}-{n:06d}" for n in range(A_LIFE)}
        _wait_until_quiet(consumer)
        return Fate.of(kills, told, consumer.rows())


def _wait_until_quiet(consumer: Consumer) -> None:
    last = [consumer.count(), time.monotonic()]

    def is_quiet() -> bool:
        if (now := consumer.count()) != last[0]:
            last[:] = [now, time.monotonic()]
        return time.monotonic() - last[1] > QUIET_S

    eventually(is_quiet, timeout_s=600, what="quiet")


def paced(consumer: Consumer, name: str, events: int) -> float:
    """Have so many events published at once; rows per second."""
    goal, began_s = consumer.count() + events, time.perf_counter()
    consumer.ask(name, events, AT_ONCE)
    eventually(lambda: consumer.count() >= goal, timeout_s=120, what="all rows")
    took_s = time.perf_counter() - began_s
    consumer.wait_until_told()
    return events / took_s
