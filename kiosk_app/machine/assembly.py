"""Camera, printer and voice put together, as whoever started the kiosk named them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import time_ns
from typing import Final

from kiosk_app.core.draft import Ability
from kiosk_app.core.words import Speaker
from kiosk_app.devices.attendant import Attendant
from kiosk_app.devices.camera import FolderCamera, V4lCamera
from kiosk_app.devices.card_reader import PcscCardReader
from kiosk_app.devices.espeak import EspeakNg
from kiosk_app.devices.jack import KernelJack, NoJack
from kiosk_app.devices.port import Camera, Device, Jack
from kiosk_app.devices.presence import UsbPresence
from kiosk_app.devices.sound import AlsaSound
from kiosk_app.devices.spoken_voice import Outputs, SpokenVoice
from kiosk_app.devices.ticket_printer import EscPosPrinter
from kiosk_app.documents.escpos import paper_of
from kiosk_app.documents.paper_test import paper_test
from kiosk_app.documents.ticket import Ticket, ticket_data
from kiosk_app.machine.equipment import AttendedEquipment, Papers, TicketWanted
from shared.model.wording import Language

PAPER_USUAL: Final = "80mm"
ANY: Final = "any"
"""The first card reader that there is."""
ABILITIES: Final = {"camera": Ability.CAMERA, "printer": Ability.PRINTER, "cards": Ability.CARDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsNamed:
    """What stands around the screen.

    Attributes:
        camera: a V4L2 device, or a folder of pictures; None where there is none.
        printer: how the ticket printer is attached, see `kiosk_app.devices.wires`; None where there is none.
        sound: ALSA's name of the speaker; None for a kiosk without a voice.
        headset: ALSA's name of the headset; the speaker's where none is named.
        jack: the input device that watches the headset's socket; None where nothing does.
        paper: of the tickets, a name of `kiosk_app.documents.escpos.PAPERS`.
        letters: the printer's code page, see `kiosk_app.documents.escpos.paper_of`.
        typeface: draws what that page lacks; None where there is none.
        cards: how the name begins of the reader for citizens' cards, or `any`; None where there is none.
        reader: the card reader's USB id, such as `08e6:3437`; None where there is none.
    """

    camera: Path | None = None
    printer: str | None = None
    sound: str | None = None
    headset: str | None = None
    jack: str | None = None
    paper: str = PAPER_USUAL
    letters: str = ""
    typeface: Path | None = None
    cards: str | None = None
    reader: str | None = None


def assemble(
    named: PartsNamed, town: str, speaker_of: Callable[[Language], Speaker]
) -> tuple[AttendedEquipment, SpokenVoice | None]:
    """Put the parts together, and begin to look after them.

    Args:
        named: which there are.
        town: what stands on a ticket.
        speaker_of: who knows a language.

    Raises:
        InputError: there is no such paper or code page, or an id is none.
    """
    paper = paper_of(named.paper, named.letters, named.typeface)
    camera = _camera(named.camera)
    printer = None if named.printer is None else EscPosPrinter(named.printer)
    jack = NoJack() if named.jack is None else KernelJack(named.jack)
    voice = _voice(named, jack, speaker_of)
    reader = None if named.reader is None else UsbPresence(name="the card reader", usb_id=named.reader)
    cards = None if named.cards is None else PcscCardReader("" if named.cards == ANY else named.cards)
    devices: dict[str, Device | None] = {
        "camera": camera,
        "printer": printer,
        "voice": voice,
        "headset": None if named.jack is None else jack,
        "reader": reader,
        "cards": cards,
    }
    attendant = Attendant({name: each for name, each in devices.items() if each is not None}, ABILITIES)
    attendant.start()

    def make_ticket(wanted: TicketWanted) -> bytes:
        ticket = Ticket(
            town=town,
            type=wanted.type,
            reference=wanted.reference,
            proof=wanted.proof,
            at_ms=time_ns() // 1_000_000,
        )
        return ticket_data(ticket, speaker_of(wanted.language), paper)

    def make_test() -> bytes:
        return paper_test(town, datetime.now(UTC).astimezone(), paper)

    return AttendedEquipment(attendant, camera, printer, Papers(make_ticket, make_test), cards), voice


def _camera(path: Path | None) -> Camera | None:
    if path is None:
        return None
    return FolderCamera(path) if path.is_dir() else V4lCamera(str(path))


def _voice(named: PartsNamed, jack: Jack, speaker_of: Callable[[Language], Speaker]) -> SpokenVoice | None:
    if named.sound is None:
        return None
    outputs = Outputs(
        speaker=AlsaSound(named.sound),
        headset=AlsaSound(named.headset or named.sound),
        jack=jack,
    )
    return SpokenVoice(EspeakNg(), outputs, speaker_of)
