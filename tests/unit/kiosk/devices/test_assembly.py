"""The parts of a kiosk as they are named at the command line: put together, and looked after."""

from pathlib import Path

import pytest

from kiosk_app.core.draft import Ability
from kiosk_app.languages.speaker import Speakers
from kiosk_app.machine.assembly import PartsNamed, assemble
from kiosk_app.machine.equipment import TicketWanted
from shared.model.errors import DeviceError, InputError
from shared.model.event import EventType
from shared.model.wording import Language
from tests.support.photographs import make_photograph
from tests.support.ticket_paper import Line, read_ticket
from tests.support.ticket_printer import SimulatedPrinter

WANTED = TicketWanted(
    type=EventType.INCIDENT_REPORTED,
    reference="KDPX-2M4T-94VW",
    proof="VT1:proof",
    language=Language.CA,
)


def test_ticket_comes_out_in_the_citizen_s_language_on_the_paper_that_is_in(tmp_path: Path) -> None:
    make_photograph(tmp_path / "one.jpg")
    with SimulatedPrinter() as printer:
        named = PartsNamed(camera=tmp_path, printer=printer.listen(), paper="58mm")
        equipment, voice = assemble(named, "Ajuntament", Speakers().of)
        assert voice is None
        assert equipment.why_not(Ability.PRINTER) is None
        assert equipment.take_photograph().startswith(b"\xff\xd8\xff")
        equipment.print_ticket(WANTED)
        sheet = read_ticket(printer.printed)
        assert "Hem rebut el seu" in sheet.large
        assert "KDPX 2M4T 94VW" in sheet.large
        assert max(len(part.text) for part in sheet.parts if isinstance(part, Line)) <= 32
        assert equipment.health() == {"camera": "ok", "printer": "ok"}


def test_part_that_is_missing_is_closed_and_says_what_to_do(tmp_path: Path) -> None:
    named = PartsNamed(printer="network:127.0.0.1:1", jack=str(tmp_path / "event7"), reader="08e6:3437")
    equipment, _ = assemble(named, "Ayuntamiento", Speakers().of)
    assert equipment.why_not(Ability.PRINTER) is not None
    assert equipment.why_not(Ability.CAMERA) is not None
    with pytest.raises(DeviceError, match="check its cable"):
        equipment.print_ticket(WANTED)
    health = equipment.health()
    assert {name: "check" in words or "name its" in words for name, words in health.items()} == {
        "printer": True,
        "headset": True,
        "reader": True,
    }


@pytest.mark.parametrize("wrong", [PartsNamed(paper="A4"), PartsNamed(reader="reader")])
def test_part_that_is_named_wrongly_is_refused(wrong: PartsNamed) -> None:
    with pytest.raises(InputError):
        assemble(wrong, "Ayuntamiento", Speakers().of)
