"""The stage: lets time pass, serves the street, plays one scene after the other, and tells who looks on.

    for _ in stage.play(scenes): show(stage)

Rules: everything that starts or ends a process happens on the thread that plays. A scene is a generator: each
`yield` gives the street a moment.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from hub.demo.asking import Door
from hub.demo.bus import StreetBus, tap_reference
from hub.demo.disks import Place
from hub.demo.kiosk import StreetKiosk
from hub.demo.standing import Receipt, Standing
from hub.demo.townhall import TownHall
from hub.demo.watch import Watch
from shared.model.errors import DeviceError
from shared.model.event import Stream
from shared.protocol.delivery import PROMISED

TICK_S: Final = 0.05
DRAIN_S: Final = 120.0
KIOSKS_CLOSE_S: Final = 15.0
"""After the last scene; on a slow machine not everybody has come to a kiosk by then."""
LAST_SHARE: Final = 0.1
RESERVED: Final[Mapping[str, int]] = {"counter-1": 40, "counter-2": 96, "terminal-1": 1, "kiosk-1": 1}
"""What the scenes need somebody for, so that it does not happen before."""

Scene = Generator[None]


class StuckError(DeviceError):
    """The demonstration waited too long for something; the logs in its folder say why."""


@dataclass(slots=True, kw_only=True)
class FaultOnStage:
    """A fault: its name in the table of texts, when it began, and when all flowed again.

    Attributes:
        details: numbers that its sentences name.
    """

    name: str
    began_s: float
    details: dict[str, object] = field(default_factory=dict[str, object])
    recovered_s: float | None = None

    @property
    def lasted_s(self) -> float:
        """How long; until now while it lasts."""
        return (self.recovered_s or time.monotonic()) - self.began_s


class Stage:
    """Everything that the audience sees.

    Attributes:
        devices: by id.
        kiosks: those among them that have a screen and citizens in front of it.
        buses: those among them that have a reader and passengers with cards.
        at_desk: what was done at a desk before the curtain rose.
        faults: those that were shown, the last one may still last.
        taking: more is being taken; False while everything drains.
    """

    def __init__(
        self,
        town_hall: TownHall,
        devices: Sequence[Standing],
        watch: Watch,
        *,
        taking_s: float,
        seed: int,
        at_desk: Sequence[Receipt] = (),
    ) -> None:
        """Set the stage; everything runs already."""
        self.town_hall = town_hall
        self.devices = {device.id: device for device in devices}
        self.kiosks = [device for device in devices if isinstance(device, StreetKiosk)]
        self.buses = [device for device in devices if isinstance(device, StreetBus)]
        self.watch = watch
        self.random = Random(seed)  # noqa: S311 - a town and its noise, no secrets
        self.at_desk = at_desk
        self.faults: list[FaultOnStage] = []
        self.taking = True
        self._taking_s = taking_s
        self._began_s = time.monotonic()
        self._scenes_left = True
        self._closing_s = 0.0

    # ---- for who looks on

    @property
    def fault(self) -> FaultOnStage | None:
        """The fault that lasts."""
        return self.faults[-1] if self.faults and self.faults[-1].recovered_s is None else None

    @property
    def elapsed_s(self) -> float:
        """Since the curtain rose."""
        return time.monotonic() - self._began_s

    @property
    def receipts(self) -> list[Receipt]:
        """What citizens were told, on the lanes that promise something."""
        return [
            one
            for device in self.devices.values()
            for one in list(device.receipts.values())
            if Stream(one.stream) in PROMISED
        ]

    @property
    def planned(self) -> int:
        """How many events there are in all."""
        return sum(device.planned for device in self.devices.values())

    @property
    def taken(self) -> int:
        """How many have a receipt, those of the devices' own health included."""
        return sum(len(device.receipts) for device in self.devices.values())

    # ---- playing

    def play(self, scenes: Sequence[Callable[["Stage"], Scene]]) -> Iterator[None]:
        """Play every scene, then let everything drain.

        Raises:
            StuckError: a scene did not go on, or somebody was not served.
        """
        for scene in scenes:
            for _ in scene(self):
                self._tick()
                yield
        self._scenes_left = False
        self._closing_s = time.monotonic()
        for _ in until(self._is_everybody_served, DRAIN_S):
            self._tick()
            yield
        self.taking = False
        with suppress(StuckError):  # what has not come through by then is missing in the sum
            for _ in until(self._is_drained, DRAIN_S):
                self._tick()
                yield

    @contextmanager
    def on_stage(self, name: str, **details: object) -> Generator[FaultOnStage]:
        """Announce a fault, and note its recovery."""
        fault = FaultOnStage(name=name, began_s=time.monotonic(), details=dict(details))
        self.faults.append(fault)
        yield fault
        fault.recovered_s = time.monotonic()

    def _tick(self) -> None:
        share = min(1.0, self.elapsed_s / self._taking_s)
        if self._scenes_left:
            share = min(share, 1 - LAST_SHARE)
        for device in self.devices.values():
            reserve = RESERVED.get(device.id, 0) if self._scenes_left else 0
            wanted = int(device.planned * share) - (device.planned - len(device.future))
            if device.open:
                device.call(min(wanted, len(device.future) - reserve))
            device.pump()
        time.sleep(TICK_S)

    def _is_everybody_served(self) -> bool:
        if time.monotonic() - self._closing_s > KIOSKS_CLOSE_S:
            for kiosk in self.kiosks:
                kiosk.send_home()
        return all(device.at_rest for device in self.devices.values())

    def _is_drained(self) -> bool:
        """Everybody is asked, in the order in which things travel: what was seen earlier proves nothing."""
        return all(device.is_empty() for device in self.devices.values()) and self.watch.is_settled()

    # ---- what scenes ask

    def lanes(self, device: Standing) -> Mapping[Place, Mapping[str, Any]]:
        """Ask the hub how far it holds a device's promised lanes."""
        said = self.town_hall.hub.get(f"/v1/devices/{device.id}")
        return {
            (lane["stream"], lane["epoch"]): lane
            for lane in said["lanes"]
            if Stream(lane["stream"]) in PROMISED
        }

    def fates(self, receipts: Sequence[Receipt]) -> list[str]:
        """Ask the hub what became of events."""
        known = identified(self.town_hall.hub, receipts)
        return [one["fate"] for one in self.town_hall.hub.fates([question(one) for one in known])]

    def committed(self) -> list[Receipt]:
        """Ask the hub which of the promised events it holds."""
        receipts = self.receipts
        return [one for one, fate in zip(receipts, self.fates(receipts), strict=True) if fate == "committed"]

    def image_of(self, device: Standing) -> Path:
        """Where an image of its disk is kept."""
        return self.town_hall.folder / "images" / device.id


def identified(hub: Door, receipts: Sequence[Receipt]) -> list[Receipt]:
    """Return receipts with their events' ids: the registers know a kiosk's reference, and a card's deed.

    One that no register knows keeps an id that is nobody's: it is known by its place alone.
    """
    if all(one.named for one in receipts):
        return list(receipts)
    ids = {row["reference"]: row["event_id"] for row in hub.pages("/v1/service-requests")}
    for row in hub.pages("/v1/payments"):
        ids[tap_reference(row["device"], row["subject"], row["counter"])] = row["event_id"]
    return [
        one
        if one.named or one.reference not in ids
        else replace(one, event=replace(one.event, id=ids[one.reference]))
        for one in receipts
    ]


def question(receipt: Receipt) -> dict[str, object]:
    """Write a receipt as the hub is asked about it."""
    return {
        "device": receipt.event.device,
        "event_id": receipt.event.id,
        "stream": receipt.stream,
        "epoch": receipt.epoch,
        "seq": receipt.seq,
    }


def until(reached: Callable[[], bool], patience_s: float, *, every_s: float = 0.0) -> Scene:
    """Let time pass until something is so, looking every so often.

    Raises:
        StuckError: it took too long.
    """
    deadline_s = time.monotonic() + patience_s
    while not reached():
        if time.monotonic() > deadline_s:
            raise StuckError(StuckError.__doc__)
        yield from pause(every_s)
        yield


def pause(pause_s: float) -> Scene:
    """Let time pass."""
    deadline_s = time.monotonic() + pause_s
    while time.monotonic() < deadline_s:
        yield
