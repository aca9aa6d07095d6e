"""The MQTT link of hub and devices: dials, keeps one connection, dials again; speaks in small events.

    link = MqttLink(settings, events.put, will=lambda session: Will(topic=…, payload=…))
    link.start()
    handle = link.publish(topic, payload)      # refused while the link is down
    link.acknowledge(received)                 # when its effect is safe, not before

Rules:
- The link keeps nothing for its owner: what was published and not confirmed when a connection ended is of
  unknown outcome, and whoever owns the data sends it again.
- It never waits for ever: for a connection, a subscription, a PUBACK, or a broker that fell silent.
- Its memory is bounded: publishes beyond `outstanding_max` are refused; while the owner holds too many
  messages unacknowledged the link stops reading, and the broker has to wait.
- Full jitter between attempts. A connection that did not last counts as a failed attempt.

Not here: what is said over the link (`shared.protocol`), and who may say it (the broker's permissions).
"""

import os
import random
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.adapters.mqtt_connection import Connection, Fault
from shared.adapters.mqtt_events import (
    MESSAGE_BYTES_MAX,
    Address,
    DownReason,
    LinkDown,
    LinkEvent,
    LinkSettings,
    LinkUp,
    Published,
    Received,
    Will,
)
from shared.model.errors import CapacityError, InputError, TransientError
from shared.protocol.backoff import Backoff

__all__ = [
    "Address",
    "DownReason",
    "LinkDown",
    "LinkDownError",
    "LinkEvent",
    "LinkFullError",
    "LinkSettings",
    "LinkUp",
    "MqttLink",
    "Published",
    "Received",
    "Will",
]

_STEADY_S: Final = 10.0
"""A connection that lasted this long was a success: the next wait is a short one again."""
_TURN_S: Final = 1.0
_NEVER_S: Final = -1e9


class LinkDownError(TransientError):
    """There is no connection to the broker; keep the message and send it after the next LinkUp."""


class LinkFullError(CapacityError):
    """Too many publishes wait for the broker; send the next one after a Published."""


@dataclass(frozen=True, slots=True)
class _Publish:
    handle: int
    topic: str
    payload: bytes
    retain: bool


class MqttLink:
    """One link to one of several brokers, with a thread of its own.

    Args:
        settings: what does not change.
        deliver: takes every event, on the link's thread; it must neither block nor raise (`queue.put` is
            made for it).
        will: asked before each dial, with the number of the session to come; a device's will carries the
            nonce of the birth that follows.
        draw: random numbers in [0, 1) for the jitter.
    """

    def __init__(
        self,
        settings: LinkSettings,
        deliver: Callable[[LinkEvent], None],
        *,
        will: Callable[[int], Will | None] | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        if not settings.addresses:
            raise InputError("a link needs the address of a broker; enrol this machine again")
        self._settings = settings
        self._deliver = deliver
        self._will = will
        self._backoff = Backoff(
            random=draw, first_ms=settings.backoff_first_ms, max_ms=settings.backoff_max_ms
        )
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{settings.name}", daemon=True)
        self._closing = threading.Event()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # What follows is shared with the owner's threads, under the lock.
        self._lock = threading.Lock()
        self._up = False
        self._session = 0
        self._last_handle = 0
        self._outstanding = 0
        self._held = 0
        self._held_bytes = 0
        self._to_publish: deque[_Publish] = deque()
        self._to_acknowledge: deque[Received] = deque()
        self._redial: str | None = None
        self._awake = False
        # What follows belongs to the link's thread.
        self._early: list[Received] = []
        self._unconfirmed: OrderedDict[int, tuple[int, float]] = OrderedDict()
        self._address = settings.addresses[0]

    def start(self) -> None:
        """Begin to dial; events arrive from now on."""
        self._thread.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Hand a message to the connection, QoS 1.

        Returns:
            A handle, unique in the life of the link, that `Published` will carry.

        Raises:
            LinkDownError: there is no connection now.
            LinkFullError: too many publishes are unconfirmed.
            CapacityError: the payload is larger than any message of the protocol.
            InputError: the topic is a filter.
        """
        if not topic or "+" in topic or "#" in topic:
            raise InputError("a message is published on one topic; take it from shared.protocol.topics")
        if len(payload) > MESSAGE_BYTES_MAX:
            raise CapacityError(f"a message has at most {MESSAGE_BYTES_MAX} bytes; send less in one")
        with self._lock:
            if not self._up:
                raise LinkDownError(LinkDownError.__doc__)
            if self._outstanding >= self._settings.outstanding_max:
                raise LinkFullError(LinkFullError.__doc__)
            self._outstanding += 1
            self._last_handle += 1
            handle = self._last_handle
            self._to_publish.append(_Publish(handle, topic, payload, retain))
            self._wake()
        return handle

    def acknowledge(self, received: Received) -> None:
        """Confirm a message to the broker and make room; one of an earlier connection is ignored."""
        with self._lock:
            if received.session != self._session or not self._up:
                return
            self._held -= 1
            self._held_bytes -= len(received.payload)
            self._to_acknowledge.append(received)
            self._wake()

    def redial(self, detail: str) -> None:
        """Leave the present connection and, after the usual wait, make a new one."""
        with self._lock:
            self._redial = detail
            self._wake()

    def close(self, timeout_s: float = 15.0) -> None:
        """Say farewell to the broker, so that it does not publish the will, and end the thread.

        The last event is a `LinkDown` with reason `closed`. What was not confirmed is of unknown outcome.
        """
        self._closing.set()
        with self._lock:
            self._wake()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    # ---- the link's thread

    def _run(self) -> None:
        session = 0
        while not self._closing.is_set():
            self._address = self._settings.addresses[session % len(self._settings.addresses)]
            session += 1
            fault, lasted_s = self._one_connection(session)
            if lasted_s >= _STEADY_S:
                self._backoff.reset()
            closing = self._closing.is_set()
            retry_ms = 0 if closing else self._backoff.next_ms()
            if not closing:
                self._tell_down(session, fault, retry_ms)
                self._closing.wait(retry_ms / 1000)
        self._tell_down(session, Fault(DownReason.CLOSED, "the link was closed"), 0)
        with self._lock:
            os.close(self._wake_fd)
            self._wake_fd = -1

    def _one_connection(self, session: int) -> tuple[Fault, float]:
        """Dial once and serve the connection to its end; return why it ended and how long it was up."""
        with self._lock:
            self._session, self._redial = session, None
        self._early.clear()
        self._unconfirmed.clear()
        will = self._will(session) if self._will is not None else None
        connection = Connection(self._settings, self._address, will, self)
        up_at = None
        try:
            dialled_at = time.monotonic()
            connection.open()
            resumed_at = _NEVER_S
            while connection.fault is None:
                paused = not self._has_room()
                connection.turn(_TURN_S, self._wake_fd, self._has_room)
                now = time.monotonic()
                if connection.ready and up_at is None:
                    up_at = now
                resumed_at = now if paused else resumed_at
                self._hand_over(connection, now)
                self._look_at_the_clock(connection, dialled_at, resumed_at, now)
        finally:
            with self._lock:
                self._up = False
                self._to_publish.clear()
                self._to_acknowledge.clear()
                self._outstanding = self._held = self._held_bytes = 0
            connection.release()
        lasted_s = 0.0 if up_at is None else time.monotonic() - up_at
        return connection.fault, lasted_s

    def _has_room(self) -> bool:
        """Tell whether the owner may be given more; without the lock, because only this thread adds."""
        settings = self._settings
        return self._held < settings.received_max and self._held_bytes < settings.received_bytes_max

    def _hand_over(self, connection: Connection, now: float) -> None:
        """Give the owner's publishes and acknowledgements to the connection."""
        with self._lock:
            publishes, acknowledgements, redial = self._to_publish, self._to_acknowledge, self._redial
            self._to_publish, self._to_acknowledge = deque(), deque()
            if self._awake:
                os.eventfd_read(self._wake_fd)
                self._awake = False
        if connection.fault is not None:
            return
        if self._closing.is_set():
            connection.say_farewell("the link was closed")
            return
        if redial is not None:
            connection.give_up(DownReason.REDIALLED, redial)
            return
        for received in acknowledgements:
            connection.acknowledge(received.mid, received.qos)
        for item in publishes:
            mid = connection.publish(item.topic, item.payload, retain=item.retain)
            self._unconfirmed[mid] = (item.handle, now)

    def _look_at_the_clock(
        self, connection: Connection, dialled_at: float, resumed_at: float, now: float
    ) -> None:
        if not connection.ready:
            if now - dialled_at > 2 * self._settings.connect_timeout_s:
                connection.give_up(
                    DownReason.SILENT, f"{self._address} accepted the connection and says nothing"
                )
        elif self._unconfirmed:
            _, sent_at = next(iter(self._unconfirmed.values()))
            if (now - max(sent_at, resumed_at)) * 1000 > self._settings.puback_timeout_ms:
                connection.give_up(DownReason.SILENT, f"{self._address} does not confirm what it is sent")

    def _tell_down(self, session: int, fault: Fault, retry_ms: int) -> None:
        self._deliver(LinkDown(session=session, reason=fault.reason, detail=fault.detail, retry_ms=retry_ms))

    def _wake(self) -> None:
        """End the thread's wait; the caller holds the lock."""
        if not self._awake and self._wake_fd >= 0:
            self._awake = True
            os.eventfd_write(self._wake_fd, 1)

    # ---- what the connection tells (mqtt_connection.Listener)

    def on_ready(self) -> None:
        """Tell the owner that the link is up, then what came before it was."""
        with self._lock:
            self._up = True
        self._deliver(LinkUp(session=self._session, address=self._address))
        for received in self._early:
            self._deliver(received)
        self._early.clear()

    def on_message(self, topic: str, payload: bytes, mid: int, qos: int, *, retained: bool) -> None:
        """Count a message against the owner's room and hand it on."""
        received = Received(
            session=self._session, topic=topic, payload=payload, retained=retained, mid=mid, qos=qos
        )
        with self._lock:
            self._held += 1
            self._held_bytes += len(payload)
            up = self._up
        if up:
            self._deliver(received)
        else:
            self._early.append(received)

    def on_puback(self, mid: int) -> None:
        """Tell the owner that a publish is confirmed; one that was never made is the broker's mistake."""
        entry = self._unconfirmed.pop(mid, None)
        if entry is None:
            return
        with self._lock:
            self._outstanding -= 1
        self._deliver(Published(session=self._session, handle=entry[0]))
