"""Outputs that keep what they are given, and a headset's socket that a test plugs."""

import io
import threading
import time
import wave
from array import array
from dataclasses import dataclass, field

from kiosk_app.devices.port import WORKS, Health
from shared.model.errors import DeviceError


@dataclass
class Socket:
    """A socket for a headset."""

    plugged: bool = False

    def open(self) -> None: ...

    def close(self) -> None: ...

    def is_plugged(self) -> bool:
        return self.plugged

    def health(self) -> Health:
        return WORKS


@dataclass
class Take:
    """One sentence that came out.

    Attributes:
        wav: what of it.
        is_whole: it was played to its end.
        stopped_s: when it was stopped, on the monotonic clock.
    """

    plays: threading.Event
    wav: bytes = b""
    is_whole: bool = False
    stopped_s: float | None = None

    def write(self, wav: bytes) -> None:
        self.wav += wav
        while not self.plays.wait(0.01) and self.stopped_s is None:
            pass

    def finish(self, wait_s: float) -> bool:
        if self.stopped_s is None and not self.plays.wait(wait_s):
            return False
        self.is_whole = self.is_whole or self.stopped_s is None
        return True

    def stop(self) -> None:
        self.stopped_s = self.stopped_s or time.monotonic()

    def loudness(self) -> float:
        """Return the root of the mean square of its samples."""
        samples = self.samples()
        return (sum(each * each for each in samples) / len(samples)) ** 0.5

    def samples(self) -> "array[int]":
        """Return its samples: 16 bits, one channel."""
        with wave.open(io.BytesIO(self.wav)) as file:
            assert (file.getsampwidth(), file.getnchannels()) == (2, 1)
        return array("h", self.wav[44 : len(self.wav) // 2 * 2])


@dataclass
class Recorder:
    """An output that keeps what it plays; it holds its breath while a test wants it to.

    Attributes:
        takes: every sentence that was begun.
        plays: cleared, a sentence goes on for ever.
        is_broken: nothing can be begun.
    """

    takes: list[Take] = field(default_factory=list[Take])
    plays: threading.Event = field(default_factory=threading.Event)
    is_broken: bool = False

    def __post_init__(self) -> None:
        self.plays.set()

    def begin(self) -> Take:
        if self.is_broken:
            raise DeviceError("no sound; see aplay -L")
        self.takes.append(Take(self.plays))
        return self.takes[-1]

    def whole(self) -> int:
        """Return how many sentences were played to their end."""
        return sum(take.is_whole for take in self.takes)
