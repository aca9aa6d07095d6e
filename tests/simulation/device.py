"""A simulated device: the production session on a simulated disk, in virtual time."""

import pickle
import random
from dataclasses import dataclass, field
from hashlib import sha256

from shared.model.event import Stream
from shared.model.ids import EVENT_ID_RANDOM_BYTES, new_event_id
from shared.model.instants import to_rfc3339
from shared.protocol import limits
from shared.protocol.delivery import PROMISED
from shared.protocol.keys import derive
from shared.protocol.lines import Stamp, compose
from shared.protocol.parsing import encode
from shared.protocol.sealing import HubSealingPublicKey, SealingContext, place_of
from shared.protocol.session import DeviceSession, Identity
from tests.simulation.disk import Disk, Row


@dataclass(slots=True)
class Taken:
    """What the oracle knows of one event: what was promised, and what physics did to it."""

    number: int
    id: str
    device: str
    inst: int
    stream: Stream
    epoch: str
    seq: int
    boot: int = 1
    at_ms: int = 0
    amount_minor: int = 0
    poison: bool = False
    told: bool = False
    destroyed: bool = False
    corrupt: bool = False
    heard: bool = False
    expired: bool = False
    evicted: bool = False
    compacted: bool = False
    copies: set[int] = field(default_factory=set[int])


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something a citizen or the device itself says."""

    number: int
    stream: Stream
    type: str
    data: dict[str, object]
    subject: str | None = None
    key: str = ""
    amount_minor: int = 0
    poison: bool = False


def secret_of(device: str) -> bytes:
    """A device's secret, the same in every run."""
    return sha256(f"secret of {device}".encode()).digest()


class Device:
    """One instance of a device; a clone is a second instance of the same name."""

    disk_class: type[Disk] = Disk
    session_class: type[DeviceSession] = DeviceSession

    def __init__(self, name: str, inst: int, hub_key: HubSealingPublicKey, rng: random.Random) -> None:
        self.name = name
        self.inst = inst
        self.hub_key = hub_key
        self.rng = rng
        self.disk = self.disk_class(name)
        self.boot = 1
        self.boot_ms = 0
        self.clock_wrong_ms = 0
        self.incarnation = 0
        self.fenced = False
        self.linked = False
        self.alive = True
        self.uptime_shift_ms = 0
        self.next_epoch: str | None = None

    # -- lives -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The owner's process starts."""
        self.disk.start()
        self.begin()

    def begin(self) -> None:
        """A process with nothing in memory stands on the disk as it is."""
        keys = derive(secret_of(self.name))
        identity = Identity(
            device=self.name, boot=self.boot, up_key=keys.up, down_keys={keys.down.id: keys.down.key}
        )
        self.session = self.session_class(
            identity, self.disk, self.disk, self.rng.randbytes, incarnation=self.incarnation
        )
        self.session.fenced = self.fenced
        self.sealing = (self.rng.randbytes(6).hex(), self.rng.randbytes(32))
        self.sealer = SealingContext(self.hub_key, self.name, *self.sealing)
        self.linked = False

    def uptime(self, now_ms: int) -> int:
        """Monotonic time since the boot."""
        return now_ms - self.boot_ms - self.uptime_shift_ms

    def wall(self, now_ms: int) -> int:
        """The device's own clock."""
        return now_ms + self.clock_wrong_ms

    def remember(self) -> None:
        """Keep what the identity folder keeps: the incarnation heard of, and the fence."""
        self.incarnation = max(self.incarnation, self.session.incarnation)
        self.fenced = self.session.fenced

    # -- taking ------------------------------------------------------------------------------------------

    def compose(self, what: Happening, now_ms: int, event_id: str) -> tuple[Taken, bytes]:
        """Make the line of an event at the place that comes next."""
        name = self.next_epoch or self.rng.randbytes(4).hex()
        epoch, seq = self.disk.slot(what.stream, name)
        self.next_epoch = None
        uptime_ms = self.uptime(now_ms)
        stamp = Stamp(
            time=to_rfc3339(self.wall(now_ms)),
            boot=self.boot,
            uptime_ms=uptime_ms,
            clock_age_s=self._clock_age_s(now_ms),
        )
        if what.stream in PROMISED:
            place = place_of(self.name, what.stream, epoch, seq, event_id, what.type)
            payload = ("sealed", self.sealer.seal(place, encode(what.data)))
        else:
            payload = ("data", what.data)
        taken = Taken(
            number=what.number,
            id=event_id,
            device=self.name,
            inst=self.inst,
            stream=what.stream,
            epoch=epoch,
            seq=seq,
            boot=self.boot,
            at_ms=now_ms,
            amount_minor=what.amount_minor,
            poison=what.poison,
        )
        return taken, compose(seq, event_id, what.type, stamp, what.subject, payload)

    def _clock_age_s(self, now_ms: int) -> int | None:
        """As long as the clock was not set since it agreed; a real device looks at that for every line."""
        clock, uptime_ms = self.session.clock, self.uptime(now_ms)
        if clock.offset_ms is None:
            return None
        strayed_ms = abs(self.wall(now_ms) - clock.offset_ms - uptime_ms)
        return clock.age_s(uptime_ms) if strayed_ms <= limits.CLOCK_AGREE_MS else None

    def new_id(self, now_ms: int) -> str:
        """Draw an event id."""
        return new_event_id(self.wall(now_ms), self.rng.randbytes(EVENT_ID_RANDOM_BYTES))

    def write(self, what: Happening, raw: bytes) -> Row:
        """Write a line; it does not count before it is synced."""
        context = None
        if what.stream in PROMISED:
            context = (self.sealer.context.id, self.sealer.context.sealed)
        return self.disk.write(what.stream, raw, what.number, context, what.key)

    # -- images ------------------------------------------------------------------------------------------

    def image(self) -> bytes:
        """Disk and memory as they are now."""
        clock = (self.boot, self.boot_ms, self.uptime_shift_ms)
        whole = (self.disk, self.session, self.sealing, self.fenced, clock)
        return pickle.dumps(whole, pickle.HIGHEST_PROTOCOL)

    def resume(self, disk: Disk, session: DeviceSession, sealing: tuple[str, bytes]) -> None:
        """Go on with the disk and memory of an image, in the middle of whatever was under way."""
        self.disk, self.session, self.sealing = disk, session, sealing
        self.sealer = SealingContext(self.hub_key, self.name, *sealing)

    def clone(self, inst: int) -> "Device":
        """Return a second machine with this one's disk and memory."""
        twin = type(self)(self.name, inst, self.hub_key, self.rng)
        disk, session, sealing, twin.fenced, clock = pickle.loads(self.image())
        twin.resume(disk, session, sealing)
        twin.boot, twin.boot_ms, twin.uptime_shift_ms = clock
        twin.incarnation, twin.clock_wrong_ms = self.incarnation, self.clock_wrong_ms
        return twin
