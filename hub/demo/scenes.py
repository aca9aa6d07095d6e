"""The faults that are shown, one function each, in the order of `SCENES`.

Each breaks a real part in the way of its real fault, lets people go on, mends it as a technician would, and
is over when everything flows again.

Rules: a disk is destroyed only after the hub has heard of everything that it held: events on a disk that was
destroyed before first contact are not promised (docs/GUARANTEES.md), and nothing is hidden by choosing a
moment, because a moment is chosen at which something is lost and must be on record.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Final

from hub.demo import disks
from hub.demo.asking import AwayError
from hub.demo.bus import StreetBus
from hub.demo.stage import Scene, Stage, pause, until
from hub.demo.standing import Standing
from hub.demo.town import COPIED_CARD, HURRIED_CARD, health_check, traveller
from hub.recovery.manifest import read_manifest

CALM_S: Final = 3.0
LOOK_S: Final = 3.0
PATIENCE_S: Final = 90.0
ANNOUNCED_S: Final = 15.0
TRIES_MAX: Final = 5
LATE_MS: Final = 12_000
"""Two seconds longer than the hub waits for the core by default."""
LATE_FOR_S: Final = 6
BURST: Final = 48
COPY: Final = "copy"
CLONED: Final = "card_cloned"
TORN_AT_COMMIT: Final[Mapping[str, object]] = {"tear_at": 8, "after": True}
_MID_APPEND_S: Final = 3.0


def calm(_stage: Stage) -> Scene:
    """A street that works."""
    yield from pause(CALM_S)


def power_cut(stage: Stage) -> Scene:
    """A counter loses its power in the middle of an append; the unsynced tail of its log is torn."""
    device = stage.devices["counter-2"]
    yield from until(lambda: device.flows, PATIENCE_S)
    with stage.on_stage("power_cut", device=device.id) as fault:
        yield from until(lambda: not device.unanswered, PATIENCE_S)
        untouched_ns = disks.written_ns(device.home)
        device.call(BURST)
        device.pump()
        deadline_s = time.monotonic() + _MID_APPEND_S
        while disks.written_ns(device.home) == untouched_ns and time.monotonic() < deadline_s:
            time.sleep(0)  # no tick: the cut must fall into the append
        device.cut_power()
        yield from pause(LOOK_S / 2)  # what was on the wire arrives
        promised = device.highest_told()
        for place, lane in stage.lanes(device).items():
            promised[place] = max(lane["heard"], promised.get(place, 0))
        fault.details["torn"] = disks.tear(device.home, device.id, promised, stage.random)
        fault.details["untold"] = len(device.waiting)
        yield from pause(LOOK_S)
        device.start()
        yield from until(lambda: device.flows, PATIENCE_S)


def kiosk_cut(stage: Stage) -> Scene:
    """A kiosk loses its power while a citizen, all of their report typed, stands before "send"."""
    kiosk = stage.kiosks[0]
    kiosk.held = True
    kiosk.call(1)
    yield from until(lambda: kiosk.is_held, PATIENCE_S)
    with stage.on_stage("kiosk_cut", device=kiosk.id) as fault:
        yield from pause(LOOK_S / 2)
        words, served = kiosk.words, len(kiosk.receipts)
        kiosk.cut_power()
        fault.details["found"] = disks.files_with(kiosk.home, words)
        kiosk.held = False
        yield from pause(LOOK_S)
        kiosk.start()
        yield from until(lambda: len(kiosk.receipts) > served and kiosk.flows, PATIENCE_S)


def torn_tap(stage: Stage) -> Scene:
    """A card is pulled away as the bus takes the money, and the bus loses its power; nobody pays twice."""
    if not stage.buses:
        return
    bus, passenger = stage.buses[0], traveller("terminal-1", HURRIED_CARD, stage.random)
    card = bus.card_of(passenger)
    with stage.on_stage("torn_tap", device=bus.id) as fault:
        before = card.newest().counter
        bus.let_in(passenger, TORN_AT_COMMIT)
        yield from until(lambda: card.newest().counter > before, PATIENCE_S)
        bus.cut_power()
        yield from pause(LOOK_S)
        bus.start()
        yield from until(lambda: passenger.id in bus.receipts and bus.flows, PATIENCE_S)
        fault.details["times"] = card.newest().counter - before


def cloned_card(stage: Stage) -> Scene:
    """A copy of a card rides: the hub sees one deed's number twice, and a clerk stops the card."""
    if not stage.buses:
        return
    first, second = stage.buses
    owner = traveller(first.id, COPIED_CARD, stage.random)
    card = first.card_of(owner)
    card.tell(keep=COPY)
    first.let_in(owner)
    yield from until(lambda: owner.id in first.receipts, PATIENCE_S)
    with stage.on_stage("cloned_card", device=second.id) as fault:
        card.tell(put=COPY)
        yield from _boarded(second, stage)
        yield from until(lambda: stage.town_hall.cases(CLONED) > 0, PATIENCE_S, every_s=LOOK_S / 3)
        stage.town_hall.block_card(card.subject)
        blocked_s, turned_away = time.monotonic(), second.turned_away
        while second.turned_away == turned_away:
            yield from _boarded(second, stage)
            yield from pause(LOOK_S / 3)
        fault.details["seconds"] = round(time.monotonic() - blocked_s)


def core_away(stage: Stage) -> Scene:
    """The core is killed; when it comes back, it acts at once and answers after the hub's patience."""
    town_hall, watch = stage.town_hall, stage.watch
    with stage.on_stage("core_down"):
        town_hall.kill_core()
        yield from pause(LOOK_S + 1)
        town_hall.start_core()
        yield from until(town_hall.core_answers, PATIENCE_S)
        town_hall.core.post("/control", {"mode": "late", "delay_ms": LATE_MS, "for_s": LATE_FOR_S})
    with stage.on_stage("core_late", seconds=LATE_MS // 1000):
        began_s = time.monotonic()
        yield from until(lambda: time.monotonic() - began_s > LATE_MS / 1000 and watch.core.up, PATIENCE_S)
        yield from until(lambda: not watch.hub.breaker and not watch.core.under_way, PATIENCE_S)


def hub_restored(stage: Stage) -> Scene:
    """The disk with the hub's database dies; a backup of before is put back, and devices send again."""
    town_hall = stage.town_hall
    backup = town_hall.start_backup()
    yield from until(lambda: town_hall.has_done(backup), PATIENCE_S)
    saved = read_manifest(town_hall.backup)
    known = {one.event.id for one in stage.receipts}
    yield from pause(LOOK_S)
    with stage.on_stage("restored") as fault:
        lacking = [one for one in stage.committed() if one.event.id not in known]
        fault.details["again"] = len(lacking)
        town_hall.kill_hub()
        town_hall.lose_database()
        yield from pause(LOOK_S)
        restore = town_hall.start_restore()
        yield from until(lambda: town_hall.has_done(restore), PATIENCE_S)
        stage.watch.note_restore(0 if saved is None else saved.events)
        town_hall.start_hub()
        yield from until(town_hall.is_ready, PATIENCE_S)
        yield from until(lambda: set(stage.fates(lacking)) <= {"committed"}, PATIENCE_S, every_s=LOOK_S / 3)


def hub_killed(stage: Stage) -> Scene:
    """Hub and broker are killed; a counter goes on taking, and its disk dies as the hub returns."""
    town_hall, device = stage.town_hall, stage.devices["counter-1"]
    with stage.on_stage("hub"):
        town_hall.kill_hub()
        yield from pause(LOOK_S / 2)
        yield from _serve_and_close(device, 16)
        yield from pause(LOOK_S / 2)
        town_hall.start_hub()
        yield from until(town_hall.is_ready, PATIENCE_S)
    yield from _announce(stage, device)
    with stage.on_stage("disk_lost", device=device.id) as fault:
        device.cut_power()
        yield from pause(LOOK_S / 2)
        before = stage.watch.hub.losses
        disks.lose(device.home)
        yield from pause(LOOK_S)
        device.open = True
        device.start()
        yield from until(lambda: device.flows, PATIENCE_S)
        fault.details["lost"] = stage.fates(list(device.receipts.values())).count("lost")
        yield from until(lambda: stage.watch.hub.losses > before or not fault.details["lost"], PATIENCE_S)


def broker_killed(stage: Stage) -> Scene:
    """The broker is killed; in the return a counter's disk is rolled back to an image of before."""
    device = stage.devices["counter-2"]
    yield from until(lambda: device.flows, PATIENCE_S)
    image = stage.image_of(device)
    disks.take_image(device.home, device.pid, image)
    device.call(8)  # what the image does not know and the hub does: so the roll-back cannot go unseen
    yield from _served(device)
    yield from until(device.is_empty, PATIENCE_S)
    yield from pause(LOOK_S)
    with stage.on_stage("broker"):
        stage.town_hall.kill_broker()
        yield from _serve_and_close(device, 16)
        yield from until(stage.town_hall.is_ready, PATIENCE_S)
    yield from _announce(stage, device)
    with stage.on_stage("rolled_back", device=device.id) as fault:
        device.cut_power()
        disks.put_back(device.home, image)
        yield from pause(LOOK_S)
        device.open = True
        device.call(6)
        device.start()
        device.pump()
        yield from until(lambda: device.fenced, PATIENCE_S)
        yield from until(lambda: stage.watch.hub.quarantine > 0, PATIENCE_S)
        yield from pause(LOOK_S * 1.5)
        released = stage.town_hall.hub.post(f"/v1/devices/{device.id}/release")
        fault.details["released"] = released["events_taken"]
        # Its next acknowledgement tells it; a device that says nothing gets one within a minute or so.
        device.waiting.appendleft(health_check(device.id, stage.random, time.time_ns() // 1_000_000))
        yield from until(lambda: device.flows and not device.fenced, PATIENCE_S)
        if "unknown" in stage.fates(list(device.receipts.values())):
            device.stop()  # what a fence kept open is closed by the next birth
            device.start()
            yield from until(lambda: device.flows, PATIENCE_S)
        fault.details["lost"] = stage.fates(list(device.receipts.values())).count("lost")


SCENES: Final[Sequence[Callable[[Stage], Scene]]] = (
    calm,
    power_cut,
    kiosk_cut,
    torn_tap,
    calm,
    core_away,
    cloned_card,
    hub_restored,
    calm,
    hub_killed,
    calm,
    broker_killed,
)


def _boarded(bus: StreetBus, stage: Stage) -> Scene:
    """Let somebody with the copy step up to a bus, until they ride or walk."""
    passenger = traveller(bus.id, COPIED_CARD, stage.random)
    bus.let_in(passenger)
    yield from until(lambda: passenger.id in bus.through, PATIENCE_S)


def _serve_and_close(device: Standing, count: int) -> Scene:
    """Serve a few more and then nobody, so that nothing new is taken."""
    device.call(count)
    yield from _served(device)
    device.open = False


def _served(device: Standing) -> Scene:
    yield from until(lambda: not device.waiting and not device.unanswered, PATIENCE_S)


def _announce(stage: Stage, device: Standing) -> Generator[None, None, bool]:
    """Wait until the hub has heard of all that a device holds, and does not have all of it yet.

    A returning hub asks for a pause drawn at random before the first frame (B-9); where it drew none,
    everything has come through, and the device is started again in front of a few more people.

    Returns:
        Whether something is outstanding.
    """
    for _ in range(TRIES_MAX):
        deadline_s = time.monotonic() + ANNOUNCED_S
        while time.monotonic() < deadline_s:
            heard, outstanding = _standing(stage, device)
            if heard and outstanding:
                return True
            if heard:
                break
            yield
        device.stop()
        device.open = True
        device.start()
        yield from _serve_and_close(device, 8)
    yield from until(lambda: _standing(stage, device)[0], PATIENCE_S)
    return False


def _standing(stage: Stage, device: Standing) -> tuple[bool, bool]:
    """Tell whether the hub has heard of everything, and whether it lacks some of it."""
    try:
        lanes = stage.lanes(device)
    except AwayError:
        return False, False
    told = device.highest_told()
    heard = all(place in lanes and lanes[place]["heard"] >= seq for place, seq in told.items())
    outstanding = any(lanes[place]["watermark"] < seq for place, seq in told.items() if place in lanes)
    return heard, outstanding
