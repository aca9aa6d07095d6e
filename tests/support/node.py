"""A beacon's firmware in this process, against the hub's own ingest, in virtual time; faults from a seed."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beacon_node.firmware import delivery
from beacon_node.firmware.answers import MessageError
from beacon_node.firmware.delivery import Session
from beacon_node.firmware.mac import hkdf
from beacon_node.firmware.ring import Ring
from beacon_node.firmware.stamps import event_id
from hub.db.unit_of_work import UnitOfWork
from hub.ingest.apply import Incoming
from tests.simulation.device import secret_of
from tests.support.street import Street

NODE = "beacon-3"
STEP_MS = 700
DRAIN_STEPS = 1_500


class NodeStreet(Street):
    """A hub whose answers are handed on as they are."""

    def __init__(self) -> None:
        super().__init__((NODE,))

    def answers(self, topic: str, payload: bytes) -> list[tuple[str, bytes]]:
        """Take a message, commit, and return what the hub says."""
        uow = UnitOfWork(self.connection)
        out = self.ingest.apply([Incoming(topic, payload)], uow, self.now_ms)
        uow.flush()
        self.connection.commit()
        return [(each.topic, each.payload) for each in out]


@dataclass(slots=True)
class Me:
    """Who speaks."""

    boot: int
    device: str = NODE
    reset: str = "power_on"
    firmware: str = "1.0.0"
    up_key: bytes = field(default_factory=lambda: hkdf(secret_of(NODE), b"vt1 up"))
    down_keys: tuple[bytes, ...] = field(default_factory=lambda: (hkdf(secret_of(NODE), b"vt1 down"),))
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Line:
    """What the node said."""

    stream: str
    epoch: str
    seq: int
    event_id: str
    key: str


class NodeWorld:
    """One node, one hub, and a wire between them.

    Args:
        folder: where the ring lies.
        seed: of every fault.
        rough: how often a message is lost, doubled or late, from 0 to 1.
    """

    ring_class: type[Ring] = Ring
    session_class: type[Session] = Session

    def __init__(self, folder: Path, seed: int, *, rough: float = 0.0) -> None:
        self.rng = random.Random(seed)
        self.hub = NodeStreet()
        self.rough = rough
        self.said: list[Line] = []
        self.refused = 0
        self.most_in_flight = 0
        self._folder = folder
        self._wire: list[tuple[int, str, bytes]] = []
        self._now_ms = 0
        self._boot = 0
        self._incarnation = 0
        self.start()

    # -- lives

    def start(self) -> None:
        """The node boots: what was in memory is gone."""
        self._boot += 1
        self._boot_ms = self._now_ms
        ring = str(self._folder / "ring")
        self.ring = self.ring_class(ring, NODE, self.rng.randbytes(4).hex(), 9_000, 9_000)
        self.session = self.session_class(Me(self._boot), self.ring, self.rng.randbytes, self._incarnation)
        self.link_up()

    def link_up(self) -> None:
        """The link is there."""
        self.session.will()
        self.session.link_up(self.uptime_ms)

    def link_down(self) -> None:
        """The link is gone, and what was on it."""
        self.session.link_down()
        self._wire.clear()

    @property
    def uptime_ms(self) -> int:
        """Since the boot."""
        return self._now_ms - self._boot_ms

    # -- what happens

    def say(self, stream: str, key: str) -> None:
        """The node says something."""
        drawn = event_id(self.hub.now_ms, self.rng.randbytes(10))
        data = f'{{"key":"{key}","state":"ok"}}' if stream == "health" else '{"frames":1}'
        kind = "device.state" if stream == "health" else "device.counters"
        told: list[int] = []

        def make(seq: int) -> bytes:
            told.append(seq)
            line = (
                f'{{"seq":{seq},"id":"{drawn}","type":"{kind}","time":"2026-11-21T10:00:00Z",'
                f'"boot":{self._boot},"uptime_ms":{self.uptime_ms},"data":{data}}}'
            )
            return line.encode()

        if self.ring.append(stream, make):
            self.session.epoch_opened(self.uptime_ms)
        self.said.append(Line(stream, self.ring.epoch, told[-1], drawn, key))

    def step(self) -> None:
        """Let time pass: the node speaks, the wire carries, the hub answers."""
        self._now_ms += STEP_MS
        self.hub.now_ms += STEP_MS
        for topic, payload in self.session.tick(self.uptime_ms):
            self._send(topic, payload)
        self._incarnation = max(self._incarnation, self.session.incarnation)
        due = [each for each in self._wire if each[0] <= self._now_ms]
        self._wire = [each for each in self._wire if each[0] > self._now_ms]
        for _, topic, payload in due:
            if "/up/" in topic:
                for answer_topic, answer in self.hub.answers(topic, payload):
                    self._send(answer_topic, answer)
            else:
                self.hear(topic, payload)

    def hear(self, topic: str, payload: bytes) -> None:
        """A message reaches the node."""
        try:
            self.session.receive(topic, payload, self.uptime_ms, self.hub.now_ms)
        except MessageError:
            self.refused += 1

    def _send(self, topic: str, payload: bytes) -> None:
        draw = self.rng.random
        assert len(payload) <= 4096 or topic.endswith("/birth")
        if draw() < self.rough:
            return
        delay_ms = 0 if draw() >= self.rough else self.rng.choice((2_000, 15_000, 90_000))
        self._wire.append((self._now_ms + delay_ms, topic, payload))
        if draw() < self.rough:
            self._wire.append((self._now_ms + self.rng.randrange(20_000), topic, payload))

    # -- the end

    def live(self, steps: int) -> None:
        """Say things while everything happens that can."""
        for _ in range(steps):
            draw = self.rng.random()
            if draw < 0.45:
                self.say(self.rng.choice(("health", "telemetry")), f"k{self.rng.randrange(4)}")
            elif draw < 0.46:
                self.start()
            elif draw < 0.47:
                self.hub.restart()
            elif draw < 0.48:
                self.link_down()
            if self.session.state == delivery.OFF and self.rng.random() < 0.03:
                self.link_up()
            self.step()

    def drain(self) -> None:
        """No more faults: everything must arrive."""
        self.rough = 0.0
        if self.session.state == delivery.OFF:
            self.link_up()
        for _ in range(DRAIN_STEPS):
            self.step()
            if self.session.state == delivery.STREAMING and not self.waiting():
                return

    def waiting(self) -> list[str]:
        """What the hub has not acknowledged."""
        return [
            f"{stream} {name} {acked} of {last}"
            for stream, lane in self.ring.lanes.items()
            for name, _, last, _, acked in lane.epochs()
            if acked < last
        ]
