"""Frames as devices would send them, made ahead, so that a bench measures the hub alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from secrets import token_bytes, token_hex

from sqlalchemy import Connection

from hub.db.unit_of_work import UnitOfWork
from hub.db.writer import Writer
from hub.ingest.apply import Incoming, Ingest, Outgoing
from hub.ingest.opening import Opener
from shared.model.event import Stream
from shared.model.ids import EVENT_ID_RANDOM_BYTES, new_event_id
from shared.protocol import chain, topics
from shared.protocol.acknowledgement import decode_answer
from shared.protocol.birth import Birth, LaneState, ListedEpoch, encode_birth
from shared.protocol.frame import Frame, encode_frame
from shared.protocol.keys import LinkKey, LinkKeys, derive
from shared.protocol.lines import Stamp, compose
from shared.protocol.mac import open_message, seal_message
from shared.protocol.parsing import encode
from shared.protocol.sealing import HubSealingKey, SealingContext, place_of

NOW_MS = 1_795_255_200_000
STAMP = Stamp("2026-11-21T10:00:00Z", 1, 1000, 0)


class Keys:
    """A key registry for devices that exist in memory alone."""

    def __init__(self, devices: Sequence[str]) -> None:
        self.links: dict[str, LinkKeys] = {device: derive(token_bytes(32)) for device in devices}
        self._up = {device: {keys.up.id: keys.up.key} for device, keys in self.links.items()}

    def keys_of(self, device: str) -> dict[str, bytes]:
        return self._up.get(device, {})

    def down_key(self, device: str) -> LinkKey:
        return self.links[device].down

    def enrolled_ms(self, device: str) -> int | None:
        return None

    def is_fenced(self, device: str) -> bool:
        return False

    def fence(self, device: str, reason: str) -> None:
        raise AssertionError(f"{device} fenced: {reason}")


@dataclass(slots=True)
class Life:
    """The incarnation of a hub that never restarts."""

    value: int = 1

    def rise_above(self, seen: int) -> None:
        self.value = max(self.value, seen + 1)

    def keep(self) -> None:
        """There is nothing to keep it in."""


class Street:
    """Devices with one epoch each, in session with an ingest."""

    def __init__(self, devices: int, opener_key: HubSealingKey) -> None:
        self.names = [f"bus-{n}" for n in range(devices)]
        self.keys = Keys(self.names)
        self.ingest = Ingest(self.keys, Life(), Opener([opener_key]), token_bytes)
        public = opener_key.public()
        self._contexts = {
            name: SealingContext(public, name, token_hex(2), token_bytes(32)) for name in self.names
        }
        self._epochs = {name: token_hex(4) for name in self.names}
        self._heads = {name: chain.genesis(name, Stream.PAYMENTS, self._epochs[name]) for name in self.names}
        self._last = dict.fromkeys(self.names, 0)
        self._sessions: dict[str, str] = {}
        self._counters = count(1)

    def enter(self, writer: Writer) -> None:
        """Birth, welcome, confirmed birth, for every device."""
        for step in (False, True):
            births = [self._birth(name, confirmed=step) for name in self.names]
            answers = writer.submit(lambda connection, b=births: self._apply(b, connection)).result()
            for answer in answers:
                name = answer.topic.split("/")[2]
                down = self.keys.links[name].down
                body = open_message({down.id: down.key}, answer.topic, answer.payload)
                self._sessions[name] = decode_answer(body).session

    def frames(self, frames: int, lines: int) -> Iterator[tuple[str, bytes]]:
        """Topic and payload of frames of so many taps each, device by device in turn."""
        for number in range(frames):
            yield self._frame(self.names[number % len(self.names)], lines)

    def _apply(self, births: Sequence[Incoming], connection: Connection) -> Sequence[Outgoing]:
        uow = UnitOfWork(connection)
        answers = self.ingest.apply(births, uow, NOW_MS)
        uow.flush()
        return answers

    def _birth(self, name: str, *, confirmed: bool) -> Incoming:
        listed = ListedEpoch(epoch=self._epochs[name], oldest=1, last=0, head=self._heads[name])
        birth = Birth(
            nonce="n" * 22,
            session=self._sessions[name] if confirmed else None,
            incarnation=0,
            boot=1,
            uptime_ms=1,
            lanes={Stream.PAYMENTS: LaneState(epochs=[listed])},
        )
        topic = topics.up(name, topics.Verb.BIRTH)
        return Incoming(topic, seal_message(self.keys.links[name].up, topic, encode_birth(birth)))

    def _frame(self, name: str, lines: int) -> tuple[str, bytes]:
        context, epoch, prev = self._contexts[name], self._epochs[name], self._heads[name]
        first, made = self._last[name] + 1, []
        for seq in range(first, first + lines):
            raw = payment_line(name, context, epoch, seq, self._counters)
            self._heads[name] = chain.link(self._heads[name], raw)
            made.append(raw)
        self._last[name] += lines
        frame = Frame(
            session=self._sessions[name],
            epoch=epoch,
            first=first,
            prev=prev,
            oldest=1,
            highest=self._last[name],
            boot=1,
            uptime_ms=1000,
            contexts={context.context.id: context.context.sealed},
            lines=tuple(made),
        )
        topic = topics.up(name, Stream.PAYMENTS)
        return topic, seal_message(self.keys.links[name].up, topic, encode_frame(frame))


def payment_line(
    device: str, context: SealingContext, epoch: str, seq: int, counters: Iterator[int]
) -> bytes:
    """Make an event's line: half of them are taps, half are fees."""
    event_id = new_event_id(NOW_MS, token_bytes(EVENT_ID_RANDOM_BYTES))
    if seq % 2:
        kind, subject = "tap.charged", token_hex(8)
        data: dict[str, object] = {
            "counter": next(counters),
            "amount_minor": 65,
            "currency": "EUR",
            "product": "1",
        }
    else:
        kind, subject = "payment.captured", None
        data = {
            "reference": "T" + token_hex(2),
            "concept": "agua",
            "amount_minor": 4250,
            "currency": "EUR",
            "method": "card",
        }
    place = place_of(device, Stream.PAYMENTS, epoch, seq, event_id, kind)
    return compose(seq, event_id, kind, STAMP, subject, ("sealed", context.seal(place, encode(data))))
