"""The counterpart: the hub that the device speaks to. Honest, unless a trial tells it otherwise.

It decides with the hub's own state machine (`shared.protocol.delivery`), and keeps everything in memory: a
run is over in a minute. Trials mute it, lower its credit, or speak in its place.
"""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_bytes
from typing import Final, Protocol

from hub.conform.listener import Listener
from hub.conform.verdicts import Verdicts
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol import chain, limits, topics
from shared.protocol.acknowledgement import (
    Acknowledgement,
    StreamAck,
    Welcome,
    encode_acknowledgement,
    encode_welcome,
)
from shared.protocol.birth import Birth, decode_birth
from shared.protocol.delivery import (
    LANES,
    HubEpoch,
    LossReason,
    confirm,
    listed_epochs,
    receive,
    standing,
    update,
)
from shared.protocol.frame import Frame, decode_frame
from shared.protocol.keys import LinkKey
from shared.protocol.mac import MacError, open_message, seal_message

INCARNATION: Final = 7


class Wire(Protocol):
    """The broker between kit and device."""

    def next(self, timeout_s: float) -> tuple[str, bytes] | None:
        """Return the next message of the device, topic and payload; None if none comes in time."""
        ...

    def publish(self, topic: str, payload: bytes) -> None:
        """Say something to the device."""
        ...

    def now_s(self) -> float:
        """Return monotonic time."""
        ...


class Keys(Protocol):
    """The link keys of the device, once it is enrolled."""

    def keys_of(self, device: str) -> Mapping[str, bytes]:
        """Return the keys under which it speaks, by key id."""
        ...

    def down_key(self, device: str) -> LinkKey:
        """Return the key under which the hub speaks to it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message of the device whose MAC holds.

    Attributes:
        at_s: monotonic time at which it came.
        birth: where it is one.
        frame: where it is one, and on which lane.
    """

    at_s: float
    birth: Birth | None = None
    frame: Frame | None = None
    stream: Stream | None = None

    @property
    def lines(self) -> int:
        """How many lines it carries."""
        return len(self.frame.lines) if self.frame is not None else 0


class Counterpart:
    """The hub's side of one device.

    Attributes:
        welcomes: whether births are answered.
        acknowledges: whether frames are.
        hold_s: the pause that welcomes ask for.
        credit: lines that may be in flight.
        fenced: what acknowledgements say of the device.
        session: the session that it speaks in; empty without one.
        listener: what the device has said so far.
    """

    def __init__(self, wire: Wire, keys: Keys, listener: Listener, verdicts: Verdicts) -> None:
        """Begin without a session.

        Args:
            wire: the broker.
            keys: the link keys.
            listener: judges everything that comes.
            verdicts: where the rest goes.
        """
        self.welcomes = self.acknowledges = True
        self.hold_s = 0
        self.credit = limits.CREDIT_LINES
        self.fenced = False
        self.session = ""
        self.listener = listener
        self.verdicts = verdicts
        self._wire = wire
        self._keys = keys
        self._device = listener.device
        self._offer = ""
        self._sessions: set[str] = set()
        self._n = 0
        self._epochs: dict[Stream, dict[str, HubEpoch]] = {stream: {} for stream in LANES}
        self._ids: set[tuple[Stream, str, int]] = set()

    def now_s(self) -> float:
        """Return monotonic time."""
        return self._wire.now_s()

    # ---- listening

    def hear(self, timeout_s: float) -> Said | None:
        """Wait for the next message that counts, judge it, and answer it."""
        deadline_s = self.now_s() + timeout_s
        while (left_s := deadline_s - self.now_s()) > 0:
            came = self._wire.next(left_s)
            said = self._read(*came) if came is not None else None
            if said is not None:
                self._answer(said)
                return said
        return None

    def until(self, wanted: Callable[[Said], bool], timeout_s: float) -> Said | None:
        """Listen until something wanted is said; None if it is not in time."""
        deadline_s = self.now_s() + timeout_s
        while (left_s := deadline_s - self.now_s()) > 0:
            said = self.hear(left_s)
            if said is not None and wanted(said):
                return said
        return None

    def during(self, seconds: float) -> list[Said]:
        """Listen for a while and return all that was said."""
        said: list[Said] = []
        self.until(lambda each: said.append(each) is not None, seconds)
        return said

    def _read(self, topic: str, payload: bytes) -> Said | None:
        judge = self.verdicts
        try:
            where = topics.parse_up(topic)
            body = open_message(self._keys.keys_of(self._device), topic, payload)
        except MacError:
            judge.broke("T-3", f"{topic}: no MAC that holds")
            return None
        except InputError as error:
            judge.broke("L-1", f"{topic}: {error}")
            return None
        judge.held("T-3")
        try:
            if where.kind is topics.Verb.BIRTH:
                birth = decode_birth(body)
                self.listener.birth(birth)
                return Said(at_s=self.now_s(), birth=birth)
            if isinstance(where.kind, Stream):
                frame = decode_frame(body)
                judge.held("L-6")
                self.listener.frame(where.kind, frame, self._sessions)
                return Said(at_s=self.now_s(), frame=frame, stream=where.kind)
        except InputError as error:
            judge.broke("L-6" if len(body) > limits.FRAME_BYTES_MAX else "L-1", f"{topic}: {error}")
        return None

    # ---- the honest hub

    def _answer(self, said: Said) -> None:
        birth, frame = said.birth, said.frame
        if birth is not None and self.welcomes:
            if birth.session is None or birth.session not in (self._offer, self.session):
                self.welcome(birth.nonce)
            else:
                self._confirm(birth)
                self.acknowledge()
        elif frame is not None and self.acknowledges and frame.session == self.session:
            if said.stream is not None and said.stream in LANES:
                self._receive(said.stream, frame)
            self.acknowledge(lanes=(said.stream,) if said.lines and said.stream is not None else LANES)

    def welcome(self, nonce: str, *, misleads: bool = False, forged: bool = False) -> str:
        """Offer a session to whoever has this nonce, and return it.

        Args:
            nonce: whose offer it is.
            misleads: the offer is not meant: whoever takes it up was misled.
            forged: under a MAC that does not hold; not meant either.
        """
        offer = urlsafe_b64encode(token_bytes(16)).rstrip(b"=").decode()
        welcome = Welcome(
            nonce=nonce,
            session=offer,
            incarnation=INCARNATION,
            time_ms=time.time_ns() // 1_000_000,
            hold_s=self.hold_s,
        )
        if not (misleads or forged):
            self._offer = offer
            self._sessions.add(offer)
        self._say(encode_welcome(welcome), forged=forged)
        return offer

    def _confirm(self, birth: Birth) -> None:
        for stream in LANES:
            lane = birth.lanes.get(stream)
            listed = lane.epochs if lane is not None else ()
            if birth.session == self._offer:
                confirm(self._epochs[stream], listed, self._opening(stream), self)
            else:
                update(self._epochs[stream], listed, self._opening(stream))
        if birth.session == self._offer:
            self.session, self._offer = self._offer, ""
            self.listener.incarnation = INCARNATION

    def _opening(self, stream: Stream) -> Callable[[str], HubEpoch]:
        def opened(epoch: str) -> HubEpoch:
            return HubEpoch(stream=stream, epoch=epoch, chain=chain.genesis(self._device, stream, epoch))

        return opened

    def _receive(self, stream: Stream, frame: Frame) -> None:
        try:
            receive(listed_epochs(self._epochs[stream]), frame, self)
        except InputError as error:
            self.verdicts.broke("L-1", f"{stream}: {error}")

    def knows(self, epoch: HubEpoch, seq: int, raw: bytes) -> bool:  # noqa: ARG002  the port's words
        """Tell whether a number was taken; implements delivery's `Sink` with the methods that follow."""
        return (epoch.stream, epoch.epoch, seq) in self._ids

    def take(self, epoch: HubEpoch, seq: int, raw: bytes) -> None:  # noqa: ARG002  likewise
        """Take a line."""
        self._ids.add((epoch.stream, epoch.epoch, seq))

    def lose(
        self, epoch: HubEpoch, first: int, last: int, reason: LossReason, *, possibly_more: bool
    ) -> None:
        """Note nothing: the listener judges what is missing."""

    def fence(self, epoch: HubEpoch, reason: LossReason) -> None:
        """Note that the device contradicts what it said before."""
        self.verdicts.broke("L-3", f"{epoch.stream} {epoch.epoch}: {reason}")

    # ---- speaking

    def standing(self, stream: Stream) -> HubEpoch | None:
        """Return the epoch that an honest acknowledgement names."""
        return standing(listed_epochs(self._epochs[stream]))

    def acknowledge(
        self, other: Mapping[Stream, StreamAck] | None = None, *, lanes: Sequence[Stream] = LANES
    ) -> None:
        """Say how far lanes are; for some of them something else."""
        streams: dict[Stream, StreamAck] = {}
        for stream in lanes:
            here = self.standing(stream)
            if here is not None:
                streams[stream] = StreamAck(
                    epoch=here.epoch, acked=here.watermark, head=here.chain, credit=self.credit
                )
                known = self.listener.heard(stream, here.epoch)
                known.acked = max(known.acked, here.watermark)
        self._n += 1
        self.say({**streams, **(other or {})}, n=self._n)

    def say(
        self,
        streams: Mapping[Stream, StreamAck],
        *,
        n: int | None = None,
        session: str | None = None,
        forged: bool = False,
    ) -> None:
        """Say an acknowledgement, with another number or session than the honest one, or forged."""
        ack = Acknowledgement(
            incarnation=INCARNATION,
            n=self._n if n is None else n,
            session=self.session if session is None else session,
            streams=streams,
            time_ms=time.time_ns() // 1_000_000,
            fenced=self.fenced,
        )
        self._say(encode_acknowledgement(ack), forged=forged)

    def _say(self, body: bytes, *, forged: bool) -> None:
        topic = topics.ack(self._device)
        key = self._keys.down_key(self._device)
        if forged:
            key = LinkKey(key.id, bytes(len(key.key)))
        self._wire.publish(topic, seal_message(key, topic, body))
