"""A kiosk's processes killed at named points of a report, and its network cut in the middle of one."""

import signal
import subprocess
from pathlib import Path

import pytest

from shared.protocol.receipts import judge
from tests.support.kiosk_process import KioskProcess, end
from tests.support.kiosk_secrets import KioskAtHub
from tests.support.polling import eventually
from tests.support.ticket_printer import SimulatedPrinter

DELAY_S = 20
"""For which a sync that has been done is not said to be done: the kill falls into it."""
BACK_S = 90.0


class Kiosk(KioskAtHub):
    """A kiosk at a hub, with a printer; started again after each death of its owner."""

    def __init__(self, folder: Path, printer: SimulatedPrinter) -> None:
        super().__init__(folder)
        self.at = printer.listen()
        self.start()

    def start(self) -> None:
        self.kiosk = KioskProcess(self.town.home, "--printer", self.at)
        self.kiosk.wait_for_screen()

    def kill(self, who: str) -> None:
        """Kill the owner, as a power cut would, or the screen; there is a first page again in seconds."""
        if who == "owner":
            self.kiosk.kill()
            self.start()
        else:
            screen = self.kiosk.wait_for_screen()
            end(screen)
            self.kiosk.wait_for_screen(other_than=screen)
        assert self.kiosk.wait_for_page("attract")

    def wait_for_place(self, shown: str) -> None:
        """Wait until the hub has what a receipt names."""
        told = judge(shown, self.town.keys().by_id()).receipt
        assert told is not None
        place = (told.epoch, told.seq)
        eventually(lambda: place in self.places(), timeout_s=BACK_S, what="the report at the hub")


@pytest.mark.requires("strace")
@pytest.mark.timeout(400)
@pytest.mark.parametrize("who", ["owner", "screen"])
def test_kiosk_killed_at_each_point_of_a_report_loses_nothing_and_has_nothing_twice(
    tmp_path: Path, who: str
) -> None:
    with SimulatedPrinter() as printer:
        kiosk = Kiosk(tmp_path, printer)
        try:
            before_it_is_stored(kiosk, who)
            when_it_is_stored_and_nobody_was_told(kiosk, who)
            while_its_ticket_is_printed(kiosk, who, printer)
            eventually(lambda: len(kiosk.places()) >= 2, timeout_s=BACK_S, what="both reports at the hub")
            assert len(kiosk.places()) == 2
            kiosk.hub.nothing_wrong()
        finally:
            kiosk.close()


def before_it_is_stored(kiosk: Kiosk, who: str) -> None:
    """The owner has not even been asked: nothing was taken, and nobody has a receipt."""
    kiosk.kiosk.go_to_review("Antes de guardar")
    end(kiosk.kiosk.pid, signal.SIGSTOP)
    assert kiosk.kiosk.say(touch="send")["page"] == "sending"
    if who == "screen":
        end(kiosk.kiosk.screens()[-1])
        end(kiosk.kiosk.pid, signal.SIGCONT)
        kiosk.kiosk.wait_for_screen()
        assert kiosk.kiosk.wait_for_page("attract")
    else:
        kiosk.kill(who)
    assert not kiosk.places()


def when_it_is_stored_and_nobody_was_told(kiosk: Kiosk, who: str) -> None:
    """It is on the disk, and the screen has not heard of it: it arrives once."""
    kiosk.kiosk.go_to_review("Guardado y sin recibo")
    log = kiosk.town.home.path.parent / f"{who}.strace"
    wal = f"{kiosk.town.home.outbox}-wal"
    strace = ["strace", "-f", "-o", str(log), "-p", str(kiosk.kiosk.pid), "-e", "trace=fsync,fdatasync"]
    strace += ["-e", f"inject=fsync,fdatasync:delay_exit={DELAY_S * 1_000_000}", "-P", wal]
    status = Path(f"/proc/{kiosk.kiosk.pid}/status")
    with subprocess.Popen(strace, stderr=subprocess.DEVNULL) as tracer:
        eventually(lambda: f"TracerPid:\t{tracer.pid}" in status.read_text(), what="strace at the owner")
        assert kiosk.kiosk.say(touch="send")["page"] == "sending"
        eventually(lambda: "sync(" in log.read_text(), what="the sync of the report")
        assert kiosk.kiosk.say(look=True)["page"] == "sending"
        if who == "screen":
            end(kiosk.kiosk.screens()[-1])
            tracer.terminate()  # the owner goes on as soon as nobody holds it
            tracer.wait()
            kiosk.kiosk.wait_for_screen()
            assert kiosk.kiosk.wait_for_page("attract")
        else:
            kiosk.kill(who)
    eventually(lambda: len(kiosk.places()) == 1, timeout_s=BACK_S, what="the report at the hub")


def while_its_ticket_is_printed(kiosk: Kiosk, who: str, printer: SimulatedPrinter) -> None:
    """The first bytes of its ticket are out: the report has a receipt on the screen, and arrives."""
    page = kiosk.kiosk.report("A medio imprimir")
    kiosk.kiosk.press("print")
    eventually(lambda: printer.printed, what="the first bytes of a ticket")
    kiosk.kill(who)
    kiosk.wait_for_place(str(page["qr"]))


@pytest.mark.timeout(300)
def test_broker_cut_in_the_middle_of_a_report_costs_nothing(tmp_path: Path) -> None:
    with SimulatedPrinter() as printer:
        kiosk = Kiosk(tmp_path, printer)
        try:
            kiosk.kiosk.wait_for_status(state="streaming")
            kiosk.kiosk.go_to_review("Cortan la red ahora")
            kiosk.cut()
            kiosk.kiosk.press("send")
            page = kiosk.kiosk.wait_for_page("report.receipt")
            assert not kiosk.places()
            kiosk.kiosk.press("done")
            kiosk.mend()
            kiosk.wait_for_place(str(page["qr"]))
            assert len(kiosk.places()) == 1
            kiosk.hub.nothing_wrong()
        finally:
            kiosk.close()
