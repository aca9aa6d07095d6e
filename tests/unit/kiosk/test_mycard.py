"""My card: what is shown of it, what each mishap says, and that nothing of it stays."""

from collections.abc import Mapping

import pytest

from kiosk_app.core.draft import Ability
from kiosk_app.core.effects import CARD, Ask, Failed, Heard, Wipe
from kiosk_app.core.flow import Flow
from kiosk_app.core.pages import Choice, Entry
from kiosk_app.core.session import Patience
from kiosk_app.core.tasks.offer import WITH_CARDS
from kiosk_app.machine.reasons import NO_CARDS, NO_NETWORK
from tests.support.kiosk import Kiosk, around
from tests.support.kiosk_machine import CARD as TOLD
from tests.support.kiosk_machine import TRIPS_MADE

PIN = "8264"


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk(flow=Flow(WITH_CARDS, Patience()))


def asked(kiosk: Kiosk) -> Ask:
    return next(effect for effect in reversed(kiosk.asked) if isinstance(effect, Ask))


def told(kiosk: Kiosk, state: str = "issued", **card: object) -> str:
    said = {"said": "done", "state": state, "card": {**TOLD, "pin": "none", **card}}
    kiosk.hear(Heard(asked(kiosk).number, said))
    return kiosk.read()


def held(kiosk: Kiosk) -> Kiosk:
    assert kiosk.press("start", "es", "mycard", "next").name == "mycard.hold"
    return kiosk


def test_kiosk_with_a_reader_offers_it_and_says_before_one_begins_why_it_cannot_be(kiosk: Kiosk) -> None:
    page = kiosk.press("start", "es")
    tiles = [item.id for item in page.items if isinstance(item, Choice)]
    assert tiles == ["report", "follow", "mycard", "agenda", "suggest", "more"]
    for ability, why in ((Ability.NETWORK, NO_NETWORK), (Ability.CARDS, NO_CARDS)):
        kiosk.around = around({ability: why})
        (tile,) = (item for item in kiosk.page.items if isinstance(item, Choice) and item.id == "mycard")
        assert tile.closed == why
        assert kiosk.press("mycard").name == "home"


def test_card_is_shown_and_the_process_goes_with_it(kiosk: Kiosk) -> None:
    held(kiosk)
    assert (asked(kiosk).what, asked(kiosk).about) == (CARD, "")
    page = told(kiosk, trips=TRIPS_MADE)
    assert "12,55 €" in page
    assert "Todas las zonas, del 2026-11-01 al 2026-11-30" in page
    assert "Zonas 1, 2, 3, del 2026-12-01 al 2027-02-28" in page
    assert "Quedan 7 viajes" in page
    assert "2031-11-01" in page
    assert page.count("Línea 4, parada 12") == 5
    assert "0,65 €" in page
    kiosk.press("done")
    assert kiosk.asked[-1] == Wipe(personal=True)


def test_pin_is_asked_for_the_trips_alone_and_given_with_the_next_reading(kiosk: Kiosk) -> None:
    held(kiosk)
    page = told(kiosk, pin="asked", pin_left=3)
    assert "12,55 €" in page
    assert "Línea" not in page
    page = kiosk.press("trips")
    assert page.name == "mycard.pin"
    (entry,) = (item for item in page.items if isinstance(item, Entry))
    assert entry.private
    assert entry.secret
    kiosk.type("mycard.pin", "826")
    assert kiosk.press("next").error is not None
    kiosk.type("mycard.pin", PIN)
    assert kiosk.press("next").name == "mycard.hold"
    assert asked(kiosk).about == PIN
    assert PIN not in repr(asked(kiosk)) + repr(kiosk.flow.session)
    assert "Línea 4" in told(kiosk, pin="right", trips=TRIPS_MADE)


def test_wrong_pin_says_how_often_it_may_be_tried_and_a_locked_one_what_to_do(kiosk: Kiosk) -> None:
    held(kiosk)
    assert "Le queda 1 intento." in told(kiosk, pin="wrong", pin_left=1)
    page = kiosk.press("trips")
    assert page.name == "mycard.pin"
    assert [item.value for item in page.items if isinstance(item, Entry)] == [""]
    kiosk.type("mycard.pin", PIN)
    kiosk.press("next")
    assert "bloqueado por tres fallos" in told(kiosk, pin="locked", pin_left=0)
    assert kiosk.page.others == ()


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("no_card", "No ha llegado"),
        ("removed", "se ha movido"),
        ("unknown", "se ha movido"),
        ("foreign_card", "banco y los móviles"),
        ("not_genuine", "No reconocemos"),
        ("unknown_card", "No reconocemos"),
        ("unreadable", "una sola tarjeta"),
        ("wrong_version", "más nueva"),
        ("reader", "lector"),
        ("unreached", "conexión"),
        ("whatever comes", "conexión"),
    ],
)
def test_each_mishap_has_its_sentence_and_the_next_try_is_one_press_away(
    kiosk: Kiosk, reason: str, words: str
) -> None:
    held(kiosk)
    page = kiosk.hear(Failed(asked(kiosk).number, reason))
    assert page.error is not None
    assert words in page.error.key
    assert page.name == "mycard.begin"
    assert kiosk.press("next").name == "mycard.hold"


@pytest.mark.parametrize(
    ("state", "card", "words"),
    [
        ("blocked", {}, "Está bloqueada"),
        ("replaced", {}, "la sustituye otra"),
        ("refunded", {}, "dada de baja"),
        ("issued", {"is_expired": True}, "caducada desde el 2031-11-01"),
    ],
)
def test_card_that_is_of_no_use_says_why(
    kiosk: Kiosk, state: str, card: Mapping[str, object], words: str
) -> None:
    held(kiosk)
    assert words in told(kiosk, state, **card)


@pytest.mark.parametrize(
    "card",
    [
        None,
        [],
        {"balance_minor": "1", "passes": 3, "trips": [1, {}, {"at_ms": 1}], "rides": [], "valid_until": "x"},
        {"balance_minor": 10**30, "passes": [{"first": 1}], "trips": {}, "pin": 7, "pin_left": "x"},
    ],
)
def test_malformed_answer_is_shown_as_none(kiosk: Kiosk, card: object) -> None:
    held(kiosk)
    kiosk.hear(Heard(asked(kiosk).number, {"said": "done", "card": card}))
    assert kiosk.page.name == "mycard.answer"
    assert "€" not in kiosk.read()


def test_answer_that_comes_after_somebody_went_back_is_shown_to_nobody(kiosk: Kiosk) -> None:
    number = asked(held(kiosk)).number
    kiosk.press("back")
    page = kiosk.hear(Heard(number, {"said": "done", "state": "issued", "card": TOLD}))
    assert page.name == "mycard.begin"
    kiosk.press("home")
    kiosk.wait(200_000)
    assert kiosk.asked[-1] == Wipe(personal=True)  # a card may have been read meanwhile
