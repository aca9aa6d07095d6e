"""The runtime: the owner's thread, its queue, and the supervisor that begins a new life when one fails.

    runtime = EdgeRuntime(parts)
    runtime.start()                              # returns when the outbox is open
    runtime.append(line).result(timeout_s)       # from any thread; resolved when it is on the disk
    runtime.stop()

Everybody else reacts by putting something into the queue; the one thread acts at its own pace.

Rules:
- After any failure nothing that was in memory is believed. A new life opens the outbox again, which makes
  durable what is there; lines whose outcome was unknown are looked up by their id, and only then does anyone
  get an answer.
- While no life can begin, nothing is taken, and whoever asks is told so at once.
"""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

import structlog

from shared.adapters.outbox import StaleSlotError
from shared.edge.commands import Append, AskPlace, AskStatus, Command, FromLink, Request, Resume, Stop
from shared.edge.errors import BusyError, StoppedError, StorageDownError
from shared.edge.life import Life
from shared.edge.parts import Parts
from shared.edge.seam import Place, SealedLine, Taken
from shared.edge.standing import LinkStatus, Status
from shared.model.errors import VentanillaError
from shared.model.event import Stream
from shared.protocol.backoff import Backoff

REQUESTS_WAITING_MAX: Final = 4_096
"""What may wait for the owner; a kiosk has one citizen, a terminal one card at a time."""
GROUP_MAX: Final = 200
"""What is taken from the queue at once: the first one's answer does not wait for ever."""
STEADY_MS: Final = 60_000
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 30.0

T = TypeVar("T")
log = structlog.get_logger(__name__)


class EdgeRuntime:
    """The owner of a device's outbox. Implements `shared.edge.seam.Owner`.

    Args:
        parts: what its lives are made of.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queue: SimpleQueue[Command] = SimpleQueue()
        self._started: Future[None] = Future()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="owner", daemon=True)
        self._life: Life | None = None
        self._trouble: str | None = None
        self._in_hand: Sequence[Request | FromLink | Resume] = ()
        self._backoff = Backoff(random=random.random)

    # -- what others call, from any thread ---------------------------------------------------------------

    def start(self) -> None:
        """Open the outbox and begin to dial.

        Raises:
            VentanillaError: the outbox does not open; its sentence says what to do.
            TimeoutError: the disk did not answer.
        """
        self._thread.start()
        self._started.result(START_TIMEOUT_S)

    def stop(self) -> None:
        """Store what waits, say farewell to the broker, and close the file."""
        self._stopping.set()
        self._queue.put(Stop())
        self._thread.join(STOP_TIMEOUT_S)

    @property
    def alive(self) -> bool:
        """Whether the owner's thread is there."""
        return self._thread.is_alive()

    def can_take(self, stream: Stream) -> str | None:
        """Return why nothing is taken on a stream now, for the person in front of it; None if it is."""
        life = self._life
        return StorageDownError.__doc__ if life is None else life.refusal(stream)

    def place(self, stream: Stream) -> Future[Place]:
        """Ask for the place of a stream's next line."""
        answer: Future[Place] = Future()
        return self._ask(AskPlace(stream, answer), answer)

    def append(self, line: SealedLine) -> Future[Taken]:
        """Hand in a line; the future is resolved when it is on the disk (telemetry: within a second of it).

        The future raises StaleSlotError (compose again), InputError, CapacityError or DeviceError; in each
        case the line is not stored.
        """
        answer: Future[Taken] = Future()
        return self._ask(Append(line, answer), answer)

    def find(self, event_id: str) -> Future[bool]:
        """Ask whether an event is on the disk: for whoever may have handed it in before a power cut."""
        answer: Future[bool] = Future()

        def look() -> None:
            life = self._life
            if life is None:
                answer.set_exception(StorageDownError(StorageDownError.__doc__))
                return
            try:
                answer.set_result(life.find(event_id) is not None)
            except VentanillaError as error:
                answer.set_exception(error)
                raise

        if self._stopping.is_set():
            answer.set_exception(StoppedError(StoppedError.__doc__))
        else:
            self.later(look)
        return answer

    def status(self) -> Future[Status]:
        """Ask how the device stands."""
        answer: Future[Status] = Future()
        return self._ask(AskStatus(answer), answer)

    def later(self, act: Callable[[], None]) -> None:
        """Do something on the owner's thread, soon; from any thread."""
        self._queue.put(Resume(act))

    def _ask(self, request: Request, answer: Future[T]) -> Future[T]:
        if self._stopping.is_set():
            answer.set_exception(StoppedError(StoppedError.__doc__))
        elif self._queue.qsize() >= REQUESTS_WAITING_MAX:
            answer.set_exception(BusyError(BusyError.__doc__))
        else:
            self._queue.put(request)
        return answer

    # -- the owner's thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        number = 0
        while not self._stopping.is_set():
            number += 1
            began_ms = self._parts.clock.uptime_ms()
            try:
                self._live(number)
            except Exception as error:  # the supervisor of the device
                if not self._started.done():
                    self._started.set_exception(error)
                    return
                if self._parts.clock.uptime_ms() - began_ms >= STEADY_MS:
                    self._backoff.reset()
                self._after_failure(error)
        self._turn_away(StoppedError(StoppedError.__doc__))

    def _live(self, number: int) -> None:
        """Live once: until the owner is stopped, or something fails."""
        with (
            closing(self._parts.open_outbox()) as outbox,
            closing(Life(self._parts, outbox, number, self._queue.put, self._trouble)) as life,
        ):
            life.begin()
            self._settle(life)
            self._life = life
            if not self._started.done():
                self._started.set_result(None)
            try:
                while not self._stopping.is_set() or not self._queue.empty():
                    self._in_hand = self._gather(life.wait_s())
                    life.handle(self._in_hand)
                    self._in_hand = ()
            finally:
                self._life = None

    def _gather(self, wait_s: float) -> Sequence[Request | FromLink | Resume]:
        """Take what waits from the queue; what was cancelled meanwhile is dropped, and never happens."""
        gathered: list[Request | FromLink | Resume] = []
        try:
            command = self._queue.get(timeout=wait_s)
            while True:
                match command:
                    case Stop():
                        break
                    case FromLink() | Resume():
                        gathered.append(command)
                    case _ if command.answer.set_running_or_notify_cancel():
                        gathered.append(command)
                    case _:
                        pass
                if len(gathered) >= GROUP_MAX:
                    break
                command = self._queue.get_nowait()
        except Empty:
            pass
        return gathered

    def _settle(self, life: Life) -> None:
        """Answer what the life before left unanswered: what is on the disk is taken, the rest is not."""
        for request in self._in_hand:
            match request:
                case Append(line=line, answer=answer) if not answer.done():
                    found = life.find(line.event_id)
                    if found is None:
                        answer.set_exception(StaleSlotError(StaleSlotError.__doc__))
                    else:
                        answer.set_result(Taken(line.event_id, found.stream, found.epoch, found.seq))
                case AskPlace() | AskStatus() if not request.answer.done():
                    life.handle([request])
                case _:
                    pass
        self._in_hand = ()

    def _after_failure(self, error: Exception) -> None:
        self._trouble = f"{type(error).__name__}: {error}"
        retry_ms = self._backoff.next_ms()
        log.error("life_ended", reason=self._trouble, retry_ms=retry_ms, exc_info=error)
        if self._backoff.attempts > 1:  # the first failure is mended at once; then people are told
            self._turn_away(StorageDownError(StorageDownError.__doc__))
        self._stopping.wait(retry_ms / 1000)

    def _turn_away(self, error: VentanillaError) -> None:
        """Answer what waits in the queue and was never begun."""
        while requests := self._gather(0):
            for request in requests:
                if isinstance(request, AskStatus):
                    request.answer.set_result(self._down())
                elif not isinstance(request, FromLink | Resume):
                    request.answer.set_exception(error)

    def _down(self) -> Status:
        return Status(
            device=self._parts.identity.device,
            running=True,
            state="storage down",
            trouble=self._trouble,
            link=LinkStatus(),
            lanes={},
        )
