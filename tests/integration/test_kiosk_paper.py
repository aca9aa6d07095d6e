"""A real kiosk with a ticket printer at a real connection: paper that proves what was taken, and none."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from pyzbar.pyzbar import decode

from kiosk_app.documents.escpos import PAPER_58
from kiosk_app.documents.paper_test import LETTERS
from shared.protocol.receipts import Verdict, judge
from tests.support.kiosk_process import KioskProcess
from tests.support.kiosk_town import KioskTown
from tests.support.polling import eventually
from tests.support.ticket_paper import draw, read_ticket
from tests.support.ticket_printer import SimulatedPrinter

CUT = b"\x1dV\x42\x00"
ROUND_S = 60.0


@pytest.fixture(scope="module")
def printer() -> Iterator[SimulatedPrinter]:
    with SimulatedPrinter() as printer:
        yield printer


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KioskTown]:
    made = KioskTown(tmp_path_factory.mktemp("paper"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def kiosk(town: KioskTown, printer: SimulatedPrinter) -> Iterator[KioskProcess]:
    with KioskProcess(town.home, "--printer", printer.listen(), "--paper", "58mm") as running:
        running.wait_for_screen()
        yield running


def test_ticket_of_a_report_proves_it_with_the_town_s_keys_alone(
    kiosk: KioskProcess, printer: SimulatedPrinter, town: KioskTown
) -> None:
    page = kiosk.report("La farola parpadea")
    kiosk.press("print")
    eventually(lambda: printer.printed.endswith(CUT), timeout_s=ROUND_S, what="the ticket")
    (found,) = decode(draw(printer.printed, PAPER_58))
    judged = judge(found.data.decode(), town.keys().by_id())
    assert judged.verdict is Verdict.GENUINE
    assert judged.receipt is not None
    assert judged.receipt.reference == page["reference"]
    lines = read_ticket(printer.printed).lines
    assert judged.receipt.reference.replace("-", " ") in lines
    assert "parpadea" not in " ".join(lines)
    eventually(lambda: "print" not in kiosk.say(look=True)["choices"], timeout_s=ROUND_S, what="it is done")
    kiosk.press("done")


def test_technician_prints_a_test_and_hears_what_is_in_the_way() -> None:
    with SimulatedPrinter() as other:
        words = [sys.executable, "-m", "shared.cli", "kiosk", "paper-test", "--printer", other.listen()]
        run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert run.returncode == 0, run.stderr
        assert other.printed.count(CUT) == 2
        assert any(LETTERS in line for line in read_ticket(other.printed).lines)
        other.cover_open = True
        run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert run.returncode == 1
        assert "close it" in run.stderr


def test_printer_without_paper_is_said_before_anybody_presses(
    kiosk: KioskProcess, printer: SimulatedPrinter
) -> None:
    kiosk.wait_for_screen()
    kiosk.wait_for_page("attract")
    printer.paper_out = True
    said = "put a roll in"
    eventually(lambda: said in str(kiosk.status()), timeout_s=ROUND_S, what="health names the remedy")
    page = kiosk.report("Otra vez")
    assert page["closed"]["print"] == "La impresora no tiene papel."
    before = printer.printed
    kiosk.press("print")
    assert printer.printed == before
    printer.paper_out = False
    eventually(lambda: said not in str(kiosk.status()), timeout_s=ROUND_S, what="it is back by itself")
