"""A device's session with the hub: birth, welcome, confirmed birth, streaming. Pure.

    OFF -> BIRTH_SENT -> CONFIRMED -> STREAMING;  births unanswered -> BACKOFF;  link down -> OFF

`DeviceSession` turns three things (the link's ups and downs, messages, the passing of time) into messages to
publish. It draws no conclusion from a broker's word: what counts is a MAC that holds, its own nonce, and the
session that it confirmed. It never waits for a welcome to append; the outbox goes on regardless.

What is not here: sockets (`shared.adapters.mqtt_link`), what to send (`sender`), the hub's half of a session
(`hub.ingest`).

Source: docs/PROTOCOL.md, sections Session and The device.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, Protocol

from shared.model.event import Stream
from shared.protocol import limits, topics
from shared.protocol.acknowledgement import Acknowledgement, Welcome, decode_answer
from shared.protocol.backoff import Backoff
from shared.protocol.birth import Birth, LaneState, encode_birth
from shared.protocol.clock import Clock
from shared.protocol.frame import Frame, encode_frame
from shared.protocol.keys import LinkKey
from shared.protocol.mac import open_message, seal_message
from shared.protocol.sender import Batch, Log, Sender, Verdict


class SessionState(StrEnum):
    """Where a session stands."""

    OFF = auto()
    BIRTH_SENT = auto()
    CONFIRMED = auto()
    """The birth repeats the hub's offer; the hub has not said yet how far it is."""
    STREAMING = auto()
    BACKOFF = auto()


@dataclass(frozen=True, slots=True)
class Publish:
    """A message for the link."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who speaks, in this boot.

    Attributes:
        device: the device's name.
        boot: the boot counter, durable before the first birth.
        reset: why the device started.
        firmware: version of the software.
        up_key: for what the device says.
        down_keys: key id -> key, for what the hub says: the current one and the one before.
        extra: further members of the birth.
    """

    device: str
    boot: int
    up_key: LinkKey
    down_keys: Mapping[str, bytes]
    reset: str = "unknown"
    firmware: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Lanes(Protocol):
    """What a birth says of the outbox."""

    def lanes(self, now_ms: int) -> Mapping[Stream, LaneState]:
        """Return every lane's epochs and fill."""
        ...

    def listed(self, lanes: Mapping[Stream, LaneState]) -> None:
        """Learn that the hub confirmed a birth that listed these."""
        ...


class DeviceSession:
    """The state machine of one device."""

    def __init__(
        self,
        identity: Identity,
        log: Log,
        lanes: Lanes,
        random_bytes: Callable[[int], bytes],
        *,
        incarnation: int = 0,
    ) -> None:
        """Begin without a link.

        Args:
            identity: who speaks.
            log: the outbox, for what is sent.
            lanes: the outbox, for what births say.
            random_bytes: `secrets.token_bytes`, or a test's own.
            incarnation: the highest of the hub that the device has seen.
        """
        self.state = SessionState.OFF
        self.fenced = False
        self.recognised = True
        self.incarnation = incarnation
        self.clock = Clock()
        self.missing: tuple[str, ...] = ()
        self.versions: Mapping[str, Any] = {}
        self._me = identity
        self._lanes = lanes
        self._random_bytes = random_bytes
        self._sender = Sender(log)
        self._out: list[Publish] = []
        self._backoff = Backoff(
            random=self._random, first_ms=limits.BACKOFF_FIRST_MS, max_ms=limits.BACKOFF_UNRECOGNISED_MS
        )
        self._nonce = self._token()
        self._session = ""
        self._spent = ""
        self._newest = (0, 0)
        self._confirming: Mapping[Stream, LaneState] = {}
        self._untold = False
        self._update_ms = 0
        self._birth_uptime_ms = -1
        self._births = 0
        self._due_ms = 0
        self._hold_until_ms = 0
        self._keepalive_ms = 0
        self._keepalives = 0

    @property
    def session(self) -> str:
        """The session that the device speaks in; empty without one."""
        return self._session

    # -- what happens ------------------------------------------------------------------------------------

    def will(self) -> Publish:
        """Draw the nonce of the next connection and return its last will."""
        self._nonce = self._token()
        self._spent = ""
        body = b'{"v":1,"nonce":"%s"}\n' % self._nonce.encode()
        return self._sealed(topics.Verb.DEATH, body)

    def link_up(self, now_ms: int) -> None:
        """The link is connected and subscribed: say who is there."""
        self._births = 0
        self._begin(now_ms)

    def link_down(self) -> None:
        """The link is gone, and the session with it."""
        self.state = SessionState.OFF
        self._out.clear()

    def epoch_opened(self, now_ms: int) -> None:
        """An epoch was opened: tell the hub, within the session, now or as soon as it is open."""
        if self.state is SessionState.STREAMING:
            self._birth(now_ms, self._session)
        else:
            self._untold = True

    def receive(self, topic: str, payload: bytes, now_ms: int, wall_ms: int) -> None:
        """Take a message of the acknowledgement topic.

        Args:
            topic: as the broker delivered it.
            payload: with its MAC line.
            now_ms: monotonic time since the boot.
            wall_ms: the device's clock, Unix epoch.

        Raises:
            InputError: it is forged or malformed, and had no effect.
        """
        answer = decode_answer(open_message(self._me.down_keys, topic, payload))
        if isinstance(answer, Welcome):
            self._welcome(answer, now_ms, wall_ms)
        else:
            self._acknowledgement(answer, now_ms, wall_ms)

    def tick(self, now_ms: int, room: int = limits.PUBLISHES_OUTSTANDING_MAX) -> list[Publish]:
        """Let time pass and return what to publish, in order.

        Args:
            now_ms: monotonic time since the boot.
            room: how many messages the link takes now.
        """
        match self.state:
            case SessionState.BIRTH_SENT | SessionState.CONFIRMED if now_ms >= self._due_ms:
                self._unanswered(now_ms)
            case SessionState.BACKOFF if now_ms >= self._due_ms:
                self._begin(now_ms)
            case SessionState.STREAMING:
                self._stream(now_ms, room)
            case _:
                pass
        out, self._out = self._out, []
        return out

    def deadline_ms(self) -> int | None:
        """Return when `tick` has something to do without anything happening; None: never."""
        match self.state:
            case SessionState.OFF:
                return None
            case SessionState.STREAMING:
                resend = self._sender.deadline_ms()
                soonest = self._keepalive_ms if resend is None else min(resend, self._keepalive_ms)
                return self._hold_until_ms or soonest
            case _:
                return self._due_ms

    # -- births ------------------------------------------------------------------------------------------

    def _begin(self, now_ms: int) -> None:
        """Start over: a birth without a session."""
        self._session = ""
        self.state = SessionState.BIRTH_SENT
        self._birth(now_ms, None)
        self._due_ms = now_ms + limits.BIRTH_TIMEOUT_MS

    def _birth(self, now_ms: int, session: str | None) -> Mapping[Stream, LaneState]:
        self._birth_uptime_ms = max(now_ms, self._birth_uptime_ms + 1)
        self._untold = False
        birth = Birth(
            nonce=self._nonce,
            session=session,
            incarnation=self.incarnation,
            boot=self._me.boot,
            reset=self._me.reset,
            uptime_ms=self._birth_uptime_ms,
            firmware=self._me.firmware,
            lanes=self._lanes.lanes(now_ms),
            extra=self._me.extra,
        )
        self._out.append(self._sealed(topics.Verb.BIRTH, encode_birth(birth)))
        return birth.lanes

    def _unanswered(self, now_ms: int) -> None:
        self._births += 1
        if self._births >= limits.BIRTHS_UNANSWERED_MAX:
            self._births = 0
            self.recognised = False
            self.state = SessionState.BACKOFF
            self._due_ms = now_ms + self._backoff.next_ms()
        elif self.state is SessionState.CONFIRMED:
            self._birth(now_ms, self._session)
            self._due_ms = now_ms + limits.BIRTH_TIMEOUT_MS
        else:
            self._begin(now_ms)

    # -- the hub's word ----------------------------------------------------------------------------------

    def _welcome(self, welcome: Welcome, now_ms: int, wall_ms: int) -> None:
        awaiting = self.state in (SessionState.BIRTH_SENT, SessionState.CONFIRMED)
        # An offer counts once: taken up again, what was acknowledged before could be said again.
        if welcome.nonce == self._nonce and awaiting and welcome.session != self._spent:
            self.incarnation = max(self.incarnation, welcome.incarnation)
            self.clock.heard(welcome.time_ms, wall_ms, now_ms)
            self._session, self._newest = welcome.session, (0, 0)
            self._sender.reset(now_ms)
            hold_ms = 1000 * min(welcome.hold_s, limits.HOLD_S_MAX)
            self._hold_until_ms = now_ms + hold_ms if hold_ms else 0
            self.state = SessionState.CONFIRMED
            self._confirming = self._birth(now_ms, self._session)
            self._due_ms = now_ms + limits.BIRTH_TIMEOUT_MS
        elif self._session and welcome.nonce == self._session and not awaiting:
            self._begin(now_ms)  # the hub does not know this session: it was restarted

    def _acknowledgement(self, ack: Acknowledgement, now_ms: int, wall_ms: int) -> None:
        speaking = self.state in (SessionState.CONFIRMED, SessionState.STREAMING)
        if not speaking or ack.session != self._session or (ack.incarnation, ack.n) <= self._newest:
            return
        self._newest = (ack.incarnation, ack.n)
        self.incarnation = max(self.incarnation, ack.incarnation)
        self.clock.heard(ack.time_ms, wall_ms, now_ms)
        self.fenced, self.missing, self.versions = ack.fenced, ack.missing, ack.versions
        if self.state is SessionState.CONFIRMED:
            self.state = SessionState.STREAMING
            self._spent = self._session
            self._lanes.listed(self._confirming)
            if self._untold:  # an epoch was opened since the birth that was just confirmed
                self._birth(now_ms, self._session)
            self._keepalive(now_ms)
        self._births = self._keepalives = 0
        self.recognised = True
        self._backoff.reset()
        match self._sender.take(ack.streams, now_ms):
            case Verdict.BIRTH:
                self._begin(now_ms)
            case Verdict.UPDATE if now_ms >= self._update_ms:
                self._update_ms = now_ms + limits.RESEND_FIRST_MS
                self._birth(now_ms, self._session)
            case _:
                pass

    # -- sending -----------------------------------------------------------------------------------------

    def _stream(self, now_ms: int, room: int) -> None:
        if now_ms < self._hold_until_ms:
            return
        self._hold_until_ms = 0
        lost = self._keepalives >= limits.RESENDS_BEFORE_BIRTH
        if self._sender.check_timeouts(now_ms) is Verdict.BIRTH or lost:
            self._keepalives = 0
            self._begin(now_ms)
            return
        while len(self._out) < room and (batch := self._sender.next_batch(now_ms)) is not None:
            self._send(batch, now_ms)
            self._keepalive(now_ms)
        if now_ms >= self._keepalive_ms:
            self._send(self._sender.keepalive(), now_ms)
            self._keepalives += 1
            self._keepalive(now_ms)

    def _keepalive(self, now_ms: int) -> None:
        swing = 1 + limits.KEEPALIVE_JITTER * (2 * self._random() - 1)
        self._keepalive_ms = now_ms + int(limits.KEEPALIVE_MS * swing)

    def _send(self, batch: Batch, now_ms: int) -> None:
        frame = Frame(
            session=self._session,
            epoch=batch.epoch,
            first=batch.run.first,
            prev=batch.run.prev,
            oldest=batch.oldest,
            highest=batch.highest,
            boot=self._me.boot,
            uptime_ms=now_ms,
            contexts=batch.run.contexts,
            lines=batch.run.lines,
        )
        self._out.append(self._sealed(batch.stream, encode_frame(frame)))

    def _sealed(self, kind: Stream | topics.Verb, body: bytes) -> Publish:
        topic = topics.up(self._me.device, kind)
        return Publish(topic, seal_message(self._me.up_key, topic, body))

    def _random(self) -> float:
        return int.from_bytes(self._random_bytes(4), "big") / 2**32

    def _token(self) -> str:
        return urlsafe_b64encode(self._random_bytes(16)).rstrip(b"=").decode()
