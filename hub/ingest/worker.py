"""The ingest worker: from the link into one transaction, and back once it is committed.

    link -> inbox (bounded) -> one job of the writer takes all that wait -> COMMIT -> answers and PUBACKs

It has no thread of its own: the link's thread fills the inbox, the writer's thread empties it. While one
transaction runs the next group gathers, and its job already waits in the writer's queue; so under load groups
grow by themselves, and a single event waits for nothing.

Rules:
- Nothing is acknowledged, to the device or to the broker, before its transaction is committed.
- The inbox is bounded in messages and bytes, and for each device. Beyond it the newest are dropped and
  counted, and sent again.
- An incarnation that rose is durable before any answer names it, and after the caution that follows from it.
- A database that fails costs the group: it is dropped and counted, devices send again.
- A message on which our own code fails does not hold up the others: its group is taken once more, one
  message a transaction, and what fails alone is dropped, counted and put before a clerk. This is what makes
  the worker one of the hub's named supervisors.
- `hub/state` is a hint that the hub keeps true: said at each connection, corrected where it says otherwise.

Not here: what a message means (`apply`), the transaction (`hub.db.writer`), the connection (`MqttLink`).
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog

from hub.db.engine import Connection
from hub.db.register_repositories import ExceptionRepository
from hub.db.unit_of_work import Rules, UnitOfWork
from hub.db.writer import Writer
from hub.ingest.apply import Incoming, Ingest, Outgoing
from hub.ingest.inbox import Inbox
from hub.ingest.ports import Incarnation
from hub.ingest.state_hint import StateHint
from hub.keys.journal import JournalWriteError
from hub.metrics import Measures
from shared.adapters.mqtt_link import DownReason, LinkDown, LinkEvent, LinkUp, Published, Received
from shared.model.errors import CapacityError, InputError, TransientError
from shared.protocol import limits, topics

FAILED: Final = "ingest_failed"
"""The kind of the exception that tells of a message on which our own code failed."""

log = structlog.get_logger(__name__)


class Link(Protocol):
    """The connection to the broker, as the worker uses it."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Hand a message to the connection; refused while there is none."""
        ...

    def acknowledge(self, received: Received) -> None:
        """Confirm a message to the broker."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHooks:
    """What the rest of the hub does when something happened here.

    Attributes:
        work_committed: new outgoing work is in the database.
        incarnation_jumped: a device knew a later life of the hub; called in that transaction.
        words_committed: these devices have said what they have of settings, bundles and commands.
    """

    work_committed: Callable[[], None]
    incarnation_jumped: Callable[[Connection, int], None]
    words_committed: Callable[[Iterable[str]], None] = lambda _devices: None


class IngestWorker:
    """Takes what devices say, and answers.

    Attributes:
        connected: whether the link is up.
        events: events that were committed since the start.
        dropped: messages that were dropped, by cause.
        unanswered: answers that the link did not take; devices ask again.
        measures: group sizes and times.
    """

    def __init__(
        self,
        ingest: Ingest,
        writer: Writer,
        incarnation: Incarnation,
        hooks: WorkerHooks,
        measures: Measures,
        *,
        clock: Callable[[], int],
        rules: Rules,
    ) -> None:
        """Begin without a link.

        Args:
            ingest: what is done with messages.
            writer: the database.
            incarnation: this life of the hub.
            hooks: what follows elsewhere.
            measures: where group sizes and times go.
            clock: the hub's time, Unix epoch in milliseconds.
            rules: the operator's, for every transaction.
        """
        self.connected = False
        self.events = 0
        self.dropped: Counter[str] = Counter()
        self.unanswered = 0
        self._ingest = ingest
        self._writer = writer
        self._incarnation = incarnation
        self._incarnation_seen = incarnation.value
        self._hooks = hooks
        self.measures = measures
        self._clock = clock
        self._rules = rules
        self._link: Link | None = None
        self._hint = StateHint(incarnation, clock)
        # What follows is shared by the link's and the writer's threads, under the lock.
        self._changed = threading.Condition()
        self._inbox = Inbox()
        self._jobs = 0
        self._called = False
        self._alone = 0
        self._stopping = False

    # ---- what the hub calls

    def attach(self, link: Link) -> None:
        """Take the link whose events `deliver` will get, before it is started."""
        self._link = link

    @property
    def waiting(self) -> int:
        """Messages that wait for a transaction."""
        return len(self._inbox)

    def say_state(self) -> None:
        """Say again that the hub is on, with the present time."""
        if self.connected and self._link is not None and not self._stopping:
            self._hint.say(self._link, on=True)

    def tell(self, device: str) -> None:
        """Say to a device, if it is in a session, how it stands: a decision about it has just been taken.

        Nothing relies on it: a device that does not hear it learns the same with its next acknowledgement.
        """

        def job(connection: Connection) -> Outgoing | None:
            uow = UnitOfWork(connection, self._rules)
            return self._ingest.tell(device, uow, self._clock())

        def told(future: "Future[Outgoing | None]") -> None:
            answer = None if future.exception() is not None else future.result()
            if answer is not None:
                self._publish(answer)

        with suppress(CapacityError):
            self._writer.submit(job).add_done_callback(told)

    def stop(self, timeout_s: float) -> bool:
        """Take nothing new, finish what waits, and say that the hub goes off; the link stays up.

        Returns:
            Whether all of it was done in time; what was not is sent again by devices.
        """
        with self._changed:
            self._stopping = True
            finished = self._changed.wait_for(lambda: not (self._inbox or self._jobs), timeout_s)
        if self.connected and self._link is not None:
            self._hint.say(self._link, on=False)
            finished = self._hint.wait_until_confirmed(timeout_s) and finished
        return finished

    # ---- the link's thread

    def deliver(self, event: LinkEvent) -> None:
        """Take an event of the link; neither blocks nor raises."""
        match event:
            case Received(topic=topics.HUB_STATE):
                self._read_hint(event)
            case Received():
                self._take_in(event)
            case Published():
                self._hint.confirmed(event.handle)
            case LinkUp():
                self.connected = True
                log.info("link_up", address=str(event.address))
                self.say_state()
            case LinkDown():
                self.connected = False
                told = log.info if event.reason is DownReason.CLOSED else log.warning
                told("link_down", reason=event.reason.value, retry_ms=event.retry_ms)

    def _read_hint(self, event: Received) -> None:
        if self._link is not None:
            self._link.acknowledge(event)
            if self._hint.is_stale(event.payload) and not self._stopping:
                self._hint.say(self._link, on=True)

    def _take_in(self, event: Received) -> None:
        with self._changed:
            full = self._inbox.full_for(event)
            if full or self._stopping:
                self.dropped[full or "stopping"] += 1
                calls = False
            else:
                self._inbox.put(event)
                calls, self._called = not self._called, True
        if full:
            self._confirm((event,))
        if calls:
            self._call()

    # ---- the transaction, on the writer's thread

    def _call(self) -> None:
        """Ask the writer to take what waits."""
        group: list[Received] = []
        try:
            future = self._writer.submit(partial(self._apply, group))
        except CapacityError:
            self.dropped["writer"] += 1
            with self._changed:
                self._called = False  # what waits stays; the next message asks again
            return
        future.add_done_callback(partial(self._settle, group))

    def _gather(self, group: list[Received]) -> None:
        """Move what waits into a group; whoever comes later asks for the next transaction."""
        with self._changed:
            most = 1 if self._alone else limits.GROUP_MESSAGES_MAX
            self._alone = max(0, self._alone - 1)
            group.extend(self._inbox.take(most, limits.GROUP_BYTES_MAX))
            self._jobs += 1
            self._called = False

    def _apply(self, group: list[Received], connection: Connection) -> "_Committed":
        self._gather(group)
        started = time.monotonic()
        now_ms = self._clock()
        uow = UnitOfWork(connection, self._rules)
        answers = self._ingest.apply([Incoming(e.topic, e.payload) for e in group], uow, now_ms)
        uow.flush()
        if self._incarnation.value != self._incarnation_seen:
            self._hooks.incarnation_jumped(connection, now_ms)
        return _Committed(
            incarnation=self._incarnation.value,
            answers=answers,
            events=uow.delivery.accepted,
            effects=uow.effects,
            spoken=uow.fleet.spoken,
            started=started,
        )

    def _settle(self, group: list[Received], future: "Future[_Committed]") -> None:
        """Act on a transaction's end; the writer's thread, before it begins the next one."""
        try:
            error = future.exception()
            if error is None:
                self._committed(group, future.result())
            else:
                self._failed(group, error)
        except Exception:  # the supervisor: whatever happens, the next group is taken
            log.exception("ingest_settle_failed", messages=len(group))
        with self._changed:
            self._jobs -= 1
            calls = bool(self._inbox) and not self._called
            self._called = self._called or calls
            self._changed.notify_all()
        if calls:
            self._call()

    def _committed(self, group: Sequence[Received], done: "_Committed") -> None:
        self._incarnation_seen = done.incarnation
        if self._keep_incarnation():
            for answer in done.answers:
                self._publish(answer)
        else:
            self.unanswered += len(done.answers)
        self._confirm(group)
        self.events += done.events
        self.measures.group_committed(len(group), time.monotonic() - done.started)
        if done.effects:
            self._hooks.work_committed()
        if done.spoken:
            self._hooks.words_committed(done.spoken)

    def _keep_incarnation(self) -> bool:
        try:
            self._incarnation.keep()
        except OSError:
            log.exception("incarnation_not_kept")
            return False
        return True

    def _publish(self, answer: Outgoing) -> None:
        try:
            if self._link is not None:
                self._link.publish(answer.topic, answer.payload)
        except (TransientError, CapacityError):
            self.unanswered += 1

    def _confirm(self, group: Sequence[Received]) -> None:
        if self._link is not None:
            for received in group:
                self._link.acknowledge(received)

    # ---- when it failed

    def _failed(self, group: list[Received], error: BaseException) -> None:
        """Forget what the group had taught; then drop it, or look for the message that did it."""
        if not group:  # the transaction could not even begin
            self._gather(group)
        self._ingest.forget(_born(group))
        fence_failed = isinstance(error, JournalWriteError)  # one device's matter, and it may last
        passing = isinstance(error, TransientError | CapacityError) and not fence_failed
        cause = "database" if passing else "failed"
        log.error("ingest_failed", messages=len(group), cause=cause, exc_info=error)
        if not passing and len(group) > 1:
            with self._changed:
                self._inbox.put_back(group)
                self._alone = len(group)
            return
        self.dropped[cause] += len(group)
        self._confirm(group)
        if not passing:
            for event in group:
                self._tell_clerk(event, error)

    def _tell_clerk(self, event: Received, error: BaseException) -> None:
        device: str | None = None
        with suppress(InputError):
            device = topics.parse_up(event.topic).device

        def job(connection: Connection) -> None:
            exceptions = ExceptionRepository(connection)
            exceptions.open(FAILED, device, {"error": type(error).__name__}, self._clock())
            exceptions.flush()

        with suppress(CapacityError):
            self._writer.submit(job)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Committed:
    """What a transaction leaves to do once it is committed.

    Attributes:
        incarnation: of the hub; what a jump of it means is in the database.
        answers: to publish.
        events: that were taken.
        effects: that now wait for the core.
        spoken: devices that said what they have.
        started: monotonic seconds at which it began.
    """

    incarnation: int
    answers: Sequence[Outgoing]
    events: int
    effects: int
    spoken: Iterable[str]
    started: float


def _born(group: Iterable[Received]) -> set[str]:
    """The devices of which a group has births: it may have switched their sessions, and no other's."""
    devices: set[str] = set()
    for event in group:
        with suppress(InputError):
            topic = topics.parse_up(event.topic)
            if topic.kind is topics.Verb.BIRTH:
                devices.add(topic.device)
    return devices
