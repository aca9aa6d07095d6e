"""One simulated device in front of the conformance kit, in virtual time: a minute takes a moment."""

import random
from collections import deque
from contextlib import suppress
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.conform.counterpart import Counterpart
from hub.conform.listener import Listener
from hub.conform.trials import TRIALS, cut, restarted
from hub.conform.verdicts import Outcome, Verdicts
from hub.ingest.opening import Opener
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol.sealing import HubSealingKey
from shared.protocol.signing import LineSigner
from tests.simulation.device import Device, Happening, Taken
from tests.simulation.hub import Registry

NAME = "kiosk-1"
TICK_MS = 50
EVENT_EVERY_MS = 700
AWAY_MS = 2_000
START_MS = 1_790_000_000_000


@cache
def sealing_key() -> HubSealingKey:
    return HubSealingKey.generate()


@cache
def signing_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


class SigningDevice(Device):
    """A simulated device that signs its payments, and refuses new ones while it is fenced."""

    @property
    def takes_money(self) -> bool:
        return not self.session.fenced

    def compose(self, what: Happening, now_ms: int, event_id: str) -> tuple[Taken, bytes]:
        taken, raw = super().compose(what, now_ms, event_id)
        if what.stream is Stream.PAYMENTS:
            raw = LineSigner(self.name, signing_key()).sign(what.stream, taken.epoch, raw)
        return taken, raw


class OneDeviceStreet:
    """The wire, the device behind it, and the citizens who use it; the kit's `Wire`."""

    def __init__(self, device_class: type[SigningDevice]) -> None:
        self._now_ms = START_MS
        self._device = device_class(NAME, 0, sealing_key().public(), random.Random(1))
        self._out: deque[tuple[str, bytes]] = deque()
        self._in: deque[tuple[str, bytes]] = deque()
        self._events = 0
        self._link_at_ms = START_MS
        self._device.boot_ms = START_MS - 5_000
        self._device.start()

    def now_s(self) -> float:
        return self._now_ms / 1000

    def next(self, timeout_s: float) -> tuple[str, bytes] | None:
        end_ms = self._now_ms + timeout_s * 1000
        while not self._out and self._now_ms < end_ms:
            self._now_ms += TICK_MS
            self._tick()
        return self._out.popleft() if self._out else None

    def publish(self, topic: str, payload: bytes) -> None:
        self._in.append((topic, payload))

    def cut(self) -> None:
        self._away()

    def start_again(self) -> None:
        self._device.remember()
        self._device.start()
        self._away()

    def _away(self) -> None:
        self._in.clear()
        self._device.linked = False
        self._device.session.link_down()
        self._link_at_ms = self._now_ms + AWAY_MS

    def _tick(self) -> None:
        device, uptime_ms = self._device, self._device.uptime(self._now_ms)
        if not device.linked and self._now_ms >= self._link_at_ms:
            device.linked = True
            device.session.will()
            device.session.link_up(uptime_ms)
        while device.linked and self._in:
            with suppress(InputError):
                device.session.receive(*self._in.popleft(), uptime_ms, self._now_ms)
        if self._now_ms // EVENT_EVERY_MS != (self._now_ms - TICK_MS) // EVENT_EVERY_MS:
            self._take(Stream.CASES, "incident.reported")
            if device.takes_money:
                self._take(Stream.PAYMENTS, "payment.captured")
        if device.linked:
            self._out += [(p.topic, p.payload) for p in device.session.tick(uptime_ms)]

    def _take(self, stream: Stream, kind: str) -> None:
        self._events += 1
        what = Happening(number=self._events, stream=stream, type=kind, data={"number": self._events})
        device = self._device
        taken, raw = device.compose(what, self._now_ms, device.new_id(self._now_ms))
        device.disk.sync(stream, device.write(what, raw))
        if taken.seq == 1:
            device.session.epoch_opened(device.uptime(self._now_ms))


def judged(device_class: type[SigningDevice]) -> dict[str, Outcome]:
    """Put a device through every trial; how each sentence stands."""
    street, verdicts = OneDeviceStreet(device_class), Verdicts()
    listener = Listener(NAME, verdicts, Opener([sealing_key()]))
    listener.signing = [signing_key().public_key().public_bytes_raw()]
    hub = Counterpart(street, Registry([NAME]), listener, verdicts)
    for trial in TRIALS:
        trial.run(hub)
    cut(hub, street.cut)
    restarted(hub, street.start_again)
    return {verdict.sentence: verdict.outcome for verdict in verdicts.all()}
