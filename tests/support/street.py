"""The hub's ingest on a real database, and devices whose every message is written by hand.

`Street` is a hub without broker, worker and core: what a message does is committed at once, unless a test
asks for less. `Kiosk` composes what a device would say: lines sealed to this hub, births, frames. Keys follow
from the devices' names; nothing here is a secret.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from sqlalchemy import Table

from hub.db.unit_of_work import UnitOfWork
from hub.ingest.apply import Incoming, Ingest, Outgoing
from hub.ingest.opening import Opener
from shared.model.attachment import Attachment
from shared.model.event import Stream
from shared.model.ids import new_event_id, new_reference
from shared.protocol import chain, topics
from shared.protocol.acknowledgement import Acknowledgement, Welcome, decode_answer
from shared.protocol.birth import Birth, LaneState, ListedEpoch, encode_birth
from shared.protocol.delivery import LANES, PROMISED
from shared.protocol.frame import Frame, encode_frame
from shared.protocol.keys import LinkKey, derive
from shared.protocol.lines import Stamp, compose
from shared.protocol.mac import open_message, seal_message
from shared.protocol.parsing import encode
from shared.protocol.sealing import HubSealingKey, SealingContext, place_of
from tests.simulation.device import secret_of
from tests.simulation.hub import Life, Registry
from tests.support.hub_database import NOW_MS, fresh_database, rows

DEVICES = ("kiosk-7", "bus-7")


@cache
def sealing_key() -> HubSealingKey:
    """The sealing key of every hub in these tests."""
    return HubSealingKey(bytes(range(96)))


@cache
def sealer(device: str) -> SealingContext:
    """A citizen's session on a device; sealing it once a run is enough."""
    key = hashlib.sha256(device.encode()).digest()
    return SealingContext(sealing_key().public(), device, f"c{key.hex()[:6]}", key)


class Chance:
    """Bytes that look random and are the same in every run."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, length: int) -> bytes:
        self._count += 1
        return hashlib.sha256(b"%d" % self._count).digest()[:length]


@dataclass(slots=True)
class Said:
    """What the hub answered, opened with the device's key."""

    device: str
    answer: Welcome | Acknowledgement

    @property
    def welcome(self) -> Welcome:
        assert isinstance(self.answer, Welcome)
        return self.answer

    @property
    def ack(self) -> Acknowledgement:
        assert isinstance(self.answer, Acknowledgement)
        return self.answer


class Street:
    """One hub and its devices.

    Attributes:
        registry: keys and fences; outlives every database.
        life: the incarnation.
        now_ms: the hub's clock.
        connection: the database; everything is committed between messages.
    """

    def __init__(
        self,
        devices: Sequence[str] = DEVICES,
        *,
        registry: Registry | None = None,
        opener: Opener | None = None,
        chance: Callable[[int], bytes] | None = None,
    ) -> None:
        self.registry = registry or Registry(devices)
        self.life = Life()
        self._opener = opener or Opener([sealing_key()])
        self._chance = chance or Chance()
        self.now_ms = NOW_MS
        self.connection = fresh_database().connect()
        self.start()

    def start(self) -> None:
        """A life of the hub begins."""
        self.ingest = Ingest(self.registry, self.life, self._opener, self._chance)

    def restart(self) -> None:
        self.life.value += 1
        self.start()

    def hear(self, *messages: Incoming, commit: bool = True) -> list[Said]:
        """Take messages in one transaction and return the answers, in their order."""
        uow = UnitOfWork(self.connection)
        out = self.ingest.apply(messages, uow, self.now_ms)
        uow.flush()
        if commit:
            self.connection.commit()
        else:
            self.connection.rollback()
        return [self._opened(each) for each in out]

    def enter(self, kiosk: "Kiosk") -> Acknowledgement:
        """The device opens a session."""
        (offer,) = self.hear(kiosk.birth())
        kiosk.session = offer.welcome.session
        (said,) = self.hear(kiosk.birth(kiosk.session))
        return said.ack

    def rows(self, table: Table) -> list[Mapping[str, Any]]:
        return rows(self.connection, table)

    def _opened(self, out: Outgoing) -> Said:
        device = out.topic.split("/")[2]
        key = self.registry.down_key(device)
        assert out.topic == topics.ack(device)
        return Said(device, decode_answer(open_message({key.id: key.key}, out.topic, out.payload)))


@dataclass(slots=True)
class Written:
    """One epoch of a device, as it stores it."""

    stream: Stream
    epoch: str
    device: str
    lines: list[bytes] = field(default_factory=list[bytes])
    oldest: int = 1

    def head(self, seq: int | None = None) -> bytes:
        value = chain.genesis(self.device, self.stream, self.epoch)
        for line in self.lines[: len(self.lines) if seq is None else seq]:
            value = chain.link(value, line)
        return value

    def listed(self) -> ListedEpoch:
        last = len(self.lines)
        return ListedEpoch(epoch=self.epoch, oldest=self.oldest, last=last, head=self.head())


class Kiosk:
    """A device, all of it written by hand.

    Attributes:
        session: the one that it speaks in.
        epochs: what is on its disk, by stream, oldest first.
        uptime_ms: since its boot; every line and birth adds one.
        clock_age_s: since its clock agreed with the hub's; None where it did not.
    """

    def __init__(self, name: str = DEVICES[0], *, seed: int = 0) -> None:
        self.name = name
        self.session = ""
        self.boot = 1
        self.incarnation = 0
        self.epochs: dict[Stream, list[Written]] = {stream: [] for stream in LANES}
        self._key: LinkKey = derive(secret_of(name)).up
        self._count = seed
        self._births = 0
        self.uptime_ms = 0
        self.clock_age_s: int | None = 5

    # -- what happens on the device ----------------------------------------------------------------------

    def restart(self) -> None:
        """The next line of each stream opens an epoch."""
        self.boot += 1
        for stream, epochs in self.epochs.items():
            name = hashlib.sha256(f"{self.name}|{self.boot}|{stream}".encode()).hexdigest()[:8]
            epochs.append(Written(stream, name, self.name))

    def take(
        self,
        kind: str,
        data: Mapping[str, object],
        stream: Stream,
        *,
        subject: str | None = None,
        event_id: str | None = None,
        time: str = "2026-11-21T09:59:00Z",
        attachments: Sequence[Attachment] = (),
    ) -> str:
        """Append an event to the open epoch; returns its id."""
        if attachments:
            data = {**data, "attachments": [one.to_data() for one in attachments]}
        self._count += 1
        if not self.epochs[stream]:
            name = hashlib.sha256(f"{self.name}|{stream}".encode()).hexdigest()[:8]
            self.epochs[stream].append(Written(stream, name, self.name))
        here = self.epochs[stream][-1]
        seq = len(here.lines) + 1
        event_id = event_id or new_event_id(NOW_MS, self._chance()[:10])
        stamp = Stamp(time, self.boot, self.uptime_ms + self._count, self.clock_age_s)
        payload: tuple[str, Any] = ("data", dict(data))
        if stream in PROMISED:
            place = place_of(self.name, stream, here.epoch, seq, event_id, kind)
            payload = ("sealed", sealer(self.name).seal(place, encode(data)))
        envelopes = [one.envelope for one in attachments]
        here.lines.append(compose(seq, event_id, kind, stamp, subject, payload, envelopes))
        return event_id

    def fee(self, amount_minor: int = 4_250, *, event_id: str | None = None) -> str:
        """Somebody paid a fee."""
        data = {"reference": "TASA-1", "concept": "basuras", "currency": "EUR", "method": "card"}
        data |= {"amount_minor": amount_minor}
        return self.take("payment.captured", data, Stream.PAYMENTS, event_id=event_id)

    def report(
        self,
        description: object = "Baldosa suelta",
        *,
        subject: str | None = None,
        event_id: str | None = None,
        time: str = "2026-11-21T09:59:00Z",
        attachments: Sequence[Attachment] = (),
    ) -> str:
        """Somebody reported an incident; a description that is no text makes no sense to the hub."""
        reference = new_reference(self._chance()[:16])
        data = {"reference": reference, "service_code": "aceras", "channel": "kiosk"}
        data |= {"description": description}
        return self.take(
            "incident.reported",
            data,
            Stream.CASES,
            subject=subject,
            event_id=event_id,
            time=time,
            attachments=attachments,
        )

    def state(self, state: str = "ok", key: str = "printer") -> str:
        """The device says how a part of it is."""
        return self.take("device.state", {"key": key, "state": state}, Stream.HEALTH)

    # -- what it says --------------------------------------------------------------------------------------

    def birth(self, session: str | None = None) -> Incoming:
        self._births += 1
        birth = Birth(
            nonce=f"nonce-{self._births}",
            session=session,
            incarnation=self.incarnation,
            boot=self.boot,
            uptime_ms=self.uptime_ms + self._births,
            lanes={
                stream: LaneState(epochs=[e.listed() for e in epochs])
                for stream, epochs in self.epochs.items()
            },
        )
        return self._sealed(topics.Verb.BIRTH, encode_birth(birth))

    def frame(
        self,
        stream: Stream,
        first: int = 1,
        last: int | None = None,
        *,
        of: Written | None = None,
        **more: Any,  # noqa: ANN401  members of the frame that are not what they should be
    ) -> Incoming:
        """Lines of the open epoch, or of another one."""
        here = of or self.epochs[stream][-1]
        lines = here.lines[first - 1 : len(here.lines) if last is None else last]
        frame = Frame(
            session=self.session,
            epoch=here.epoch,
            first=first,
            prev=here.head(first - 1),
            oldest=here.oldest,
            highest=len(here.lines),
            boot=self.boot,
            uptime_ms=1,
            contexts=self.contexts() if stream in PROMISED else {},
            lines=tuple(lines),
        )
        return self._sealed(stream, encode_frame(replace(frame, **more)))

    def frames(self, *streams: Stream) -> list[Incoming]:
        """Everything of some streams."""
        return [
            self.frame(stream, of=here)
            for stream in streams or LANES
            for here in self.epochs[stream]
            if here.lines
        ]

    def contexts(self) -> dict[str, str]:
        context = sealer(self.name).context
        return {context.id: context.sealed}

    def _chance(self) -> bytes:
        return hashlib.sha256(f"{self.name}|{self._count}".encode()).digest()

    def _sealed(self, kind: Stream | topics.Verb, body: bytes) -> Incoming:
        topic = topics.up(self.name, kind)
        return Incoming(topic, seal_message(self._key, topic, body))


def acked(said: Iterable[Said], stream: Stream) -> int:
    """Up to where the last acknowledgement says that the hub holds a stream."""
    return [each.ack.streams[stream].acked for each in said if stream in each.ack.streams][-1]
