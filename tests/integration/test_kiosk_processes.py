"""The kiosk's two processes, for real: a report without a network, screens killed, hung and replaced."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.outbox import Outbox
from shared.model.event import Stream
from shared.protocol.receipts import Verdict, judge
from tests.support.kiosk_process import KioskProcess, end
from tests.support.kiosk_town import KioskTown
from tests.support.polling import eventually


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KioskTown]:
    made = KioskTown(tmp_path_factory.mktemp("kiosk"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def kiosk(town: KioskTown) -> Iterator[KioskProcess]:
    with KioskProcess(town.home) as running:
        running.wait_for_screen()
        yield running


def waiting(kiosk: KioskProcess) -> int:
    return int(kiosk.status()["lanes"]["cases"]["unacknowledged"])


@pytest.mark.sentence("R-1")
def test_report_without_a_network_ends_with_a_receipt_that_holds(
    kiosk: KioskProcess, town: KioskTown
) -> None:
    before = waiting(kiosk)
    page = kiosk.report("La farola parpadea")
    judged = judge(page["qr"], town.keys().by_id())
    assert judged.verdict is Verdict.GENUINE
    assert judged.receipt is not None
    assert (judged.receipt.device, judged.receipt.reference) == ("kiosk-9", page["reference"])
    assert (judged.receipt.stream, judged.receipt.type) == ("cases", "incident.reported")
    assert waiting(kiosk) == before + 1
    kiosk.press("done")


def test_screen_is_replaced_after_a_session_with_personal_data(kiosk: KioskProcess) -> None:
    before = kiosk.wait_for_screen()
    kiosk.report("Soy yo, la del tercero")
    kiosk.press("done")
    after = kiosk.wait_for_screen(other_than=before)
    assert kiosk.screens() == [after]
    assert kiosk.wait_for_page("attract")["choices"] == ["start"]


@pytest.mark.parametrize("hand", [{"touch": "start"}, {"key": "speak"}])
def test_who_presses_while_the_screen_is_replaced_is_told_so_and_begins_at_the_next_one(
    kiosk: KioskProcess, hand: dict[str, object]
) -> None:
    before = kiosk.wait_for_screen()
    kiosk.report("La de antes")
    assert kiosk.press("done")["page"] == "attract"
    assert kiosk.say(**hand)["page"] == "coming"
    kiosk.wait_for_screen(other_than=before)
    kiosk.wait_for_page("language")
    assert kiosk.press("back")["choices"] == ["start"]


def test_screen_stays_after_a_session_in_which_nobody_gave_anything(kiosk: KioskProcess) -> None:
    before, replaced = kiosk.wait_for_screen(), kiosk.status()["screen"]["replaced"]
    kiosk.wait_for_page("attract")
    kiosk.press("start", "ca", "agenda", "home", "back", "back")
    kiosk.wait_for_page("attract")
    assert kiosk.wait_for_screen() == before
    assert kiosk.status()["screen"]["replaced"] == replaced


def test_killed_screen_is_replaced_and_costs_nothing_that_was_taken(kiosk: KioskProcess) -> None:
    kiosk.report("Antes del golpe")
    taken, screen = waiting(kiosk), kiosk.wait_for_screen()
    end(screen)
    kiosk.wait_for_screen(other_than=screen)
    assert kiosk.wait_for_page("attract")
    assert waiting(kiosk) == taken
    assert "ended with -9" in kiosk.status()["screen"]["why"]


def test_hung_screen_is_killed_and_replaced(kiosk: KioskProcess) -> None:
    screen = kiosk.wait_for_screen()
    end(screen, signal.SIGSTOP)
    kiosk.wait_for_screen(other_than=screen)
    assert kiosk.screens() == [kiosk.wait_for_screen()]
    assert "stood still" in kiosk.status()["screen"]["why"]
    assert kiosk.wait_for_page("attract")


def test_owner_killed_after_a_receipt_has_what_it_promised(tmp_path: Path) -> None:
    town = KioskTown(tmp_path)
    with KioskProcess(town.home) as kiosk:
        kiosk.wait_for_screen()
        page = kiosk.report("Justo antes del corte")
        kiosk.kill()
    town.close()
    judged = judge(page["qr"], town.keys().by_id())
    assert judged.receipt is not None
    with Outbox(town.home.outbox, "kiosk-9") as outbox:
        (epoch,) = [view for view in outbox.epochs(Stream.CASES) if view.epoch == judged.receipt.epoch]
        assert epoch.last >= judged.receipt.seq


def test_kiosk_told_to_end_takes_its_screens_along(tmp_path: Path) -> None:
    town = KioskTown(tmp_path)
    with KioskProcess(town.home) as kiosk:
        kiosk.wait_for_screen()
        screens = kiosk.screens()
        assert kiosk.stop() == 0
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in screens), what="no screen left")
    town.close()
