"""A lost card: number and PIN, one press, and what each answer says."""

from collections.abc import Mapping

import pytest

from kiosk_app.core.draft import Ability
from kiosk_app.core.effects import LOST, Ask, Failed, Heard, Wipe
from kiosk_app.core.flow import Flow
from kiosk_app.core.pages import Choice, Code, Entry
from kiosk_app.core.session import Patience
from kiosk_app.core.tasks.offer import WITH_CARDS
from kiosk_app.machine.reasons import NO_CARDS, NO_NETWORK
from shared.model.card_number import card_number
from tests.support.kiosk import Kiosk, around
from tests.support.kiosk_machine import REFERENCE

NUMBER, PIN = card_number(41_234_567_890), "8264"


@pytest.fixture
def kiosk() -> Kiosk:
    kiosk = Kiosk(flow=Flow(WITH_CARDS, Patience()))
    kiosk.press("start", "es", "more")
    return kiosk


def asked(kiosk: Kiosk) -> Ask:
    return next(effect for effect in reversed(kiosk.asked) if isinstance(effect, Ask))


def given(kiosk: Kiosk) -> Ask:
    """Give number and PIN."""
    kiosk.press("lostcard")
    kiosk.type("lostcard.number", NUMBER)
    kiosk.press("next")
    kiosk.type("lostcard.pin", PIN)
    assert kiosk.press("next").name == "lostcard.wait"
    return asked(kiosk)


def test_without_a_network_it_says_so_before_one_begins_and_without_a_reader_it_works(kiosk: Kiosk) -> None:
    kiosk.around = around({Ability.NETWORK: NO_NETWORK})
    closed = {item.id: item.closed for item in kiosk.page.items if isinstance(item, Choice)}
    assert closed["lostcard"] == NO_NETWORK
    assert closed["callback"] is None
    assert kiosk.press("lostcard").name == "more"
    kiosk.around = around({Ability.CARDS: NO_CARDS})
    assert kiosk.press("lostcard").name == "lostcard.number"


def test_number_and_pin_are_private_checked_and_asked_once(kiosk: Kiosk) -> None:
    page = kiosk.press("lostcard")
    (entry,) = (item for item in page.items if isinstance(item, Entry))
    assert (entry.private, entry.secret) == (True, False)
    kiosk.type("lostcard.number", NUMBER[:-1] + str((int(NUMBER[-1]) + 1) % 10))
    error = kiosk.press("next").error
    assert error is not None
    assert "doce cifras" in error.key
    kiosk.type("lostcard.number", NUMBER)
    page = kiosk.press("next")
    (entry,) = (item for item in page.items if isinstance(item, Entry))
    assert (entry.private, entry.secret) == (True, True)
    kiosk.type("lostcard.pin", PIN)
    kiosk.press("next")
    question = asked(kiosk)
    assert (question.what, question.about) == (LOST, f"{NUMBER} {PIN}")
    assert NUMBER not in repr(question) + repr(kiosk.flow.session)


def test_blocked_card_has_a_receipt_and_the_process_goes_with_it(kiosk: Kiosk) -> None:
    question = given(kiosk)
    page = kiosk.hear(Heard(question.number, {"said": "done", "card": {"reference": REFERENCE}}))
    assert page.name == "lostcard.answer"
    assert [item.reference for item in page.items if isinstance(item, Code)] == [REFERENCE]
    assert "Ya no sirve" in kiosk.read()
    kiosk.press("done")
    assert kiosk.asked[-1] == Wipe(personal=True)


@pytest.mark.parametrize("card", [None, [], {}, {"reference": 7}, {"reference": "AAAA-AAAA-AAAA"}])
def test_answer_without_a_good_receipt_says_that_it_is_blocked(kiosk: Kiosk, card: object) -> None:
    question = given(kiosk)
    said: Mapping[str, object] = {"said": "done", "card": card}
    page = kiosk.hear(Heard(question.number, said))
    assert not [item for item in page.items if isinstance(item, Code)]
    assert "bloqueada" in kiosk.read()


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("no_match", "no coinciden"),
        ("too_many", "demasiados"),
        ("unreached", "no sabemos si está bloqueada"),
        ("whatever comes", "no sabemos si está bloqueada"),
    ],
)
def test_each_failure_has_its_sentence_and_the_next_try_is_one_press_away(
    kiosk: Kiosk, reason: str, words: str
) -> None:
    page = kiosk.hear(Failed(given(kiosk).number, reason))
    assert page.error is not None
    assert words in page.error.key
    assert kiosk.press("next").name == "lostcard.wait"
