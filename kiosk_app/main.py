"""The screen's process put together: flow, desk and machine, sealing, and the face in front of them.

It begins with one end of a line to the owner, and with nothing else of the device: no key, no folder. What a
citizen says is in this process alone, and goes with it.
"""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from kiosk_app.core.draft import Place
from kiosk_app.core.flow import Flow
from kiosk_app.core.session import Patience
from kiosk_app.core.tasks.offer import TASKS
from kiosk_app.core.words import Speaker
from kiosk_app.languages.speaker import Speakers
from kiosk_app.machine.equipment import Equipment, NoEquipment
from kiosk_app.machine.faceless import Faceless
from kiosk_app.machine.far_owner import FarOwner
from kiosk_app.machine.framing import MessageLine
from kiosk_app.machine.hardening import shut_off
from kiosk_app.machine.leaving_desk import LeavingDesk
from kiosk_app.machine.machine import KioskMachine, Whereabouts
from kiosk_app.machine.photographs import PhotographBox
from kiosk_app.machine.taking import Taking
from kiosk_app.machine.told import Hello
from kiosk_app.town.demonstration import demonstration_town
from kiosk_app.town.gazetteer import TownGazetteer
from kiosk_app.town.town import Town, read_town
from shared.edge.device_time import system_time
from shared.edge.teller import Teller
from shared.model.wording import Language
from shared.protocol.settings import KIOSK_PLACE, SCREEN_IDLE, SCREEN_RECEIPT, SCREEN_WARNING

HELLO_TIMEOUT_S: Final = 30.0
_MS: Final = 1000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenOptions:
    """How a screen is run.

    Attributes:
        faceless: where to listen for lines that drive the desk; None: there is a screen.
        town: the file of the town; None: the demonstration's.
        equipment: camera and printer.
    """

    faceless: Path | None = None
    town: Path | None = None
    equipment: Equipment | None = None


def run_screen(end: int, options: ScreenOptions) -> None:
    """Run a screen until the owner ends it, or has gone.

    Args:
        end: descriptor of this end of the line.
        options: how.

    Raises:
        TimeoutError: nobody is at the other end.
        InputError: the owner is another version, or the town's file cannot be used.
    """
    is_locked = shut_off()
    owner = FarOwner(MessageLine(socket.socket(fileno=end)), _end)
    hello = owner.begin(HELLO_TIMEOUT_S)
    log.info("screen", device=hello.device, memory_locked=is_locked)
    desk, machine = put_together(hello, owner, options)
    speaker_of = _speakers(owner)
    owner.heed = _heeding(desk, machine)
    if options.faceless is not None:
        Faceless(desk, machine, speaker_of, owner.beat).run(options.faceless)


def put_together(hello: Hello, owner: FarOwner, options: ScreenOptions) -> tuple[LeavingDesk, KioskMachine]:
    """Return desk and machine of a screen.

    Args:
        hello: who this kiosk is.
        owner: keeps what is sealed.
        options: how the screen is run.

    Raises:
        InputError: the town's file cannot be used.
    """
    town = demonstration_town() if options.town is None else read_town(options.town)
    here = _here(hello, town)
    box = PhotographBox()
    taking = Taking(hello.device, Teller(hello.device, hello.sealing, owner, system_time()), owner, box)
    where = Whereabouts(here=here, gazetteer=TownGazetteer(town, here))
    machine = KioskMachine(owner, taking, box, where, options.equipment or NoEquipment())
    return LeavingDesk(Flow(TASKS, _patience(hello.settings)), machine), machine


def _here(hello: Hello, town: Town) -> Place:
    """Return where the kiosk stands: as it was set, else somewhere in the town."""
    said = hello.settings.get(KIOSK_PLACE)
    if said is not None:
        return Place(lat=said["lat"], long=said["long"], address=said["address"])
    long, lat = town.streets[0].line[0]
    return Place(lat=lat, long=long, address=hello.site or town.name)


def _patience(settings: Mapping[str, Any]) -> Patience:
    usual = Patience()
    return Patience(
        idle_ms=settings.get(SCREEN_IDLE, usual.idle_ms // _MS) * _MS,
        warning_ms=settings.get(SCREEN_WARNING, usual.warning_ms // _MS) * _MS,
        receipt_ms=settings.get(SCREEN_RECEIPT, usual.receipt_ms // _MS) * _MS,
    )


def _speakers(owner: FarOwner) -> Callable[[Language], Speaker]:
    """Return who knows a language, with the town's own sentences as they are told."""
    made: list[tuple[object, Speakers]] = []

    def of(language: Language) -> Speaker:
        translations = owner.told.translations
        if not made or made[0][0] is not translations:
            made[:] = [(translations, Speakers(translations=translations))]
        return made[0][1].of(language)

    return of


def _heeding(desk: LeavingDesk, machine: KioskMachine) -> Callable[[Mapping[str, Any]], None]:
    """Return what is done with the owner's further words."""

    def heed(members: Mapping[str, Any]) -> None:
        if members.get("tell") == "anew":
            machine.leave_when(lambda: desk.is_idle)

    return heed


def _end() -> None:
    """The owner has gone, and with it whoever keeps what is taken: end at once."""
    os._exit(0)
