"""The ticket printer, with a real connection between: paper is asked for before, "printed" is said after."""

import pytest

from kiosk_app.devices.port import State
from kiosk_app.devices.ticket_printer import EscPosPrinter, Status
from kiosk_app.devices.wires import open_wire
from shared.model.errors import DeviceError
from tests.support.polling import eventually
from tests.support.ticket_printer import SimulatedPrinter

TICKET = b"\x1b@Hola\n" * 2000


@pytest.mark.parametrize("where", ["listen", "attach"])
def test_ticket_is_on_paper_when_printing_returns(where: str) -> None:
    with SimulatedPrinter() as printer:
        ours = EscPosPrinter(getattr(printer, where)())
        assert ours.health().state is State.WORKS
        ours.print_ticket(TICKET)
        assert printer.printed == TICKET
        ours.print_ticket(b"again")
        assert printer.printed == TICKET + b"again"
        ours.close()


@pytest.mark.parametrize(
    ("wrong", "words", "told"),
    [
        ("paper_out", "put a roll in", "La impresora no tiene papel."),
        ("cover_open", "close it", "La impresora no funciona ahora."),
        ("cutter_jammed", "clear its cutter", "La impresora no funciona ahora."),
    ],
)
def test_printer_that_stands_still_says_why_and_prints_nothing(wrong: str, words: str, told: str) -> None:
    with SimulatedPrinter() as printer:
        ours = EscPosPrinter(printer.listen())
        setattr(printer, wrong, True)
        health = ours.health()
        assert health.state is State.BROKEN
        assert health.remedy.endswith(words) or words in health.remedy
        assert health.why is not None
        assert health.why.key == told
        with pytest.raises(DeviceError, match=words):
            ours.print_ticket(TICKET)
        assert printer.printed == b""
        setattr(printer, wrong, False)
        assert ours.health().state is State.WORKS
        ours.print_ticket(b"after")
        assert printer.printed == b"after"


def test_paper_that_ends_soon_is_said_and_still_prints() -> None:
    with SimulatedPrinter(paper_low=True) as printer:
        ours = EscPosPrinter(printer.listen())
        health = ours.health()
        assert (health.state, health.is_usable, health.why) == (State.SOON, True, None)
        ours.print_ticket(TICKET)
        assert printer.printed == TICKET


def test_printer_that_answers_other_bytes_too_is_understood() -> None:
    with SimulatedPrinter(babbles=True) as printer:
        ours = EscPosPrinter(printer.listen())
        assert ours.health().state is State.WORKS


def test_cable_pulled_in_the_middle_of_a_ticket_is_no_printed_ticket_and_it_comes_back() -> None:
    with SimulatedPrinter(gone_after=3000) as printer:
        ours = EscPosPrinter(printer.listen())
        with pytest.raises(DeviceError):
            ours.print_ticket(TICKET)
        printer.gone_after = None
        printer.printed = b""
        assert ours.health().state is State.WORKS
        ours.print_ticket(b"after")
        assert printer.printed == b"after"


def test_printer_that_is_switched_off_is_away_and_says_what_to_check() -> None:
    with SimulatedPrinter() as printer:
        ours = EscPosPrinter(printer.listen())
        ours.open()
        printer.switch_off()
        eventually(lambda: ours.health().state is State.AWAY)
        assert "check its cable and that it is on" in ours.health().remedy


def test_printer_that_answers_nothing_has_failed_within_its_time() -> None:
    with SimulatedPrinter(silent=True) as printer:
        health = EscPosPrinter(printer.listen()).health()
        assert health.state is State.AWAY
        assert "does not answer" in health.remedy


@pytest.mark.parametrize(
    "name", ["", "usb", "network:nowhere", "network::9100", "serial:/dev/null:1", "fax:1", "usb:/no/such"]
)
def test_printer_that_is_named_wrongly_says_what_to_do(name: str) -> None:
    with pytest.raises(DeviceError):
        open_wire(name)
    assert EscPosPrinter(name).health().state is State.AWAY


def test_status_of_a_printer_with_every_fault_names_the_first_that_a_hand_can_mend() -> None:
    status = Status.parse(0x1A, 0x76, 0x1A, 0x7E)
    assert (status.offline, status.cover_open, status.paper_out, status.broken) == (True, True, True, True)
    assert "close it" in status.health("usb:lp0").remedy
