"""The worker between link and writer: acknowledged after the commit, bounded, stopped by no message."""

import errno
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.tables import exception, inbox
from hub.db.triggers import create_all
from hub.db.unit_of_work import Rules, UnitOfWork
from hub.db.writer import Writer
from hub.ingest.apply import Incoming, Ingest, Outgoing
from hub.ingest.opening import Opener
from hub.ingest.worker import FAILED, IngestWorker, WorkerHooks
from hub.keys.journal import JournalWriteError
from hub.metrics import Measures
from shared.adapters.mqtt_link import Address, LinkUp, Published, Received
from shared.model.errors import CapacityError
from shared.model.event import Stream
from shared.protocol import limits, topics
from shared.protocol.acknowledgement import Welcome, decode_answer
from shared.protocol.mac import open_message
from shared.protocol.parsing import parse_object
from tests.simulation.hub import Life, Registry
from tests.support.hub_database import NOW_MS
from tests.support.polling import eventually
from tests.support.street import Chance, Kiosk, sealing_key

PAYMENTS = Stream.PAYMENTS
POISON = b"our own code falls on this"


class Fragile(Ingest):
    """An ingest with a bug: it falls on one kind of message."""

    fault: type[Exception] = ZeroDivisionError

    def apply(self, messages: Iterable[Incoming], uow: UnitOfWork, now_ms: int) -> Sequence[Outgoing]:
        taken = list(messages)
        if any(message.payload == POISON for message in taken):
            raise self.fault
        return super().apply(taken, uow, now_ms)


class Weighing(Ingest):
    """An ingest that notes how many bytes each transaction is given."""

    def apply(self, messages: Iterable[Incoming], uow: UnitOfWork, now_ms: int) -> Sequence[Outgoing]:
        taken = list(messages)
        self.weights.append(sum(len(message.payload) for message in taken))
        return super().apply(taken, uow, now_ms)

    @cached_property
    def weights(self) -> list[int]:
        return []


class Fenceless(Fragile):
    """An ingest whose registry cannot be written: it falls where a device is to be fenced."""

    fault = JournalWriteError


@dataclass
class Watched(Life):
    """An incarnation whose keeping is looked at, or fails."""

    fails: bool = False
    look: Callable[[], tuple[int, int]] = lambda: (0, 0)
    seen: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def keep(self) -> None:
        if self.fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.kept != self.value:
            self.seen.append(self.look())
        super().keep()


@dataclass
class Wire:
    """A link in memory: what the worker publishes and confirms, and how much was committed by then."""

    committed: Callable[[], int]
    full: bool = False
    said: list[tuple[str, bytes, int]] = field(default_factory=list[tuple[str, bytes, int]])
    confirmed: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        if self.full:
            raise CapacityError("full; try again")
        self.said.append((topic, payload, self.committed()))
        return len(self.said)

    def acknowledge(self, received: Received) -> None:
        self.confirmed.append((received.mid, self.committed()))

    def answers(self) -> list[tuple[str, bytes, int]]:
        return [each for each in self.said if each[0] != topics.HUB_STATE]

    def state(self) -> dict[str, object]:
        """The newest hint."""
        return parse_object([payload for topic, payload, _ in self.said if topic == topics.HUB_STATE][-1])


class Desk:
    """A worker on a database in a file, and a hand that gives it messages."""

    def __init__(
        self,
        folder: Path,
        ingest_class: type[Ingest] = Ingest,
        jobs_waiting_max: int = 100,
        writes_to: Path | None = None,
        life: Life | None = None,
    ) -> None:
        url = sqlite_url(folder / "hub.db")
        engine = open_writer(url)
        with engine.begin() as connection:
            create_all(connection)
        engine.dispose()
        written = url if writes_to is None else sqlite_url(writes_to)
        self.writer = Writer(open_writer(written), open_reader(url), jobs_waiting_max=jobs_waiting_max)
        self.registry, self.life = Registry(["kiosk-7"]), life or Life()
        self.ingest = ingest_class(self.registry, self.life, Opener([sealing_key()]), Chance())
        self.woken = threading.Event()
        self.jumps: list[int] = []
        self.worker = IngestWorker(
            self.ingest,
            self.writer,
            self.life,
            WorkerHooks(
                work_committed=self.woken.set, incarnation_jumped=lambda _c, now_ms: self.jumps.append(now_ms)
            ),
            Measures(),
            clock=lambda: NOW_MS,
            rules=Rules(),
        )
        self.wire = Wire(self.count)
        self.worker.attach(self.wire)
        self.worker.deliver(LinkUp(session=1, address=Address(host="127.0.0.1", port=1)))
        self._mid = 0

    def count(self, kind: str | None = None) -> int:
        """How many events are committed, or exceptions of a kind."""
        counted = select(func.count())
        counted = counted.select_from(inbox) if kind is None else counted.where(exception.c.kind == kind)
        with self.writer.read() as connection:
            return connection.execute(counted).scalar_one()

    def give(self, *messages: Incoming) -> None:
        for message in messages:
            self._mid += 1
            self.worker.deliver(
                Received(
                    session=1,
                    topic=message.topic,
                    payload=message.payload,
                    retained=False,
                    mid=self._mid,
                    qos=1,
                )
            )

    def settled(self) -> None:
        """Wait until every message that was given is confirmed to the broker."""
        eventually(lambda: len(self.wire.confirmed) == self._mid, what="every message confirmed")

    def enter(self, kiosk: Kiosk) -> None:
        self.give(kiosk.birth())
        self.settled()
        (_, payload, _) = self.wire.answers()[-1]
        key = self.registry.down_key("kiosk-7")
        welcome = decode_answer(open_message({key.id: key.key}, topics.ack("kiosk-7"), payload))
        assert isinstance(welcome, Welcome)
        kiosk.session = welcome.session
        self.give(kiosk.birth(kiosk.session))
        self.settled()


class Gate:
    """A job that keeps the writer busy until it is opened."""

    def __init__(self, writer: Writer) -> None:
        self._open, entered = threading.Event(), threading.Event()

        def hold(_: Connection) -> None:
            entered.set()
            self._open.wait(10)

        writer.submit(hold)
        assert entered.wait(10)

    def open(self) -> None:
        self._open.set()


def orphan(connection: Connection) -> None:
    """A job that makes the COMMIT of its group fail."""
    connection.execute(text("PRAGMA defer_foreign_keys=ON"))
    connection.execute(text("INSERT INTO card_counter VALUES ('card', 1, 99)"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.writer.close()


@pytest.fixture
def kiosk() -> Kiosk:
    kiosk = Kiosk()
    for _ in range(3):
        kiosk.fee()
    return kiosk


@pytest.mark.sentence("A-1")
def test_answer_and_puback_leave_after_the_commit(desk: Desk, kiosk: Kiosk) -> None:
    desk.enter(kiosk)
    gate = Gate(desk.writer)
    before = len(desk.wire.said)
    desk.give(kiosk.frame(PAYMENTS))
    assert (len(desk.wire.said), len(desk.wire.confirmed)) == (before, 2)
    gate.open()
    desk.settled()
    assert [committed for *_, committed in desk.wire.said[before:]] == [3]
    assert desk.wire.confirmed[-1] == (3, 3)
    assert desk.worker.events == 3
    assert desk.woken.is_set()


@pytest.mark.sentence("H-1")
def test_messages_that_wait_share_a_transaction(desk: Desk, kiosk: Kiosk) -> None:
    desk.enter(kiosk)
    gate = Gate(desk.writer)
    desk.give(*(kiosk.frame(PAYMENTS, n, n) for n in (1, 2, 3)))
    before = desk.writer.commits_total
    answers = len(desk.wire.answers())
    gate.open()
    desk.settled()
    assert desk.writer.commits_total <= before + 2
    assert len(desk.wire.answers()) == answers + 1
    assert desk.count() == 3


@pytest.mark.sentence("A-1")
def test_commit_that_fails_answers_nothing_and_forgets_the_session_it_taught(
    desk: Desk, kiosk: Kiosk
) -> None:
    desk.give(kiosk.birth())
    desk.settled()
    kiosk.session = desk.ingest.sessions.offer("kiosk-7", "nonce", NOW_MS)
    answers = len(desk.wire.answers())
    gate = Gate(desk.writer)
    desk.writer.submit(orphan)
    desk.give(kiosk.birth(kiosk.session), kiosk.frame(PAYMENTS))
    gate.open()
    desk.settled()
    assert len(desk.wire.answers()) == answers
    assert desk.worker.dropped == {"database": 2}
    assert desk.ingest.sessions.current("kiosk-7") is None
    assert desk.count() == 0
    desk.enter(kiosk)
    desk.give(kiosk.frame(PAYMENTS))
    desk.settled()
    assert desk.count() == 3


def test_commit_that_fails_forgets_no_session_but_those_it_taught(desk: Desk, kiosk: Kiosk) -> None:
    desk.enter(kiosk)
    gate = Gate(desk.writer)
    desk.writer.submit(orphan)
    desk.give(Incoming(topics.up("bus-7", topics.Verb.BIRTH), b""), kiosk.frame(PAYMENTS))
    gate.open()
    desk.settled()
    assert desk.worker.dropped == {"database": 2}
    desk.give(kiosk.frame(PAYMENTS))
    desk.settled()
    assert desk.count() == 3


def test_transaction_that_cannot_even_begin_costs_its_group_and_the_next_one_is_tried(
    tmp_path: Path, kiosk: Kiosk
) -> None:
    desk = Desk(tmp_path, writes_to=tmp_path / "away" / "hub.db")
    for count in (1, 2):
        desk.give(kiosk.birth())
        desk.settled()
        assert desk.worker.dropped == {"database": count}
    assert (desk.wire.answers(), desk.worker.waiting) == ([], 0)
    desk.writer.close()


@pytest.mark.parametrize("ingest", [Fragile, Fenceless])
def test_message_on_which_our_code_falls_costs_itself_alone_and_is_told(
    tmp_path: Path, kiosk: Kiosk, ingest: type[Fragile]
) -> None:
    desk = Desk(tmp_path, ingest)
    desk.enter(kiosk)
    gate = Gate(desk.writer)
    poison = Incoming(topics.up("kiosk-7", PAYMENTS), POISON)
    desk.give(kiosk.frame(PAYMENTS, 1, 1), poison, kiosk.frame(PAYMENTS, 2, 3))
    gate.open()
    desk.settled()
    assert desk.count() == 3
    assert desk.worker.dropped == {"failed": 1}
    eventually(lambda: desk.count(FAILED) == 1, what="the exception")
    desk.writer.close()


def test_inbox_is_bounded_in_messages(desk: Desk) -> None:
    desk.wire.committed = lambda: 0
    gate = Gate(desk.writer)
    devices = [f"kiosk-{n}" for n in range(100)]
    each = limits.INBOX_MESSAGES_MAX // len(devices)
    desk.give(*(Incoming(topics.up(device, PAYMENTS), b"~") for device in devices for _ in range(each)))
    desk.give(*([Incoming(topics.up("kiosk-late", PAYMENTS), b"~")] * 5))
    assert desk.worker.waiting == limits.INBOX_MESSAGES_MAX
    assert desk.worker.dropped == {"full": 5}
    assert len(desk.wire.confirmed) == 5
    gate.open()
    desk.settled()
    assert desk.worker.waiting == 0


def test_device_that_floods_leaves_room_for_the_others(desk: Desk, kiosk: Kiosk) -> None:
    desk.enter(kiosk)
    gate = Gate(desk.writer)
    flood = Incoming(topics.up("kiosk-8", PAYMENTS), b"~")
    desk.give(*([flood] * (limits.INBOX_DEVICE_MESSAGES_MAX + 5)), kiosk.frame(PAYMENTS))
    assert desk.worker.waiting == limits.INBOX_DEVICE_MESSAGES_MAX + 1
    assert desk.worker.dropped == {"flooding": 5}
    gate.open()
    desk.settled()
    assert desk.count() == 3
    desk.give(flood)
    assert desk.worker.dropped == {"flooding": 5}


def test_inbox_is_bounded_in_bytes(desk: Desk) -> None:
    gate = Gate(desk.writer)
    message = Incoming(topics.up("kiosk-7", PAYMENTS), bytes(1024 * 1024))
    desk.give(*([message] * 70))
    assert desk.worker.waiting == limits.INBOX_BYTES_MAX // 1024**2
    assert desk.worker.dropped == {"full": 6}
    gate.open()
    desk.settled()


def test_transaction_is_bounded_in_bytes(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Weighing)
    assert isinstance(desk.ingest, Weighing)
    gate = Gate(desk.writer)
    frame = Incoming(topics.up("kiosk-7", PAYMENTS), bytes(limits.FRAME_BYTES_MAX))
    beyond = Incoming(topics.up("kiosk-7", PAYMENTS), bytes(2 * limits.GROUP_BYTES_MAX))
    desk.give(*([frame] * 40), beyond, frame)
    gate.open()
    desk.settled()
    assert desk.worker.waiting == 0
    size, most = limits.FRAME_BYTES_MAX, limits.GROUP_BYTES_MAX
    assert [weight for weight in desk.ingest.weights if weight] == [most, most, 8 * size, 2 * most, size]
    desk.writer.close()


def test_answer_that_the_link_does_not_take_is_counted(desk: Desk, kiosk: Kiosk) -> None:
    desk.wire.full = True
    desk.give(kiosk.birth())
    desk.settled()
    assert desk.worker.unanswered == 1


@pytest.mark.sentence("T-5")
def test_state_is_said_when_the_link_is_up_and_corrected_where_it_is_not_true(desk: Desk) -> None:
    assert desk.wire.state()["on"] is True
    before = len(desk.wire.said)
    desk.give(Incoming(topics.HUB_STATE, b'{"v":1,"on":false}'))
    assert len(desk.wire.said) == before  # within the second in which it was said
    assert desk.wire.confirmed[-1][0] == 1


def test_stop_finishes_what_waits_takes_nothing_new_and_says_so(desk: Desk, kiosk: Kiosk) -> None:
    desk.enter(kiosk)
    gate = Gate(desk.writer)
    desk.give(kiosk.frame(PAYMENTS))
    threading.Timer(0.05, gate.open).start()

    def confirm_the_farewell() -> None:
        eventually(lambda: desk.wire.state()["on"] is False)
        desk.worker.deliver(Published(session=1, handle=len(desk.wire.said)))

    threading.Thread(target=confirm_the_farewell, daemon=True).start()
    assert desk.worker.stop(10)
    assert desk.count() == 3
    assert desk.wire.state()["on"] is False
    desk.give(kiosk.frame(PAYMENTS))
    assert desk.worker.dropped == {"stopping": 1}


@pytest.mark.sentence("B-8")
def test_incarnation_that_jumped_is_told_in_the_same_transaction(desk: Desk, kiosk: Kiosk) -> None:
    kiosk.incarnation = 40
    desk.give(kiosk.birth())
    desk.settled()
    assert (desk.life.value, desk.jumps) == (41, [NOW_MS])
    assert desk.count("hub_behind") == 1


@pytest.mark.sentence("H-15")
def test_incarnation_that_jumped_is_told_again_where_the_commit_failed(desk: Desk, kiosk: Kiosk) -> None:
    kiosk.incarnation = 40
    gate = Gate(desk.writer)
    desk.writer.submit(orphan)
    desk.give(kiosk.birth())
    gate.open()
    desk.settled()
    desk.give(kiosk.birth())
    desk.settled()
    desk.give(kiosk.birth())
    desk.settled()
    assert desk.jumps == [NOW_MS, NOW_MS]


@pytest.mark.sentence("B-8")
def test_incarnation_that_jumped_is_durable_after_the_commit_and_before_the_answer(
    tmp_path: Path, kiosk: Kiosk
) -> None:
    """Kept first, a power cut before the commit would leave a hub with its number and without its caution."""
    life = Watched()
    desk = Desk(tmp_path, life=life)
    life.look = lambda: (desk.count("hub_behind"), len(desk.wire.answers()))
    kiosk.incarnation = 40
    desk.give(kiosk.birth())
    desk.settled()
    assert life.seen == [(1, 0)]
    assert len(desk.wire.answers()) == 1
    desk.writer.close()


@pytest.mark.sentence("B-8")
def test_hub_whose_incarnation_cannot_be_kept_answers_nobody_until_it_can(
    tmp_path: Path, kiosk: Kiosk
) -> None:
    life = Watched(fails=True)
    desk = Desk(tmp_path, life=life)
    kiosk.incarnation = 40
    desk.give(kiosk.birth())
    desk.settled()
    assert (desk.wire.answers(), desk.worker.unanswered, len(desk.wire.confirmed)) == ([], 1, 1)
    life.fails = False
    desk.give(kiosk.birth())
    desk.settled()
    assert len(desk.wire.answers()) == 1
    desk.writer.close()
