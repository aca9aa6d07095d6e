"""Every task through the real window: by touches, and with six keys by what is heard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from pyzbar.pyzbar import decode

from tests.support.kiosk_machine import PROOF, REFERENCE
from tests.support.polling import eventually
from tests.support.screen import ScreenProcess

CALM_MS = 61_000
GONE_MS = 40_000


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreenProcess]:
    """One window for all tests of this file: Kivy keeps one for good."""
    screen = ScreenProcess(tmp_path_factory.mktemp("kivy"))
    yield screen
    assert screen.close() == 0


@pytest.fixture
def screen(process: ScreenProcess) -> Iterator[ScreenProcess]:
    """Begins where nobody is, and ends there."""
    assert process.page == "attract"
    yield process
    process.ask("open")
    while process.page != "attract":
        process.ask("wait", ms=400_000)


def begin(screen: ScreenProcess) -> None:
    assert screen.press("start", "es") == "home"


def test_nothing_of_another_page_stays_on_the_window(screen: ScreenProcess) -> None:
    begin(screen)
    for action in ("report", "c0", "map", "north", "back", "street", "M", "back", "back", "home"):
        screen.press(action)
        pieces, standing = screen.ask("standing")
        assert standing == pieces, screen.page


def test_report_by_touch_ends_with_a_code_that_is_read_back(screen: ScreenProcess, tmp_path: Path) -> None:
    begin(screen)
    assert screen.press("report", "c0", "street") == "report.street"
    assert screen.press("M", "a", "y") == "report.street"
    assert screen.ask("hand") == "May"
    assert screen.press("found:0", "next") == "report.words"
    screen.press("´", "A", "g")
    assert screen.ask("hand") == "Ág"
    assert screen.press("next", "photo") == "report.photos"
    assert "Foto 1" in screen.texts()
    assert screen.press("next", "phone") == "report.phone"
    assert screen.press(*"600", "next") == "report.phone"
    assert any("Faltan o sobran cifras" in text for text in screen.texts())
    assert screen.press(*"123456", "next") == "report.review"
    screen.press("send")
    assert screen.page == "report.receipt"
    assert REFERENCE in screen.texts()
    with Image.open(screen.shot(tmp_path / "receipt.png")) as picture:
        assert [code.data.decode() for code in decode(picture)] == [PROOF]
    screen.press("print")
    assert "Recoja su papel." in screen.texts()
    assert screen.press("done") == "attract"
    assert screen.ask("asked")[-1] == "Wipe"


def test_report_with_six_keys_by_what_is_heard(screen: ScreenProcess) -> None:
    assert screen.key("speak") == "language"
    assert screen.ask("said")[0] == "¿En qué idioma?"
    for words, page in (
        ("Español", "home"),
        ("Avisar de un problema", "report.category"),
        ("Farola o luz", "report.place"),
        ("Aquí mismo", "report.nearby"),
        ("No, es otra cosa", "report.words"),
        ("Seguir sin escribir", "report.photos"),
        ("Seguir sin fotos", "report.contact"),
        ("No hace falta", "report.review"),
    ):
        screen.find(words)
        assert screen.page == page
    screen.find("Enviar aviso")
    assert screen.page == "report.receipt"
    assert any("Su código" in sentence for sentence in screen.ask("said"))


@pytest.mark.parametrize(
    ("way", "page"),
    [
        (("follow",), "follow.code"),
        (("agenda",), "agenda.kind"),
        (("suggest",), "suggest.kind"),
        (("callback",), "callback.topic"),
        (("rate",), "rate.code"),
    ],
)
def test_other_task_opens_and_goes_back(screen: ScreenProcess, way: tuple[str, ...], page: str) -> None:
    begin(screen)
    assert screen.press(*way) == page
    assert screen.press("back") == "home"


def test_report_is_followed_by_a_code_that_a_keyboard_types(screen: ScreenProcess) -> None:
    begin(screen)
    screen.press("follow")
    screen.ask("type", text=REFERENCE.replace(" ", ""))
    screen.press("next")
    assert screen.page == "follow.answer"
    assert {"Hemos cambiado la bombilla y el cristal.", "Así ha quedado"} <= set(screen.texts())


def test_map_is_moved_by_pointing_and_by_arrows(screen: ScreenProcess) -> None:
    begin(screen)
    screen.press("report", "c0", "map")
    before = screen.texts()
    x, y = screen.place("at:")
    screen.ask("tap", x=x + 200, y=y - 150)
    pointed = screen.texts()
    assert pointed != before
    screen.press("south")
    assert screen.texts() != pointed
    assert screen.press("next") == "report.nearby"


def test_what_is_closed_says_why_and_has_no_effect(screen: ScreenProcess) -> None:
    screen.ask("close", ability="network", why="Ahora no hay red.")
    begin(screen)
    assert "Ahora no hay red." in screen.texts()
    assert screen.press("follow") == "home"


def test_finger_that_leaves_what_it_pressed_has_no_effect(screen: ScreenProcess) -> None:
    begin(screen)
    assert screen.ask("tap_outside", action="report")["name"] == "home"


def test_finger_that_trembles_chooses_nothing_on_the_page_that_its_press_has_brought(
    screen: ScreenProcess,
) -> None:
    begin(screen)
    x, y = screen.place("report")
    assert screen.ask("tap", x=x, y=y)["name"] == "report.category"
    assert screen.ask("tap", x=x + 10, y=y - 10, after_ms=150)["name"] == "report.category"
    assert screen.ask("tap", x=x, y=y, after_ms=250)["name"] == "report.place"


def test_page_where_nobody_is_begins_wherever_it_is_touched(screen: ScreenProcess) -> None:
    assert screen.ask("tap", x=300, y=400)["name"] == "language"


def test_idle_page_counts_down_and_the_session_is_wiped(screen: ScreenProcess) -> None:
    begin(screen)
    screen.press("report", "c0", "here", "next")
    screen.ask("type", text="600123456")
    screen.ask("wait", ms=CALM_MS)
    assert screen.page == "idle"
    assert "29" in screen.texts()
    assert screen.press("stay") == "report.words"
    screen.ask("wait", ms=CALM_MS + GONE_MS)
    assert screen.page == "attract"
    assert screen.ask("hand") == ""
    assert not any("600123456" in text for text in screen.texts())


def test_letter_that_is_typed_draws_little_anew(screen: ScreenProcess) -> None:
    begin(screen)
    screen.press("report", "c0", "here", "next")
    screen.ask("type", text="La")
    screen.press("q")
    drawn = screen.ask("anew")
    assert drawn["anew"] < drawn["pieces"] / 10


def test_clock_of_the_screen_feeds_the_watchdog(screen: ScreenProcess) -> None:
    assert screen.ask("alive") >= 1


def test_screen_is_quick_while_somebody_presses_and_calm_again_afterwards(screen: ScreenProcess) -> None:
    begin(screen)
    assert screen.ask("pace") == 60
    eventually(lambda: screen.ask("pace") == 30, timeout_s=30.0, what="a calm screen")
    screen.key("right")
    assert screen.ask("pace") == 60
    screen.ask("wait", ms=CALM_MS + GONE_MS)
    eventually(lambda: screen.ask("pace") == 20, timeout_s=30.0, what="the page where nobody is")
