"""The screen's process put together: flow, desk and machine, sealing, and the face in front of them.

It begins with one end of a line to the owner, and with nothing else of the device: no key, no folder. What a
citizen says is in this process alone, and goes with it.
"""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import structlog

from kiosk_app.core.draft import Place
from kiosk_app.core.flow import Flow
from kiosk_app.core.office import Hours
from kiosk_app.core.ports import Voice
from kiosk_app.core.session import Patience
from kiosk_app.core.tasks.offer import TASKS, WITH_CARDS
from kiosk_app.core.voice import Sentence
from kiosk_app.core.words import Speaker, Words
from kiosk_app.devices.port import CardReader
from kiosk_app.languages.speaker import TOWN_ZONE, Speakers
from kiosk_app.machine.assembly import PartsNamed, assemble
from kiosk_app.machine.card_reading import CardReading
from kiosk_app.machine.equipment import Equipment
from kiosk_app.machine.faceless import Faceless, Hands, drive
from kiosk_app.machine.far_owner import FarOwner
from kiosk_app.machine.framing import MessageLine
from kiosk_app.machine.hardening import shut_off
from kiosk_app.machine.leaving_desk import LeavingDesk
from kiosk_app.machine.lost_cards import LostCards
from kiosk_app.machine.machine import KioskMachine, Whereabouts
from kiosk_app.machine.photographs import PhotographBox
from kiosk_app.machine.taking import Taking
from kiosk_app.machine.told import Hello
from kiosk_app.town.demonstration import demonstration_town
from kiosk_app.town.gazetteer import TownGazetteer
from kiosk_app.town.map import TownMap
from kiosk_app.town.town import Town, read_town
from shared.edge.device_time import system_time
from shared.edge.teller import Teller
from shared.model.errors import DeviceError, InputError
from shared.model.wording import Language
from shared.protocol.settings import (
    KIOSK_BRAND,
    KIOSK_HOURS,
    KIOSK_PLACE,
    KIOSK_VERIFY,
    SCREEN_IDLE,
    SCREEN_LANGUAGES,
    SCREEN_RECEIPT,
    SCREEN_WARNING,
)

if TYPE_CHECKING:
    from kiosk_app.ui.app import KioskApp
    from kiosk_app.ui.look import Look

HELLO_TIMEOUT_S: Final = 30.0
_MS: Final = 1000

log = structlog.get_logger(__name__)


class ScreenEndedError(DeviceError):
    """The screen's window was closed; the owner opens another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenOptions:
    """How a screen is run.

    Attributes:
        faceless: where to listen for lines that drive the desk; None: there is a screen.
        driven: where to listen for such lines beside the screen; None: nowhere.
        town: the file of the town; None: the demonstration's.
        brand: the file of the town's name, mark and colours; None: the town's name alone.
        assets: the folder of typefaces and icons; None: below the environment.
        parts: what stands around the screen.
    """

    faceless: Path | None = None
    driven: Path | None = None
    town: Path | None = None
    brand: Path | None = None
    assets: Path | None = None
    parts: PartsNamed = field(default_factory=PartsNamed)


def run_screen(end: int, options: ScreenOptions) -> None:
    """Run a screen until the owner ends it, or has gone.

    Args:
        end: descriptor of this end of the line.
        options: how.

    Raises:
        TimeoutError: nobody is at the other end.
        InputError: the owner is another version, or the file of town or brand cannot be used.
        DeviceError: typefaces or icons are missing.
    """
    is_locked = shut_off()
    owner = FarOwner(MessageLine(socket.socket(fileno=end)), _end)
    hello = owner.begin(HELLO_TIMEOUT_S)
    log.info("screen", device=hello.device, memory_locked=is_locked)
    town = demonstration_town() if options.town is None else read_town(options.town)
    speaker_of = _speakers(owner)
    parts = replace(options.parts, typeface=_typeface(options))
    name = hello.settings.get(KIOSK_BRAND, {}).get("name", town.name)
    equipment, voice = assemble(parts, name, speaker_of)
    desk, machine = put_together(hello, owner, town, equipment, equipment.cards)
    if options.faceless is not None:
        Faceless(desk, machine, speaker_of, machine.beat).run(options.faceless)
    look = _look(town, options, hello.settings)
    app = _app(desk, machine, voice or SilentVoice(), speaker_of, look)
    if options.driven is not None:
        hands = Hands(desk, machine, speaker_of, app.carry_out)
        drive(options.driven, lambda line: app.at_next_frame(lambda: hands.said(line)))
    app.run()
    raise ScreenEndedError(ScreenEndedError.__doc__)


def _look(town: Town, options: ScreenOptions, settings: Mapping[str, Any]) -> "Look":
    # A kiosk without a screen needs no Kivy: tests and figures drive the same desk.
    from kiosk_app.ui.assets import find_assets  # noqa: PLC0415 - Kivy
    from kiosk_app.ui.look import Look  # noqa: PLC0415 - Kivy
    from kiosk_app.ui.theme import Brand, brand_with, read_brand  # noqa: PLC0415 - Kivy

    brand = Brand(name=town.name) if options.brand is None else read_brand(options.brand)
    try:
        brand = brand_with(brand, settings.get(KIOSK_BRAND, {}))
    except InputError as error:  # a colour that cannot be read must not keep the kiosk from standing there
        log.warning("brand_refused", reason=str(error))
    return Look(brand=brand, assets=find_assets(options.assets), town=TownMap(town))


def _typeface(options: ScreenOptions) -> Path | None:
    """Return what draws a letter that the printer lacks; a kiosk without a screen has no typeface."""
    if options.faceless is not None:
        return None
    from kiosk_app.ui.assets import find_assets  # noqa: PLC0415 - the screen alone
    from kiosk_app.ui.scene import Face  # noqa: PLC0415 - the screen alone

    return find_assets(options.assets).files[Face.BOLD]


def _app(
    desk: LeavingDesk,
    machine: KioskMachine,
    voice: Voice,
    speaker_of: Callable[[Language], Speaker],
    look: "Look",
) -> "KioskApp":
    from kiosk_app.ui.environment import hush_kivy  # noqa: PLC0415 - Kivy

    hush_kivy()
    from kiosk_app.ui.app import KioskApp  # noqa: PLC0415 - Kivy

    return KioskApp(desk, machine, voice, speaker_of, look, alive=machine.beat)


class SilentVoice:
    """A kiosk without a voice. Implements `kiosk_app.core.ports.Voice`."""

    def say(self, sentences: Sequence[Sentence], speaker: Speaker) -> None:
        """Say nothing."""


def put_together(
    hello: Hello, owner: FarOwner, town: Town, equipment: Equipment, cards: CardReader | None = None
) -> tuple[LeavingDesk, KioskMachine]:
    """Return desk and machine of a screen.

    Args:
        hello: who this kiosk is.
        owner: keeps what is sealed.
        town: what is found on it.
        equipment: camera and printer.
        cards: the card reader; None where there is none.
    """
    here = _here(hello, town)
    box = PhotographBox()
    taking = Taking(hello.device, Teller(hello.device, hello.sealing, owner, system_time()), owner, box)
    where = Whereabouts(
        here=here,
        gazetteer=TownGazetteer(town, here),
        office=_office(hello.settings),
        verify=hello.settings.get(KIOSK_VERIFY, ""),
    )
    reading = None if cards is None else CardReading(hello.device, hello.sealing, owner, cards)
    lost = None if cards is None else LostCards(hello.device, hello.sealing, owner)
    machine = KioskMachine(owner, taking, box, where, equipment, reading, lost)
    flow = Flow(TASKS if cards is None else WITH_CARDS, _patience(hello.settings), _languages(hello.settings))
    return LeavingDesk(flow, machine), machine


def _here(hello: Hello, town: Town) -> Place:
    """Return where the kiosk stands: as it was set, else somewhere in the town."""
    said = hello.settings.get(KIOSK_PLACE)
    if said is not None:
        return Place(lat=said["lat"], long=said["long"], address=said["address"])
    long, lat = town.streets[0].line[0]
    return Place(lat=lat, long=long, address=hello.site or town.name)


def _office(settings: Mapping[str, Any]) -> Callable[[], Words | None]:
    """Return who says whether the counter is open."""
    said = settings.get(KIOSK_HOURS)
    if said is None:
        return lambda: None
    hours, zone = Hours.read(said), ZoneInfo(TOWN_ZONE)
    return lambda: hours.closed(datetime.now(zone))


def _patience(settings: Mapping[str, Any]) -> Patience:
    usual = Patience()
    return Patience(
        idle_ms=settings.get(SCREEN_IDLE, usual.idle_ms // _MS) * _MS,
        warning_ms=settings.get(SCREEN_WARNING, usual.warning_ms // _MS) * _MS,
        receipt_ms=settings.get(SCREEN_RECEIPT, usual.receipt_ms // _MS) * _MS,
    )


def _languages(settings: Mapping[str, Any]) -> Sequence[Language]:
    return [Language(each) for each in settings.get(SCREEN_LANGUAGES, tuple(Language))]


def _speakers(owner: FarOwner) -> Callable[[Language], Speaker]:
    """Return who knows a language, with the town's own sentences as they are told."""
    made: list[tuple[object, Speakers]] = []

    def of(language: Language) -> Speaker:
        translations = owner.told.translations
        if not made or made[0][0] is not translations:
            made[:] = [(translations, Speakers(translations=translations))]
        return made[0][1].of(language)

    return of


def _end() -> None:
    """The owner has gone, and with it whoever keeps what is taken: end at once."""
    os._exit(0)
