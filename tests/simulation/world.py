"""One run: a town in virtual time from a seed, faults on the way, and a drain at the end.

Nothing here reads a clock or draws from anywhere but the seed: a failing seed fails again. Virtual time is in
milliseconds from `START_MS`. What must hold at the end is asked by `oracle`.
"""

import heapq
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count

from hub.ingest.apply import Incoming, Outgoing
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.sealing import HubSealingKey
from shared.protocol.session import SessionState
from tests.simulation.device import Device, Happening, Taken
from tests.simulation.disk import Row
from tests.simulation.faults import Fault
from tests.simulation.forwarding import Forwarding
from tests.simulation.hub import Hub
from tests.simulation.strikes import strike
from tests.simulation.town import Town
from tests.simulation.wire import Message, Temper, Wire

START_MS = 1_763_720_000_000
EVENTS = 300
FAULTS = 20
BUSY_MS = 10 * 60_000
HOUSEKEEPING_MS = 30_000
DRAIN_MS = 40 * 60_000
BURST = 8
FORWARD_EVERY_MS = 10_000
STEPS_MAX = 30_000
"""A drain takes some thousands; who needs more sends for ever."""


class World:
    """Devices, wire, hub and core of one run."""

    device_class: type[Device] = Device
    hub_class: type[Hub] = Hub

    def __init__(self, seed: int, sealing: HubSealingKey, schema: sqlite3.Connection) -> None:
        self.rng = random.Random(seed)
        self.now_ms = START_MS
        self.hits: Counter[str] = Counter()
        self.taken: dict[int, Taken] = {}
        self.guilty: set[str] = set()
        self.damaged: set[str] = set()
        self.restores = 0
        self.committed_before_restore: set[tuple[str, str]] = set()
        self.draining = False
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._by_epoch: dict[tuple[str, str], list[Taken]] = {}
        self._heard: dict[tuple[str, str], int] = {}
        self._wakes: dict[int, int] = {}
        rng = self.rng
        self.armed = [f for f in Fault if rng.random() < rng.choice((0.25, 0.6))] or [Fault.LINK_CUT]
        rough = rng.choice((0.0, 0.02, 0.15))
        self.wire = Wire(rng, self._temper(rough), self._carry, self.hit)
        self.keep_ms = rng.choice((60_000, 300_000, 3_600_000))
        self.hub_every_ms = rng.choice((1_000, 2_000, 5_000))
        self.town = Town(rng, poison=rng.choice((0.0, 0.05)))
        public = sealing.public()
        names = [f"kiosk-{n}" for n in range(rng.choice((4, 5)))]
        self.devices = [self.device_class(name, inst, public, rng) for inst, name in enumerate(names)]
        self.originals = len(names)
        self.hub = self.hub_class(names, sealing, rng, schema)
        self.hub.registry.all_enrolled_ms = START_MS
        self.forwarding = Forwarding(self.hub, rng)
        self.hub.core.honours_keys = rng.random() < 0.5
        self.inbox: list[Incoming] = []
        self.backups = [self.hub.backup()]
        self.images: dict[int, list[tuple[int, bytes]]] = {}
        self._hub_down_until_ms = 0
        self._plan()

    # -- the run -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Let the town live, then let everything arrive."""
        while self._queue and self._queue[0][0] <= START_MS + BUSY_MS:
            self._step()
        self._drain()
        self.hits["quarantined"] = self.hub.quarantined()

    def close(self) -> None:
        """Let go of the databases."""
        self.hub.close()
        for backup in self.backups:
            backup.close()

    def at(self, delay_ms: int, what: Callable[[], None]) -> None:
        """Do something later."""
        heapq.heappush(self._queue, (self.now_ms + delay_ms, next(self._order), what))

    def _step(self) -> None:
        self.now_ms, _, what = heapq.heappop(self._queue)
        what()

    def _temper(self, rough: float) -> Temper:
        draw = self.rng.choice
        return Temper(
            drop=draw((0.0, rough)),
            double=draw((0.0, rough)),
            delay=draw((0.0, rough)),
            forge=draw((0.0, rough)),
        )

    def _plan(self) -> None:
        rng = self.rng
        for device in self.devices:
            device.start()
            self.at(rng.randrange(1_000), lambda d=device: self.link_up(d))
        left = EVENTS
        while left:
            burst = min(left, 1 + rng.randrange(BURST))
            left -= burst
            start_ms, inst = rng.randrange(BUSY_MS), rng.randrange(self.originals)
            for _ in range(burst):
                start_ms += rng.randrange(400)
                self.at(start_ms, lambda i=inst: self.take(self._present(i), self.town.happen()))
        for _ in range(FAULTS):
            self.at(rng.randrange(BUSY_MS), lambda: strike(self, self.rng.choice(self.armed)))
        for at_ms in range(HOUSEKEEPING_MS, BUSY_MS, HOUSEKEEPING_MS):
            self.at(at_ms, self._keep_house)
        self.at(self.hub_every_ms, self._hub_tick)
        self.at(FORWARD_EVERY_MS, self._forward)

    def _present(self, inst: int) -> Device:
        """The device, or now and then its clone."""
        name = self.devices[inst].name
        return self.rng.choice([d for d in self.devices if d.name == name])

    def _keep_house(self) -> None:
        """Backups, images of disks, a clerk now and then, and what has expired."""
        rng = self.rng
        self.backups.append(self.hub.backup())
        device = rng.choice(self.devices)
        self.images.setdefault(device.inst, []).append((self.now_ms, device.image()))
        if self.hub.registry.fenced and rng.random() < 0.2:
            self.release()
        for device in self.devices:
            self.expire(device, self.keep_ms)

    # -- devices -----------------------------------------------------------------------------------------

    def link_up(self, device: Device) -> None:
        """The device's link is connected and subscribed."""
        if device.alive and not device.linked:
            device.linked = True
            device.session.will()
            device.session.link_up(device.uptime(self.now_ms))
            self.wake(device)

    def link_down(self, device: Device, for_ms: int) -> None:
        """The link is gone for a while."""
        device.linked = False
        device.session.link_down()
        self.at(for_ms, lambda: self.link_up(device))

    def wake(self, device: Device) -> None:
        """Let the session act, and come back at its deadline."""
        if not device.alive or not device.linked:
            return
        for publish in device.session.tick(device.uptime(self.now_ms)):
            self.publish(device, publish.topic, publish.payload)
        deadline_ms = device.session.deadline_ms()
        if deadline_ms is not None:
            at_ms = max(deadline_ms + device.boot_ms + device.uptime_shift_ms, self.now_ms + 10)
            if not self.now_ms < self._wakes.get(device.inst, 0) <= at_ms:
                self._wakes[device.inst] = at_ms
                self.at(at_ms - self.now_ms, lambda: self.wake(device))

    def publish(self, device: Device, topic: str, payload: bytes) -> None:
        """The broker took a device's message."""
        self.wire.send(Message("hub", topic, payload))

    def take(self, device: Device, what: Happening) -> None:
        """A citizen says something at a device."""
        if not device.alive or (what.stream is Stream.PAYMENTS and device.session.fenced):
            self.hit("refused")
            return
        self._append(device, what, device.new_id(self.now_ms))
        self.wake(device)

    def _append(self, device: Device, what: Happening, event_id: str) -> None:
        taken, raw = device.compose(what, self.now_ms, event_id)
        row = device.write(what, raw)
        self.taken[what.number] = taken
        self._by_epoch.setdefault((device.name, taken.epoch), []).append(taken)
        draw = self.rng.random()
        if draw < 0.02 and Fault.POWER_CUT_IN_APPEND in self.armed and not self.draining:
            self.hit(Fault.POWER_CUT_IN_APPEND)
            self.power_cut(device)
        elif draw > 0.98 and Fault.FSYNC_FAILS in self.armed and not self.draining:
            self.hit(Fault.FSYNC_FAILS)
            self._fsync_fails(device, what, taken)
        else:
            self.synced(device, what, taken, row)

    def synced(self, device: Device, what: Happening, taken: Taken, row: Row) -> None:
        """The fsync returned: now the citizen is told."""
        device.disk.sync(what.stream, row)
        taken.told = True
        if taken.seq == 1:
            device.session.epoch_opened(device.uptime(self.now_ms))
        if what.stream is Stream.TELEMETRY:
            for number in device.disk.evict():
                self.hit("evicted")
                self._mark(number, evicted=True)
        elif what.stream is Stream.HEALTH:
            for number in device.disk.compact(what.key):
                self.hit("compacted")
                self._mark(number, compacted=True)

    def _fsync_fails(self, device: Device, what: Happening, taken: Taken) -> None:
        """The outcome is unknown: start again, look the id up, and only then tell the citizen."""
        disk = device.disk
        epoch = disk.open[what.stream]
        if epoch is not None and self.rng.random() < 0.3:
            epoch.rows.pop(taken.seq, None)
        self.process_restart(device)
        if disk.find(what.number):
            taken.told = True
        elif self.rng.random() < 0.5:
            self._append(device, what, taken.id)

    def process_restart(self, device: Device) -> None:
        """The owner's process dies and starts again in the same boot."""
        device.remember()
        device.start()
        self.at(200 + self.rng.randrange(3_000), lambda: self.link_up(device))

    def power_cut(self, device: Device, off_ms: int = 0) -> None:
        """What was not fsynced may be gone."""
        for epochs in device.disk.epochs_of.values():
            for epoch in epochs:
                for seq in sorted(epoch.rows, reverse=True):
                    if epoch.rows[seq].synced or self.rng.random() < 0.3:
                        break
                    del epoch.rows[seq]
                if self.rng.random() < 0.3:
                    epoch.acked = self.rng.randrange(epoch.acked + 1)
        device.remember()
        self.boot(device, off_ms or 1_000 + self.rng.randrange(20_000))

    def boot(self, device: Device, off_ms: int) -> None:
        """The device is off for a while and boots."""
        device.boot += 1
        device.boot_ms = self.now_ms + off_ms
        device.uptime_shift_ms = 0
        device.alive = False

        def up() -> None:
            if not device.alive and self.now_ms >= device.boot_ms:  # else it was cut again meanwhile
                device.alive = True
                device.start()
                self.link_up(device)

        self.at(off_ms, up)

    def expire(self, device: Device, keep_ms: int) -> None:
        """What was acknowledged long enough ago goes."""
        for number in device.disk.expire(self.now_ms - device.boot_ms - keep_ms):
            self._mark(number, expired=True)

    def _mark(
        self, number: int, *, expired: bool = False, evicted: bool = False, compacted: bool = False
    ) -> None:
        taken = self.taken.get(number)
        if taken is not None:
            taken.expired |= expired
            taken.evicted |= evicted
            taken.compacted |= compacted

    # -- the wire ----------------------------------------------------------------------------------------

    def _carry(self, delay_ms: int, message: Message) -> None:
        self.at(delay_ms, lambda: self._deliver(message))

    def _deliver(self, message: Message) -> None:
        if message.to == "hub":
            if self.now_ms >= self._hub_down_until_ms:
                self.inbox.append(Incoming(message.topic, message.payload))
            return
        for device in self.devices:
            if device.name == message.to and device.alive and device.linked:
                self._receive(device, message)

    def _receive(self, device: Device, message: Message) -> None:
        before = device.session.fenced
        try:
            device.session.receive(
                message.topic, message.payload, device.uptime(self.now_ms), device.wall(self.now_ms)
            )
        except InputError:
            self.hit("refused by a device")
        if device.session.fenced != before:
            device.remember()
        self.wake(device)

    # -- the hub -----------------------------------------------------------------------------------------

    def _hub_tick(self) -> None:
        self.at(self.hub_every_ms, self._hub_tick)
        if self.inbox and self.now_ms >= self._hub_down_until_ms:
            messages, self.inbox = self.inbox, []
            self.hub_apply(messages)

    def hub_apply(self, messages: list[Incoming]) -> None:
        """One transaction, and its answers after the commit; or a death before or after it."""
        answers = self.hub.apply(messages, self.now_ms)
        if self._dies(Fault.HUB_KILLED_BEFORE_COMMIT):
            self._kill_hub()
            return
        self.hub.connection.commit()
        self.hub.life.keep()
        self._note_heard()
        if self._dies(Fault.HUB_KILLED_AFTER_COMMIT):
            self._kill_hub()
            return
        self.answer(answers)

    def answer(self, answers: Sequence[Outgoing]) -> None:
        """The hub speaks."""
        for outgoing in answers:
            self.wire.send(Message(outgoing.topic.split("/")[2], outgoing.topic, outgoing.payload))

    def _dies(self, fault: Fault) -> bool:
        if fault in self.armed and not self.draining and self.rng.random() < 0.01:
            self.hit(fault)
            return True
        return False

    def _kill_hub(self) -> None:
        self.hub.restart()
        self.inbox.clear()
        self._hub_down_until_ms = self.now_ms + self.rng.randrange(8_000)

    def _note_heard(self) -> None:
        """The oracle learns which numbers the hub has heard of, durably."""
        for device, epoch, heard in self.hub.heard():
            key = (device, epoch)
            if heard > self._heard.get(key, 0):
                self._heard[key] = heard
                for taken in self._by_epoch.get(key, ()):
                    if taken.seq <= heard and not taken.destroyed:
                        taken.heard = True

    def innocent_fences(self) -> list[tuple[str, str]]:
        """Devices that were fenced though their disk had one life."""
        suspects = self.guilty | self.damaged
        return [(d, why) for d, why in self.hub.registry.ever_fenced if d not in suspects]

    def release(self) -> None:
        """A clerk looks at every fenced device and lets it go on."""
        self.hit("released")
        self.hub.release(self.now_ms)

    def _forward(self) -> None:
        self.at(FORWARD_EVERY_MS, self._forward)
        if self.now_ms >= self._hub_down_until_ms and self.hub.waiting():
            self.forwarding.round(self.now_ms)

    def hit(self, what: str) -> None:
        self.hits[what] += 1

    # -- the end -----------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """No more faults: everything must arrive, one instance of a name at a time."""
        self.draining = True
        self.wire.temper = Temper()
        self.keep_ms = 10**15
        self.hub.ingest.credit_lines = limits.CREDIT_LINES
        self.forwarding.behave()
        self.stuck: list[str] = []
        originals = self.devices[: self.originals]
        groups = [originals, *([d] for d in self.devices[self.originals :])]
        for group in [*groups, originals] if len(groups) > 1 else groups:
            self.release()
            for device in self.devices:
                if device not in group:
                    device.linked = False
                    device.session.link_down()
                elif not device.linked:
                    self.at(100, lambda d=device: self.link_up(d))
            self._drain_group(group)
        self.release()
        self._drain_group([])

    def _drain_group(self, group: list[Device]) -> None:
        end_ms = self.now_ms + DRAIN_MS
        check_ms = self.now_ms + 30_000
        steps = 0
        while self.now_ms < end_ms and steps < STEPS_MAX:
            steps += 1
            self._step()
            if self.now_ms >= check_ms:
                check_ms = self.now_ms + 10_000
                if all(self._is_idle(d) for d in group) and self.hub.waiting() == 0:
                    return
        self.stuck += [f"{d.name}/{d.inst} {d.session.state}" for d in group if not self._is_idle(d)]
        if self.hub.waiting():
            self.stuck.append("forwarder")

    def _is_idle(self, device: Device) -> bool:
        """Whether the device is in session with this very hub, and everything of it is acknowledged."""
        session = device.session
        speaking = device.alive and device.linked and session.state is SessionState.STREAMING
        known = speaking and session.session == self.hub.ingest.sessions.current(device.name)
        return known and all(e.acked >= e.last for es in device.disk.epochs_of.values() for e in es)
