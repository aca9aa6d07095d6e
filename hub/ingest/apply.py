"""Apply: every message that waits, in one transaction, and what to answer.

`Ingest.apply` is synchronous and knows no socket: the worker and the simulator call the same function. It
opens messages, learns from births, walks frames (`shared.protocol.delivery`) into each device's `Intake`, and
returns acknowledgements that the caller publishes after the commit, never before.

Source: docs/PROTOCOL.md, sections Session and The hub.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.db.unit_of_work import UnitOfWork
from hub.ingest.intake import Intake
from hub.ingest.opening import Opener
from hub.ingest.ports import Incarnation, KeyBook
from hub.ingest.sessions import Sessions, Standing
from hub.ingest.words import Words
from hub.usecases.take_event import gather
from shared.model.errors import InputError
from shared.model.event import Event, Stream
from shared.model.instants import is_trusted
from shared.protocol import chain, limits, topics
from shared.protocol.acknowledgement import (
    Acknowledgement,
    StreamAck,
    Welcome,
    encode_acknowledgement,
    encode_welcome,
)
from shared.protocol.birth import Birth, ListedEpoch, decode_birth
from shared.protocol.command import Result, decode_result
from shared.protocol.delivery import LANES, HubEpoch, confirm, listed_epochs, receive, standing, update
from shared.protocol.frame import Frame, decode_frame
from shared.protocol.mac import MacError, open_message, seal_message
from shared.protocol.reported import Reported, decode_reported


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as the broker delivered it."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish once the transaction is committed."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Opened:
    device: str
    kind: Stream | topics.Verb
    message: Birth | Frame | Reported | Result


class Ingest:
    """The hub's half of delivery, around one database."""

    def __init__(
        self,
        keys: KeyBook,
        incarnation: Incarnation,
        opener: Opener,
        random_bytes: Callable[[int], bytes],
        *,
        credit_lines: int = limits.CREDIT_LINES,
        hold_s_max: int = 0,
    ) -> None:
        """Begin without sessions.

        Args:
            keys: the key registry.
            incarnation: this life of the hub.
            opener: opens what is sealed to the hub.
            random_bytes: `secrets.token_bytes`, or a test's own.
            credit_lines: lines per stream that a device may have in flight; 0 stops the frames.
            hold_s_max: upper end of the pause that a welcome asks for, drawn at random.
        """
        self.credit_lines = credit_lines
        self.hold_s_max = hold_s_max
        self.refused: Counter[str] = Counter()
        self.sessions = Sessions(random_bytes)
        self._keys = keys
        self._incarnation = incarnation
        self._opener = opener
        self._random_bytes = random_bytes
        self._told_ms: dict[tuple[str, str], int] = {}
        self._words = Words()

    def apply(self, messages: Iterable[Incoming], uow: UnitOfWork, now_ms: int) -> Sequence[Outgoing]:
        """Take messages and return the answers.

        Args:
            messages: in the order in which they came.
            uow: the transaction; the caller commits it, and calls `forget` if that fails.
            now_ms: the hub's clock, Unix epoch.
        """
        opened = [found for message in messages if (found := self._open(message, uow, now_ms)) is not None]
        devices = {item.device for item in opened}
        intakes = {device: Intake(device, uow, self._keys, self._opener, now_ms) for device in devices}
        uow.delivery.load(devices)
        uow.attachments.load(devices)
        self._read_ahead(opened, intakes, uow)
        welcomes: list[Outgoing] = []
        answers: dict[str, set[Stream]] = {}
        for item in opened:
            intake = intakes[item.device]
            match item.message:
                case Birth():
                    welcome, streams = self._birth(item.device, item.message, intake, uow, now_ms)
                case Frame():
                    welcome, streams = self._frame(item, item.message, intake, uow, now_ms)
                case _:
                    welcome, streams = self._word(item.device, item.message, uow, now_ms)
            if welcome is not None:
                welcomes.append(welcome)
            if streams:
                answers.setdefault(item.device, set()).update(streams)
        return [*welcomes, *(self._acknowledge(d, streams, uow, now_ms) for d, streams in answers.items())]

    def forget(self, devices: Iterable[str]) -> None:
        """Drop sessions: a transaction with births of these devices failed, and was not committed."""
        self.sessions.forget(devices)

    def tell(self, device: str, uow: UnitOfWork, now_ms: int) -> Outgoing | None:
        """Say unasked how a device stands, after a decision about it; None where it speaks in no session."""
        if self.sessions.current(device) is None:
            return None
        uow.delivery.load({device})
        return self._acknowledge(device, set(LANES), uow, now_ms)

    # -- messages ----------------------------------------------------------------------------------------

    def _open(self, message: Incoming, uow: UnitOfWork, now_ms: int) -> _Opened | None:
        """Open a message whose MAC holds; count, note and drop any other."""
        device = "unknown"
        try:
            topic = topics.parse_up(message.topic)
            keys = self._keys.keys_of(topic.device)
            device = topic.device if keys else "unknown"
            if len(message.payload) > limits.BIRTH_BYTES_MAX:
                self._refuse("oversized", device, uow, now_ms)
                return None
            body = open_message(keys, message.topic, message.payload)
            match topic.kind:
                case topics.Verb.BIRTH:
                    return _Opened(topic.device, topic.kind, decode_birth(body))
                case Stream():
                    return _Opened(topic.device, topic.kind, decode_frame(body))
                case topics.Verb.REPORTED:
                    return _Opened(topic.device, topic.kind, decode_reported(body))
                case topics.Verb.RESULT:
                    return _Opened(topic.device, topic.kind, decode_result(body))
                case _:
                    return None
        except MacError:
            self._refuse("forged", device, uow, now_ms)
        except InputError:
            self._refuse("malformed", device, uow, now_ms)
        return None

    def _refuse(self, cause: str, device: str, uow: UnitOfWork, now_ms: int) -> None:
        """Count a refused message; tell a clerk once a minute per device and cause."""
        self.refused[cause] += 1
        since_ms = now_ms - self._told_ms.get((device, cause), -_TELL_EVERY_MS)
        if not 0 <= since_ms < _TELL_EVERY_MS:  # below 0 the hub's clock was set back
            self._told_ms[device, cause] = now_ms
            uow.delivery.raise_exception(cause, None if device == "unknown" else device, {}, now_ms)

    def _read_ahead(self, opened: Iterable[_Opened], intakes: Mapping[str, Intake], uow: UnitOfWork) -> None:
        """Open every line that may be new, so that a few look-ups serve them all."""
        events: list[Event] = []
        ids: set[tuple[str, str]] = set()
        for item in opened:
            if not isinstance(item.message, Frame) or item.kind not in LANES:
                continue
            here = uow.delivery.epochs(item.device, Stream(item.kind)).get(item.message.epoch)
            if here is None:
                continue
            for raw in item.message.lines:
                match = _LINE_START.match(raw)
                if match is not None and (seq := int(match[1])) > here.watermark:
                    line = intakes[item.device].read_ahead(here, seq, raw, item.message.contexts)
                    ids.add((item.device, line.line.id))
                    if line.event is not None:
                        events.append(line.event)
        uow.delivery.look_up(ids)
        uow.delivery.load_anchors({e.device for e in events if not is_trusted(e.clock_age_s)})
        gather(events, uow)

    # -- births ------------------------------------------------------------------------------------------

    def _birth(
        self, device: str, birth: Birth, intake: Intake, uow: UnitOfWork, now_ms: int
    ) -> tuple[Outgoing | None, Sequence[Stream]]:
        if self._incarnation.value < birth.incarnation < _INCARNATION_MAX:
            uow.delivery.raise_exception("hub_behind", device, {"seen": birth.incarnation}, now_ms)
            self._incarnation.rise_above(birth.incarnation)
        if birth.session is None:
            return self._welcome(device, birth.nonce, now_ms), ()
        uow.delivery.recall(device, {e.epoch for lane in birth.lanes.values() for e in lane.epochs})
        match self.sessions.confirm(device, birth.session, now_ms):
            case Standing.UNKNOWN:
                return self._welcome(device, birth.nonce, now_ms), ()
            case Standing.OPENED:
                welcomed_ms = self.sessions.begun_ms(device)
                if not uow.delivery.born(device, birth, now_ms, welcomed_ms=welcomed_ms):
                    detail = {"boot": birth.boot, "uptime_ms": birth.uptime_ms}
                    uow.delivery.raise_exception("clock_of_births", device, detail, now_ms)
                for stream in LANES:
                    known, listed = uow.delivery.epochs(device, stream), _listed(birth, stream)
                    confirm(known, listed, opening(device, stream), intake)
            case Standing.CURRENT:
                for stream in LANES:
                    known, listed = uow.delivery.epochs(device, stream), _listed(birth, stream)
                    update(known, listed, opening(device, stream))
        return None, LANES

    def _welcome(self, device: str, nonce: str, now_ms: int) -> Outgoing:
        welcome = Welcome(
            nonce=nonce,
            session=self.sessions.offer(device, nonce, now_ms),
            incarnation=self._incarnation.value,
            time_ms=now_ms,
            hold_s=self._random_bytes(1)[0] * self.hold_s_max // 256,
        )
        return self._sealed(device, encode_welcome(welcome))

    # -- frames ------------------------------------------------------------------------------------------

    def _frame(
        self, item: _Opened, frame: Frame, intake: Intake, uow: UnitOfWork, now_ms: int
    ) -> tuple[Outgoing | None, Sequence[Stream]]:
        session = self.sessions.current(item.device)
        if session is None and self.sessions.may_welcome(item.device, now_ms):
            return self._welcome(item.device, frame.session, now_ms), ()
        if session != frame.session or item.kind not in LANES:
            self.refused["other_session"] += 1
            return None, ()
        intake.contexts = frame.contexts
        stream = Stream(item.kind)
        try:
            receive(listed_epochs(uow.delivery.epochs(item.device, stream)), frame, intake)
        except InputError:
            self._refuse("malformed", item.device, uow, now_ms)
        return None, (stream,) if frame.lines else LANES

    # -- words on settings, bundles and commands ----------------------------------------------------------

    def _word(
        self, device: str, word: Reported | Result, uow: UnitOfWork, now_ms: int
    ) -> tuple[Outgoing | None, Sequence[Stream]]:
        if word.session != self.sessions.current(device):
            self.refused["other_session"] += 1
        elif not self._words.hear(device, word, uow, now_ms):
            self.refused["older"] += 1
        return None, ()

    # -- answers -----------------------------------------------------------------------------------------

    def _acknowledge(self, device: str, streams: set[Stream], uow: UnitOfWork, now_ms: int) -> Outgoing:
        answers: dict[Stream, StreamAck] = {}
        for stream in LANES:
            here = standing(listed_epochs(uow.delivery.epochs(device, stream))) if stream in streams else None
            if here is not None:
                answers[stream] = StreamAck(
                    epoch=here.epoch,
                    acked=here.watermark,
                    head=None if here.by_id else here.chain,
                    credit=self.credit_lines,
                )
        ack = Acknowledgement(
            incarnation=self._incarnation.value,
            n=self.sessions.next_number(),
            session=self.sessions.current(device) or "",
            streams=answers,
            time_ms=now_ms,
            fenced=self._keys.is_fenced(device),
            missing=uow.attachments.missing(device),
        )
        return self._sealed(device, encode_acknowledgement(ack))

    def _sealed(self, device: str, body: bytes) -> Outgoing:
        topic = topics.ack(device)
        return Outgoing(topic, seal_message(self._keys.down_key(device), topic, body))


def _listed(birth: Birth, stream: Stream) -> Sequence[ListedEpoch]:
    lane = birth.lanes.get(stream)
    return lane.epochs if lane is not None else ()


def opening(device: str, stream: Stream) -> Callable[[str], HubEpoch]:
    """Return what makes the hub's memory of an epoch that it hears of for the first time."""

    def open_epoch(epoch: str) -> HubEpoch:
        return HubEpoch(stream=stream, epoch=epoch, chain=chain.genesis(device, stream, epoch))

    return open_epoch


_TELL_EVERY_MS: Final = 60_000
_INCARNATION_MAX: Final = 2**52
"""No hub starts so often: a device that claims more lies, and following it would use up the numbers."""
_LINE_START: Final = re.compile(rb'\{"seq":(\d{1,16}),"id"')
