"""What comes back to a kiosk: its two processes, a hub and a core for real, and two citizens."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import TownHall
from tests.support.kiosk_process import KioskProcess
from tests.support.kiosk_town import CATALOGUE
from tests.support.photographs import make_photograph
from tests.support.polling import eventually

WORDS = "La farola de mi portal parpadea"
PATIENCE_S = 90.0


def begin(kiosk: KioskProcess, task: str) -> None:
    """Let somebody choose a task; a kiosk that has just come needs a moment to offer all."""
    page: Mapping[str, Any] = {}

    def offered() -> bool:
        nonlocal page
        page = kiosk.say(look=True)
        if page["page"] == "attract":  # nobody is there, or the screen was replaced under their hands
            kiosk.press("start")
        if page["page"] in {"attract", "language"}:
            kiosk.press("es")
        return task in page["choices"]

    eventually(offered, timeout_s=PATIENCE_S, what=lambda: f"{task} is offered; there is {page}")
    kiosk.press(task)


@pytest.mark.timeout(300)
def test_kiosk_follows_a_report_rates_its_repair_and_lets_another_citizen_join_it(
    own_hall: Callable[..., TownHall], tmp_path: Path
) -> None:
    hall = own_hall(open311_updates_every_s=0.2)
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text(json.dumps(CATALOGUE))
    hall.hub.command("bundle", "publish", "catalogue", str(catalogue))
    with KioskProcess(hall.hub.enrol("kiosk-1", tmp_path / "kiosk-1")) as kiosk:
        begin(kiosk, "report")
        kiosk.press("home", "back", "back")
        kiosk.wait_for_page("attract")
        code = str(kiosk.serve(WORDS)["reference"])
        eventually(lambda: code in hall.core.counts("requests"), timeout_s=PATIENCE_S, what="it at the core")

        join(kiosk)
        eventually(hall.core.mail, timeout_s=PATIENCE_S, what="that somebody joined")
        (support,) = hall.core.mail()
        assert (support["kind"], support["report_reference"]) == ("support", code)

        photo = make_photograph(tmp_path / "repair.jpg", width_px=640, height_px=480).read_bytes()
        hall.core.put_status(code, "closed", notes="Hemos cambiado la bombilla", picture=photo)
        follow_and_rate(kiosk, code)
        eventually(
            lambda: [body["score"] for body in hall.core.mail() if body["kind"] == "rating"] == [5],
            timeout_s=PATIENCE_S,
            what="the rating at the core",
        )
    assert hall.core.counts("requests") == {code: 1}
    assert hall.core.effects()["duplicates"] == 0


@pytest.mark.timeout(300)
def test_answer_to_a_message_is_read_by_its_code_at_the_kiosk(
    own_hall: Callable[..., TownHall], tmp_path: Path
) -> None:
    hall = own_hall(mailbox_answers_every_s=0.2)
    answer = "Pondremos tres bancos en mayo."
    with KioskProcess(hall.hub.enrol("kiosk-1", tmp_path / "kiosk-1")) as kiosk:
        begin(kiosk, "suggest")
        kiosk.press("complaint")
        kiosk.say(type="suggest.words", text="Faltan bancos en el paseo")
        kiosk.press("next", "nobody", "send")
        code = str(kiosk.wait_for_page("suggest.receipt")["reference"])
        screen = kiosk.wait_for_screen()
        kiosk.press("done")
        kiosk.wait_for_screen(other_than=screen)
        eventually(hall.core.mail, timeout_s=PATIENCE_S, what="the complaint at the core")
        hall.core.answer_mail(code, answer)

        def answered() -> bool:
            begin(kiosk, "follow")
            kiosk.say(type="follow.code", text=code)
            kiosk.press("next")
            page = eventually(lambda: _answer(kiosk), timeout_s=PATIENCE_S, what="an answer")
            if answer in page["said"] and "Ya le hemos respondido" in page["said"]:
                return True
            kiosk.press("home", "leave", "back", "back")
            return False

        eventually(answered, timeout_s=PATIENCE_S, what="the answer of the town hall")
    assert hall.hub.metrics()["ventanilla_mailbox_answers_total"] == 1
    assert hall.core.effects()["duplicates"] == 0


def join(kiosk: KioskProcess) -> None:
    """Report the same at the same place, and join whoever said so before."""
    screen = kiosk.wait_for_screen()
    begin(kiosk, "report")
    kiosk.press("farola", "here")
    page = eventually(lambda: _listed(kiosk), timeout_s=PATIENCE_S, what="what others reported")
    assert any("Farola" in words for words in page)
    (other,) = (each for each in kiosk.say(look=True)["choices"] if each != "next")
    kiosk.press(other, "nobody", "send")
    assert kiosk.wait_for_page("report.receipt")["reference"]
    kiosk.press("done")
    if kiosk.status()["screen"]["stage"] == "leaving":
        kiosk.wait_for_screen(other_than=screen)


def follow_and_rate(kiosk: KioskProcess, code: str) -> None:
    """Type the code of a receipt, see how it stands, and say what one thinks of it."""

    def asked() -> bool:
        begin(kiosk, "follow")
        kiosk.say(type="follow.code", text=code)
        kiosk.press("next")
        page = eventually(lambda: _answer(kiosk), timeout_s=PATIENCE_S, what="an answer")
        if "rate" in page["choices"] and "Hemos cambiado la bombilla" in page["said"] and page["photos"]:
            return True
        kiosk.press("home", "leave", "back", "back")  # it asks before it forgets a code without an answer
        return False

    eventually(asked, timeout_s=PATIENCE_S, what="the repair, and the question")
    screen = kiosk.wait_for_screen()
    kiosk.press("rate")
    kiosk.press(*(["next"] if kiosk.say(look=True)["page"] == "rate.code" else []), "5", "send")
    kiosk.wait_for_page("rate.receipt")
    kiosk.press("done")
    kiosk.wait_for_screen(other_than=screen)


def _listed(kiosk: KioskProcess) -> list[str]:
    page = kiosk.say(look=True)
    if page["page"] == "report.words":  # the hub answered before it had the other report
        kiosk.press("back")
    return page["said"] if page["page"] == "report.nearby" and len(page["choices"]) > 1 else []


def _answer(kiosk: KioskProcess) -> dict[str, list[str]]:
    page = dict(kiosk.say(look=True))
    return page if page["page"] in {"follow.answer", "follow.code"} else {}
