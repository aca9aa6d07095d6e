"""The broker between devices and hub: a wire, never a store, and hostile where a run says so."""

import random
from collections.abc import Callable
from dataclasses import dataclass

ARCHIVE_MAX = 400
DELAYS_MS = (500, 2_000, 8_000, 30_000, 120_000)


@dataclass(frozen=True, slots=True)
class Message:
    """A message under way: who it is for (`hub` or a device's name), topic and payload."""

    to: str
    topic: str
    payload: bytes


@dataclass(slots=True, kw_only=True)
class Temper:
    """How often the broker misbehaves, each from 0 to 1."""

    drop: float = 0.0
    double: float = 0.0
    delay: float = 0.0
    forge: float = 0.0


class Wire:
    """Carries messages after a while, or not, or twice, or another one."""

    def __init__(
        self,
        rng: random.Random,
        temper: Temper,
        later: Callable[[int, Message], None],
        hit: Callable[[str], None],
    ) -> None:
        """Take how to deliver after a delay in ms, and where to count what was done to messages."""
        self._rng = rng
        self.temper = temper
        self._later = later
        self._hit = hit
        self._archive: list[Message] = []

    def send(self, message: Message) -> None:
        """Carry a message."""
        draw, temper = self._rng.random, self.temper
        self._archive.append(message)
        if len(self._archive) > ARCHIVE_MAX:
            del self._archive[self._rng.randrange(ARCHIVE_MAX // 2)]
        if draw() < temper.drop:
            self._hit("lost on the wire")
            return
        if draw() < temper.double:
            self._hit("doubled on the wire")
            self._later(20 + self._rng.randrange(6_000), message)
        if draw() < temper.delay:
            self._hit("reordered on the wire")
            self._later(self._rng.choice(DELAYS_MS), message)
        else:
            self._later(20 + self._rng.randrange(60), message)
        if draw() < temper.forge:
            self.replay()

    def replay(self) -> None:
        """Send something again that was seen before: as it was, altered, or as another device's."""
        message = self._rng.choice(self._archive)
        match self._rng.randrange(4):
            case 0 | 1:
                self._hit("replayed")
            case 2:
                self._hit("forged")
                at = self._rng.randrange(len(message.payload))
                flipped = bytes([message.payload[at] ^ 1 << self._rng.randrange(8)])
                message = Message(
                    message.to, message.topic, message.payload[:at] + flipped + message.payload[at + 1 :]
                )
            case _:
                self._hit("forged")
                other = self._rng.choice(self._archive)
                message = Message(other.to, other.topic, message.payload)
        self._later(self._rng.randrange(2_000), message)

    def clear(self) -> None:
        """Forget what was seen."""
        self._archive.clear()
