"""One life of the owner: an open outbox, a session, a link, and the turns of the one thread that drives them.

A turn takes what waits in the queue (lines to store, what the link tells), lets the session speak, and says
how long it may rest. Every life begins a new epoch and a new session; nothing of the one before is believed
but what is on the disk.

Not here: the queue, the thread, and what happens when a life ends in an error (`runtime`).
"""

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from secrets import token_bytes
from typing import Final, assert_never

import structlog

from shared.adapters.mqtt_link import (
    LinkDown,
    LinkDownError,
    LinkEvent,
    LinkUp,
    MqttLink,
    Published,
    Received,
    Will,
)
from shared.adapters.outbox import Outbox, Whereabouts
from shared.edge.commands import Append, AskPlace, AskStatus, FromLink, Request, Resume
from shared.edge.guidance import Anew
from shared.edge.health import HealthWatch
from shared.edge.hub_state import ANSWER_MS, HubHint
from shared.edge.lanes import OutboxLanes, OutboxLog
from shared.edge.parts import Parts
from shared.edge.standing import LinkStatus, Status, lane_status
from shared.edge.storing import Storing
from shared.model.errors import CapacityError, InputError, VentanillaError
from shared.model.event import Stream
from shared.protocol import limits, topics
from shared.protocol.session import DeviceSession, Identity, Publish, SessionState
from shared.protocol.signing import LineSigner

WAIT_MAX_MS: Final = 1_000
"""The longest rest of the owner's thread; also how often it makes telemetry durable and looks around."""
EXPIRE_EVERY_MS: Final = 60_000
_MARGIN: Final = 4
"""Publishes that the link keeps free for births while frames fill the rest."""
_UNANSWERED: Final = frozenset({SessionState.BIRTH_SENT, SessionState.CONFIRMED})

log = structlog.get_logger(__name__)


class Life:
    """An owner at work; every method on one thread.

    Args:
        parts: what it is made of.
        outbox: opened for this life; whoever opened it closes it.
        number: counts the lives of this process from 1.
        deliver: takes what the link tells, from the link's thread.
        trouble: why the life before ended; None for the first.
    """

    def __init__(
        self,
        parts: Parts,
        outbox: Outbox,
        number: int,
        deliver: Callable[[FromLink], None],
        trouble: str | None,
    ) -> None:
        self._parts = parts
        self._number = number
        self._trouble = trouble
        self._device = parts.identity.device
        self._uptime_ms = parts.clock.uptime_ms
        self._outbox = outbox
        self._lanes = OutboxLanes(self._outbox, parts.memory.now.boot, self._now_ms)
        self._session = DeviceSession(
            self._identity(),
            OutboxLog(self._outbox, self._now_ms),
            self._lanes,
            token_bytes,
            incarnation=parts.memory.now.incarnation,
        )
        self._session.fenced = parts.memory.now.fenced
        self._storing = Storing(
            self._outbox,
            self._lanes,
            self._session,
            LineSigner(self._device, parts.identity.keys.signing),
            parts.memory.now.boot,
            parts.clock,
            self._now_ms,
        )
        self._health = HealthWatch()
        self._hint = HubHint()
        self._wills: SimpleQueue[Will] = SimpleQueue()
        self._outstanding = 0
        self._link_status = LinkStatus(detail="dialling for the first time")
        self._house_ms = self._expire_ms = 0
        self._again_ms: int | None = None
        self._remembered = (parts.memory.now.incarnation, parts.memory.now.fenced)
        self._deliver = deliver
        self._links = 0
        self._guidance = parts.guidance
        self._guidance.attach(lambda: self._status().members(), self._now_ms)
        self._link = self._make_link()
        self._draw_will()

    def begin(self) -> None:
        """Dial, and say what is not as it was.

        Raises:
            OutboxBrokenError: the disk failed.
        """
        self._link.start()
        self._report_start()

    def close(self) -> None:
        """Say farewell to the broker."""
        self._link.close()

    def refusal(self, stream: Stream) -> str | None:
        """Return why nothing is taken on a lane now; from any thread."""
        return self._storing.refusals.get(stream) or self._parts.closed(stream)

    def find(self, event_id: str) -> Whereabouts | None:
        """Look an event up; what is found is on the disk."""
        return self._outbox.find(event_id)

    def handle(self, requests: Sequence[Request | FromLink | Resume]) -> None:
        """Do what is asked, in order, and let the session speak.

        Raises:
            OutboxBrokenError: the disk failed; requests without an answer are of unknown outcome.
        """
        appends: list[Append] = []
        for request in requests:
            match request:
                case Append():
                    appends.append(request)
                case FromLink():
                    if (request.life, request.link) == (self._number, self._links):
                        self._hear(request.event)
                case Resume():
                    request.act()
                case AskPlace() | AskStatus():
                    self._storing.store(appends)
                    appends = []
                    self._answer(request)
                case _:
                    assert_never(request)
        self._storing.store(appends)
        self._turn()

    def wait_s(self) -> float:
        """Return how long the thread may rest if nothing happens."""
        now_ms, deadline_ms = self._uptime_ms(), self._session.deadline_ms()
        wait_ms = WAIT_MAX_MS if deadline_ms is None else min(WAIT_MAX_MS, deadline_ms - now_ms)
        return max(0, wait_ms) / 1000

    # -- turns -------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        now_ms = self._uptime_ms()
        if now_ms >= self._house_ms:
            self._keep_house(now_ms)
        if self._again_ms is not None and now_ms >= self._again_ms:
            self._again_ms = None
            if self._session.state in _UNANSWERED:
                self._session.link_up(now_ms)
        if self._session.state is SessionState.STREAMING and self._lanes.opened_since():
            self._session.epoch_opened(now_ms)
        self._be_guided(now_ms)
        room = limits.PUBLISHES_OUTSTANDING_MAX - _MARGIN - self._outstanding
        for message in self._session.tick(now_ms, max(0, room)):
            self._publish(message)
        self._remember()
        self._storing.look()

    def _be_guided(self, now_ms: int) -> None:
        """Do what follows from what the hub wants, and report it."""
        streaming = self._session.state is SessionState.STREAMING
        match self._guidance.turn(self._session.session if streaming else None):
            case Anew.NOTHING if streaming:
                for message in self._guidance.to_say(self._session.session):
                    self._publish(message)
            case Anew.NOTHING:
                pass
            case Anew.BIRTH:
                if self._session.state is not SessionState.OFF:
                    self._session.link_up(now_ms)
            case Anew.LINK:
                self._link.close(0)
                self._session.link_down()
                self._outstanding = 0
                self._link_status = LinkStatus(detail="dialling as the new settings have it")
                self._draw_will()
                self._link = self._make_link()
                self._link.start()

    def _make_link(self) -> MqttLink:
        self._links += 1
        number, link = self._number, self._links
        return self._parts.make_link(
            lambda event: self._deliver(FromLink(number, event, link)), self._next_will
        )

    def _keep_house(self, now_ms: int) -> None:
        self._house_ms = now_ms + WAIT_MAX_MS
        self._outbox.flush()
        self._remember(again=True)
        self._storing.try_disk_again()
        self._storing.report(self._health.look(self._outbox, now_ms))
        if now_ms >= self._expire_ms:
            knows_the_time = self._session.clock.offset_ms is not None  # a wall clock may be years ahead
            expiry = self._outbox.expire(self._now_ms(), lets_go=knows_the_time)
            self._storing.report(self._health.after_expiry(expiry))
            soon = expiry.more or not knows_the_time
            self._expire_ms = now_ms + (WAIT_MAX_MS if soon else EXPIRE_EVERY_MS)

    def _report_start(self) -> None:
        found: list[str] = [] if self._trouble is None else [f"the owner began again: {self._trouble}"]
        if self._outbox.salvaged:
            found.append("the outbox was broken, and what could be read was saved")
        if self._outbox.damaged_lines:
            found.append(f"{self._outbox.damaged_lines} lines were damaged")
        if found:
            self._storing.report([self._health.trouble(self._uptime_ms(), "; ".join(found))])

    def _publish(self, message: Publish) -> None:
        try:
            self._link.publish(message.topic, message.payload)
            self._outstanding += 1
        except LinkDownError:
            pass  # its LinkDown is on the way; what was to be said is said again after the next birth
        except CapacityError as error:
            log.warning("not_published", topic=message.topic, bytes=len(message.payload), reason=str(error))

    def _remember(self, *, again: bool = False) -> None:
        heard = (self._session.incarnation, self._session.fenced)
        if heard == self._remembered and not again:
            return
        self._remembered = heard
        try:
            self._parts.memory.keep(incarnation=heard[0], fenced=heard[1])
        except OSError as error:  # it holds in this process, and is tried again with the next round
            log.warning("identity_folder_not_written", reason=str(error))

    # -- what is asked -----------------------------------------------------------------------------------

    def _answer(self, request: AskPlace | AskStatus) -> None:
        if isinstance(request, AskStatus):
            self._outbox.flush()
            request.answer.set_result(self._status())
            return
        try:
            request.answer.set_result(self._storing.place(request.stream))
        except VentanillaError as error:
            request.answer.set_exception(error)

    def _status(self) -> Status:
        session, now_ms = self._session, self._uptime_ms()
        lanes = lane_status(self._outbox, self._lanes, self._storing.refusals, now_ms)
        return Status(
            device=self._device,
            running=True,
            state=session.state.value,
            recognised=session.recognised,
            fenced=session.fenced,
            hub_on=self._hint.on,
            incarnation=session.incarnation,
            boot=self._parts.memory.now.boot,
            clock_age_s=session.clock.age_s(now_ms),
            hub_offset_ms=session.clock.offset_ms,
            life=self._number,
            trouble=self._trouble,
            damaged_lines=self._outbox.damaged_lines,
            oldest_unacknowledged_payment_ms=lanes[Stream.PAYMENTS].waiting_ms,
            unacknowledged=sum(lane.unacknowledged for lane in lanes.values()),
            link=self._link_status,
            lanes=lanes,
            wanted=self._guidance.status(),
        )

    # -- what the link tells -----------------------------------------------------------------------------

    def _hear(self, event: LinkEvent) -> None:
        match event:
            case LinkUp():
                self._outstanding, self._again_ms = 0, None
                self._link_status = LinkStatus(up=True, address=str(event.address))
                self._session.link_up(self._uptime_ms())
            case LinkDown():
                self._outstanding = 0
                self._link_status = LinkStatus(detail=f"{event.reason}: {event.detail}")
                self._session.link_down()
                self._draw_will()
                log.info("link_down", reason=event.reason.value, detail=event.detail, retry_ms=event.retry_ms)
            case Received():
                self._receive(event)
                self._link.acknowledge(event)
            case Published():
                self._outstanding = max(0, self._outstanding - 1)
            case _:
                assert_never(event)

    def _receive(self, message: Received) -> None:
        now_ms = self._uptime_ms()
        try:
            if message.topic == topics.ack(self._device):
                self._session.receive(message.topic, message.payload, now_ms, self._parts.clock.wall_ms())
                self._parts.hear_missing(self._session.missing)
            elif message.topic == topics.HUB_STATE:
                self._hint.hear(message.payload)
                if not message.retained:
                    self._hub_is_there(now_ms)
            else:
                offset_ms = self._session.clock.offset_ms
                hub_ms = None if offset_ms is None else now_ms + offset_ms
                self._guidance.receive(message.topic, message.payload, hub_ms)
        except InputError as error:
            log.warning("refused_message", topic=message.topic, reason=str(error))

    def _hub_is_there(self, now_ms: int) -> None:
        """Do not wait out what was waited for because the hub was away."""
        state = self._session.state
        if state is SessionState.BACKOFF and self._hint.heed(now_ms):
            self._session.link_up(now_ms)
        elif state in _UNANSWERED and self._hint.heed(now_ms):
            self._again_ms = now_ms + ANSWER_MS

    def _draw_will(self) -> None:
        """Lay the last will of the next connection ready, and nothing but it."""
        while True:
            try:
                self._wills.get_nowait()
            except Empty:
                break
        said = self._session.will()
        self._wills.put(Will(topic=said.topic, payload=said.payload))

    def _next_will(self, _session: int) -> Will | None:
        """Give the will that was laid ready; called on the link's thread, before each dial."""
        try:
            return self._wills.get(timeout=WAIT_MAX_MS / 1000)
        except Empty:
            return None  # the owner is in the middle of a slow sync: rather no will than no connection

    # -- who and when ------------------------------------------------------------------------------------

    def _identity(self) -> Identity:
        parts = self._parts
        if self._number > 1:
            reset = "storage"
        elif parts.memory.started_anew:
            reset = "boot"
        else:
            reset = "process"
        return Identity(
            device=self._device,
            boot=parts.memory.now.boot,
            up_key=parts.identity.keys.links.up,
            down_keys=parts.identity.down_keys,
            reset=reset,
            firmware=parts.firmware,
        )

    def _now_ms(self) -> int:
        """Return the hub's time where this boot has heard it, else the device's own."""
        offset_ms = self._session.clock.offset_ms
        return self._parts.clock.wall_ms() if offset_ms is None else self._uptime_ms() + offset_ms
