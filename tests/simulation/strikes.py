"""How each fault is done to a world: as physics, a technician or an attacker would do it."""

import pickle
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from shared.protocol import limits
from tests.simulation.device import Device
from tests.simulation.disk import Disk, Row
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

YEAR_MS = 365 * 86_400_000
CLONES_MAX = 2


def strike(world: "World", fault: Fault) -> None:
    """Inject a fault at a device of the seed's choice; one that finds nothing to break does not count."""
    how = _HOW.get(fault)
    if how is not None and how(world, world.rng.choice(world.devices)):
        world.hit(fault)


def _power_cut(world: "World", device: Device) -> bool:
    world.power_cut(device)
    return True


def _process_killed(world: "World", device: Device) -> bool:
    world.process_restart(device)
    return True


def _device_off(world: "World", device: Device) -> bool:
    world.power_cut(device, off_ms=world.rng.randrange(300_000))
    return True


def _disk_lost(world: "World", device: Device) -> bool:
    _destroy(world, device, None)
    device.disk = type(device.disk)(device.name)
    device.incarnation, device.fenced = 0, False
    device.start()  # a clone made before it boots must not remember the disk that is gone
    world.boot(device, 5_000)
    return True


def _rolled_back_at_rest(world: "World", device: Device) -> bool:
    images = world.images.get(device.inst)
    if not images:
        return False
    _, image = world.rng.choice(images)
    disk, _, _, device.fenced, _ = pickle.loads(image)
    _destroy(world, device, disk)
    device.disk = disk
    device.start()
    world.boot(device, 2_000)
    world.guilty.add(device.name)
    return True


def _rolled_back_running(world: "World", device: Device) -> bool:
    """The machine wakes from a snapshot of its memory and goes on in the middle of its work."""
    images = world.images.get(device.inst)
    if not images:
        return False
    then_ms, image = world.rng.choice(images)
    disk, session, sealing, fenced, (boot, boot_ms, shift_ms) = pickle.loads(image)
    if then_ms < boot_ms:  # it was switched off: an image without a memory
        return False
    _destroy(world, device, disk)
    device.resume(disk, session, sealing)
    device.alive, device.fenced = True, fenced
    device.boot, device.boot_ms = boot, boot_ms
    device.uptime_shift_ms = shift_ms + world.now_ms - then_ms
    device.linked = False
    session.link_down()
    world.at(world.rng.randrange(5_000), lambda: world.link_up(device))
    world.guilty.add(device.name)
    return True


def _cloned(world: "World", device: Device) -> bool:
    if len(world.devices) - world.originals >= CLONES_MAX:
        return False
    clone = device.clone(len(world.devices))
    for row in device.disk.rows():
        if row.event in world.taken:
            world.taken[row.event].copies |= {device.inst, clone.inst}
    world.devices.append(clone)
    clone.session.link_down()
    if not device.alive or world.rng.random() < 0.5:
        clone.boot, clone.boot_ms, clone.uptime_shift_ms = device.boot + 1, world.now_ms, 0
        clone.start()
    world.at(world.rng.randrange(5_000), lambda: world.link_up(clone))
    world.guilty.add(device.name)
    return True


def _bit_flipped(world: "World", device: Device) -> bool:
    found = _some_row(world, device)
    if found is None:
        return False
    _, _, row = found
    if row.event in world.taken:
        world.taken[row.event].corrupt = True
    match world.rng.randrange(3):
        case 0 if row.raw:
            row.raw = row.raw[:-3] + bytes([row.raw[-3] ^ 1]) + row.raw[-2:]
        case 1:
            row.chain = bytes([row.chain[0] ^ 1]) + row.chain[1:]
        case _:
            row.prev = bytes([row.prev[0] ^ 1]) + row.prev[1:]
    return True


def _rows_vanished(world: "World", device: Device) -> bool:
    found = _some_row(world, device)
    if found is None:
        return False
    rows, seq, _ = found
    world.damaged.add(device.name)
    for each in range(seq, seq + 1 + world.rng.randrange(3)):
        gone = rows.pop(each, None)
        if gone is not None and gone.event in world.taken:
            world.taken[gone.event].destroyed = True
    return True


def _link_cut(world: "World", device: Device) -> bool:
    world.link_down(device, 500 + world.rng.randrange(60_000))
    return True


def _broker_wiped(world: "World", _: Device) -> bool:
    for device in world.devices:
        world.link_down(device, 500 + world.rng.randrange(10_000))
    return True


def _hub_restored(world: "World", _: Device) -> bool:
    world.committed_before_restore |= set(world.hub.inbox())
    at = world.rng.randrange(len(world.backups))
    del world.backups[at + 1 :]
    world.restores += 1
    world.hub.restore(world.backups[at])
    world.inbox.clear()
    return True


def _whole_disk_restored(world: "World", device: Device) -> bool:
    life = world.hub.life
    life.kept = max(1, life.kept - world.rng.randrange(3))
    return _hub_restored(world, device)


def _credit_zero(world: "World", _: Device) -> bool:
    def reopen() -> None:
        world.hub.ingest.credit_lines = limits.CREDIT_LINES

    world.hub.ingest.credit_lines = 0
    world.at(world.rng.randrange(120_000), reopen)
    return True


def _keep_window_short(world: "World", device: Device) -> bool:
    world.expire(device, 0)
    return True


def _clock_wrong(world: "World", device: Device) -> bool:
    device.clock_wrong_ms = world.rng.choice((-1, 1)) * world.rng.randrange(10 * YEAR_MS)
    return True


def _core_down(world: "World", _: Device) -> bool:
    world.forwarding.misbehave(Fault.CORE_DOWN, world.now_ms + world.rng.randrange(120_000))
    return True


def _core_late(world: "World", _: Device) -> bool:
    world.forwarding.misbehave(Fault.CORE_LATE, world.now_ms + world.rng.randrange(120_000))
    return True


def _destroy(world: "World", device: Device, kept: Disk | None) -> None:
    """Note which events physics takes with the disk."""
    have = {row.event for row in kept.rows()} if kept is not None else set[int]()
    for row in device.disk.rows():
        if row.event not in have and row.event in world.taken:
            world.taken[row.event].destroyed = True


def _some_row(world: "World", device: Device) -> tuple[dict[int, Row], int, Row] | None:
    epochs = [epoch for each in device.disk.epochs_of.values() for epoch in each if epoch.rows]
    if not epochs:
        return None
    rows = world.rng.choice(epochs).rows
    seq = world.rng.choice(sorted(rows))
    return rows, seq, rows[seq]


_HOW: Mapping[Fault, Callable[["World", Device], bool]] = MappingProxyType(
    {
        Fault.POWER_CUT: _power_cut,
        Fault.PROCESS_KILLED: _process_killed,
        Fault.DISK_LOST: _disk_lost,
        Fault.ROLLED_BACK_AT_REST: _rolled_back_at_rest,
        Fault.ROLLED_BACK_RUNNING: _rolled_back_running,
        Fault.CLONED: _cloned,
        Fault.BIT_FLIPPED: _bit_flipped,
        Fault.ROWS_VANISHED: _rows_vanished,
        Fault.LINK_CUT: _link_cut,
        Fault.BROKER_WIPED: _broker_wiped,
        Fault.HUB_RESTORED: _hub_restored,
        Fault.WHOLE_DISK_RESTORED: _whole_disk_restored,
        Fault.CREDIT_ZERO: _credit_zero,
        Fault.KEEP_WINDOW_SHORT: _keep_window_short,
        Fault.DEVICE_OFF: _device_off,
        Fault.CLOCK_WRONG: _clock_wrong,
        Fault.CORE_DOWN: _core_down,
        Fault.CORE_LATE: _core_late,
    }
)
"""The others strike from within: in mid-append, at an fsync, around a commit."""
