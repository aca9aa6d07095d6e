"""Bugs planted on purpose: each one is what a tired engineer might write, and a run must find it.

A mutant is a world whose device, disk, hub or core has the bug; production code stays as it is. Two of them
reach into a module of the process that runs them, because the bug lies in a pure function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from types import MappingProxyType

from hub.db.unit_of_work import UnitOfWork
from hub.ingest.apply import Incoming, Ingest, Outgoing, opening
from hub.ingest.intake import Intake
from hub.ingest.opening import OpenedLine, Opener
from shared.model.event import Stream
from shared.protocol import delivery
from shared.protocol.birth import Birth
from shared.protocol.delivery import LANES, HubEpoch
from shared.protocol.sealing import HubSealingKey
from tests.simulation.device import Device, Happening, Taken
from tests.simulation.disk import Disk, Row
from tests.simulation.hub import Core, Hub
from tests.simulation.world import World


class DeleteAtPuback(World):
    """The device believes the broker: what it took is done with."""

    def publish(self, device: Device, topic: str, payload: bytes) -> None:
        super().publish(device, topic, payload)
        for stream in LANES:
            if topic.endswith(f"/{stream}"):
                for epoch in device.disk.epochs_of[stream]:
                    epoch.acked = epoch.last


class NeverRewinds(Disk):
    """The device does not take back what it was once told."""

    def acknowledge(self, stream: Stream, epoch: str, acked: int, now_ms: int) -> None:
        before = {e.name: e.acked for e in self.epochs_of[stream]}
        super().acknowledge(stream, epoch, acked, now_ms)
        for each in self.epochs_of[stream]:
            each.acked = max(each.acked, before[each.name])


class ReusesNumbers(Disk):
    """The owner goes on in the epoch of its last life."""

    def start(self) -> None:
        super().start()
        for stream, epochs in self.epochs_of.items():
            self.open[stream] = epochs[-1] if epochs else None


class VolatileAppend(World):
    """The citizen is told before the fsync; the line is durable only with the next one."""

    def synced(self, device: Device, what: Happening, taken: Taken, row: Row) -> None:
        super().synced(device, what, taken, row)
        epoch = device.disk.open[what.stream]
        assert epoch is not None
        epoch.rows[taken.seq].synced = False
        for seq in epoch.rows:
            if seq < taken.seq:
                epoch.rows[seq].synced = True


class ForgetfulCore(Core):
    """The core takes an effect as often as it is sent."""

    def post(self, key: str, aggregate: str, position: int) -> None:
        self.effects[key] += 1
        self.order.setdefault(aggregate, []).append(position)

    def search(self, key: str) -> bool:
        return False


class AcksBeforeCommit(World):
    """The hub answers first and commits then."""

    def hub_apply(self, messages: list[Incoming]) -> None:
        self.answer(self.hub.apply(messages, self.now_ms))
        if self.rng.random() < 0.02:
            self._kill_hub()
        else:
            self.hub.connection.commit()
            self._note_heard()


class TrustingIngest(Ingest):
    """A birth counts at once, whoever sent it and whenever."""

    def _birth(
        self, device: str, birth: Birth, intake: Intake, uow: UnitOfWork, now_ms: int
    ) -> tuple[Outgoing | None, Sequence[Stream]]:
        for stream in LANES:
            lane = birth.lanes.get(stream)
            known = uow.delivery.epochs(device, stream)
            delivery.confirm(known, lane.epochs if lane else (), opening(device, stream), intake)
        return super()._birth(device, birth, intake, uow, now_ms)


def _world(
    *,
    disk: type[Disk] = Disk,
    ingest: type[Ingest] = Ingest,
    core: type[Core] = Core,
    opener: type[Opener] = Opener,
) -> type[World]:
    class MutantDevice(Device):
        disk_class = disk

    class MutantHub(Hub):
        ingest_class = ingest
        core_class = core
        opener_class = opener

    class MutantWorld(World):
        device_class = MutantDevice
        hub_class = MutantHub

    return MutantWorld


def _reuse_seq() -> type[World]:
    """The fork rules would mask it, so they are off."""
    delivery._decide_by_id = lambda here, oldest: None
    delivery._compare = lambda here, item, sink: None
    delivery._meets = _meets_always
    return _world(disk=ReusesNumbers)


def _meets_always(here: HubEpoch, value: bytes) -> bool:
    here.chain = value
    return True


class ForgetfulOpener(Opener):
    """An event that comes again is a new event: it gets an id of its own."""

    def __init__(self, keys: Sequence[HubSealingKey]) -> None:
        super().__init__(keys)
        self._seen: set[str] = set()
        self._fresh = count(1)

    def read(
        self, device: str, here: HubEpoch, seq: int, raw: bytes, contexts: Mapping[str, str]
    ) -> OpenedLine:
        opened = super().read(device, here, seq, raw, contexts)
        if opened.event is None or opened.line.id not in self._seen:
            self._seen.add(opened.line.id)
            return opened
        name = f"{opened.line.id[:24]}{next(self._fresh):012x}"
        event, line = replace(opened.event, id=name), replace(opened.line, id=name)
        return replace(opened, line=line, event=event)


MUTANTS: Mapping[str, Callable[[], type[World]]] = MappingProxyType(
    {
        "delete_at_puback": lambda: DeleteAtPuback,
        "never_rewind": lambda: _world(disk=NeverRewinds),
        "reuse_seq": _reuse_seq,
        "no_dedup": lambda: _world(opener=ForgetfulOpener),
        "volatile_append": lambda: VolatileAppend,
        "core_no_idempotency": lambda: _world(core=ForgetfulCore),
        "ack_before_commit": lambda: AcksBeforeCommit,
        "trust_unconfirmed_birth": lambda: _world(ingest=TrustingIngest),
    }
)


def plant(name: str) -> type[World]:
    """Return a world with the bug `name`."""
    return MUTANTS[name]()
