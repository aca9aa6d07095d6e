"""A process that is a hub's database, writer and ingest, and tells what it acknowledged; made to be hurt.

Run as `python -m tests.support.hub_child FOLDER DAY [killed] [impatient]`. The device of that `Day` sends its
events one by one; each line of the output is a JSON list: `["told", device, id]` after the job that took it
had returned, which is when an acknowledgement leaves; `["unopened"]` when the database could not be opened. A
job that fails is tried again, as devices do, a few times; `impatient` has the process killed at once.
"""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from hub.db.engine import sqlite_url
from hub.db.opening import DatabaseAwayError, open_database
from hub.db.unit_of_work import UnitOfWork
from hub.db.writer import Writer
from hub.ingest.apply import Incoming, Ingest, Outgoing
from hub.ingest.opening import Opener
from shared.model.errors import TransientError
from shared.model.event import Stream
from shared.protocol.acknowledgement import Acknowledgement, Welcome, decode_answer
from shared.protocol.mac import open_message
from tests.simulation.hub import Life, Registry
from tests.support.hub_database import NOW_MS
from tests.support.street import Chance, Kiosk, sealing_key

DEVICES = tuple(f"bus-{n}" for n in range(1, 9))
TRIES = 20
CHECKPOINT_PAGES = 60
"""SQLite copies its log back after so many pages here, after 1,000 in a city: a short life shall see it."""


class Hall:
    """A hub without broker and core, on a database file.

    Args:
        folder: where the database lies or shall lie.
    """

    def __init__(self, folder: Path) -> None:
        self.writer: Writer = open_database(sqlite_url(folder / "hub.db"))
        self._registry = Registry(DEVICES)
        self._ingest = Ingest(self._registry, Life(), Opener([sealing_key()]), Chance())

    def hear(self, *messages: Incoming) -> list[Acknowledgement | Welcome]:
        """Take messages in one transaction, again until it is committed, and return the answers.

        Raises:
            TransientError: it was never committed.
        """

        def job(connection: Connection) -> Sequence[Outgoing]:
            connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
            uow = UnitOfWork(connection)
            out = self._ingest.apply(messages, uow, NOW_MS)
            uow.flush()
            return out

        for left in reversed(range(TRIES)):
            try:
                return [self._opened(out) for out in self.writer.run(job)]
            except TransientError:
                if "impatient" in sys.argv:
                    os.kill(os.getpid(), signal.SIGKILL)
                if not left:
                    raise
        raise AssertionError

    def enter(self, kiosk: Kiosk) -> None:
        """The device opens a session."""
        (offer,) = self.hear(kiosk.birth())
        kiosk.session = offer.session
        self.hear(kiosk.birth(kiosk.session))

    def fences(self) -> dict[str, str]:
        """Which devices it has fenced, and why."""
        return self._registry.fenced

    def _opened(self, out: Outgoing) -> Acknowledgement | Welcome:
        key = self._registry.down_key(out.topic.split("/")[2])
        return decode_answer(open_message({key.id: key.key}, out.topic, out.payload))


class Day:
    """What a device took on a day, line by line; the same bytes each time they are sent.

    Attributes:
        kiosk: the device.
        order: ids and streams in the order in which they were taken.
    """

    def __init__(self, device: str) -> None:
        self.kiosk = Kiosk(device)
        self.kiosk.restart()
        self.order: list[tuple[str, Stream]] = []

    @classmethod
    def of(cls, device: str, count: int) -> Self:
        """Let a device take so many events: payments, and every third a report."""
        day = cls(device)
        for n in range(count):
            if n % 3 == 2:
                day.order.append((day.kiosk.report(f"Baldosa {n}"), Stream.CASES))
            else:
                day.order.append((day.kiosk.fee(100 + n), Stream.PAYMENTS))
        return day

    @property
    def payments(self) -> int:
        """How many of them the books must hold."""
        return sum(stream is Stream.PAYMENTS for _, stream in self.order)

    def save(self, path: Path) -> None:
        """Write it to a file."""
        lines = {
            stream: [line.hex() for line in epochs[-1].lines] for stream, epochs in self.kiosk.epochs.items()
        }
        path.write_text(json.dumps({"device": self.kiosk.name, "order": self.order, "lines": lines}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it back."""
        saved = json.loads(path.read_text())
        day = cls(saved["device"])
        day.order = [(event_id, Stream(stream)) for event_id, stream in saved["order"]]
        for stream, lines in saved["lines"].items():
            day.kiosk.epochs[Stream(stream)][-1].lines += [bytes.fromhex(line) for line in lines]
        return day


def live(hall: Hall, day: Day) -> None:
    """Take the events of a day one by one and tell what is committed."""
    kiosk, sent = day.kiosk, Counter[Stream]()
    hall.enter(kiosk)
    for event_id, stream in day.order:
        sent[stream] += 1
        (said,) = hall.hear(kiosk.frame(stream, sent[stream], sent[stream]))
        assert isinstance(said, Acknowledgement)
        assert said.streams[stream].acked == sent[stream]
        say("told", kiosk.name, event_id)


def say(*what: object) -> None:
    """Write one whole line at once, past every buffer."""
    os.write(sys.stdout.fileno(), json.dumps(what).encode() + b"\n")


def main() -> int:
    """Live; return the exit status."""
    folder, day = Path(sys.argv[1]), Day.load(Path(sys.argv[2]))
    try:
        hall = Hall(folder)
    except DatabaseAwayError:
        say("unopened")
        return 4
    try:
        live(hall, day)
    except TransientError:
        return 3
    if "killed" in sys.argv[3:]:
        os.kill(os.getpid(), signal.SIGKILL)
    hall.writer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
