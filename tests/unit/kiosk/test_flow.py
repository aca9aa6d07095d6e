"""The kiosk's flow: from a touch to a receipt, and what becomes of a session."""

from dataclasses import replace

from kiosk_app.core.draft import Ability
from kiosk_app.core.effects import (
    Ask,
    DropPhotos,
    Failed,
    Heard,
    PhotoTaken,
    Print,
    Printed,
    Submit,
    TakePhoto,
    Wipe,
)
from kiosk_app.core.flow import Flow
from kiosk_app.core.pages import Choice, Photo
from kiosk_app.core.session import Attract, Home, Patience, Session
from kiosk_app.core.tasks.offer import TASKS
from kiosk_app.core.words import say
from shared.model.catalogue import Catalogue
from shared.model.event import EventType
from shared.model.ids import new_reference
from shared.model.service_request import IncidentReported
from shared.model.wording import Language
from tests.support.kiosk import HERE, Kiosk, around

CODE = new_reference(bytes(range(16)))


def sent(kiosk: Kiosk) -> list[Submit]:
    return [effect for effect in kiosk.asked if isinstance(effect, Submit)]


def test_report_goes_from_a_touch_to_a_receipt() -> None:
    kiosk = Kiosk()
    assert kiosk.report().name == "report.review"
    kiosk.press("send")
    (submit,) = sent(kiosk)
    assert submit.submission.type is EventType.INCIDENT_REPORTED
    said = IncidentReported.from_data({**submit.submission.data, "reference": "KDPX2M4T"})
    assert (said.service_code, said.lat, said.address) == ("c0", HERE.lat, HERE.address)
    assert kiosk.take().name == "report.receipt"
    kiosk.press("done")
    assert kiosk.asked[-1] == Wipe(personal=False)
    assert kiosk.flow.session == Session()


def test_language_alone_is_not_asked_for_and_the_first_one_is_where_nobody_has_chosen() -> None:
    kiosk = Kiosk(flow=Flow(TASKS, Patience(), [Language.CA]))
    assert kiosk.flow.session.comfort.language is Language.CA
    assert kiosk.press("start").name == "home"
    assert kiosk.press("agenda", "home").name == "home"
    assert kiosk.press("back").name == "attract"
    assert kiosk.flow.session.comfort.language is Language.CA


def test_languages_are_offered_as_the_town_has_them() -> None:
    kiosk = Kiosk(flow=Flow(TASKS, Patience(), [Language.CA, Language.EN]))
    assert [choice.id for choice in kiosk.press("start").actions()] == ["ca", "en"]
    assert kiosk.press("es").name == "language"
    assert kiosk.press("en").name == "home"
    kiosk.wait(600_000)
    assert kiosk.flow.session.comfort.language is Language.CA


def test_second_press_while_it_is_taken_takes_nothing_more() -> None:
    kiosk = Kiosk()
    kiosk.report()
    kiosk.press("send", "send", "send")
    assert len(sent(kiosk)) == 1


def test_report_that_was_not_taken_is_still_there_and_says_so() -> None:
    kiosk = Kiosk()
    kiosk.report()
    kiosk.press("send")
    page = kiosk.hear(Failed(sent(kiosk)[-1].number, "no queda sitio en el disco."))
    assert page.name == "report.review"
    assert page.error is not None
    kiosk.press("send")
    assert len({submit.number for submit in sent(kiosk)}) == 2


def test_what_cannot_be_done_says_why_before_anybody_begins() -> None:
    kiosk = Kiosk(around=around({Ability.REPORTS: say("Ahora no cabe ningún aviso más.")}))
    page = kiosk.press("start", "es")
    closed = {item.id for item in page.items if isinstance(item, Choice) and item.closed is not None}
    assert closed == {"report", "suggest", "callback", "rate"}
    assert kiosk.press("report").name == "home"


def test_description_that_is_the_name_again_is_not_shown_twice() -> None:
    named = {"service_code": "luz", "service_name": {"es": "Farola"}}
    other = {**named, "service_code": "b", "description": {"es": "Apagada"}}
    services = [{**named, "description": {"es": "Farola"}}, other]
    kiosk = Kiosk(around=replace(around(), services=Catalogue.from_data({"services": services}).services))
    hints = [item.hint for item in kiosk.press("start", "es", "report").items if isinstance(item, Choice)]
    assert [hint is not None for hint in hints] == [False, True]


def test_answer_is_changed_from_the_review_and_the_others_stay() -> None:
    kiosk = Kiosk()
    kiosk.report()
    assert kiosk.press("report.category").name == "report.category"
    page = kiosk.press("more", "c6")
    assert page.name == "report.review"
    assert "Otra cosa" in kiosk.read()


def test_street_is_asked_with_the_place_that_is_changed_and_nothing_else() -> None:
    kiosk = Kiosk()
    kiosk.report()
    assert kiosk.press("report.place", "street").name == "report.street"
    assert kiosk.press("back").name == "report.place"
    kiosk.press("street")
    kiosk.type("street", "mayor")
    kiosk.press("found:0")
    if kiosk.page.name == "report.nearby":
        kiosk.press("next")
    assert kiosk.page.name == "report.review"
    assert "Calle Mayor 12" in kiosk.read()


def test_back_from_an_answer_that_is_changed_is_the_review_and_home_asks() -> None:
    kiosk = Kiosk()
    kiosk.report()
    assert kiosk.press("report.words", "back").name == "report.review"
    assert kiosk.press("report.words", "home").name == "leaving"
    assert kiosk.press("stay", "back").name == "report.review"


def test_question_that_another_service_needs_is_asked_before_the_review() -> None:
    kiosk = Kiosk()
    kiosk.report()
    assert kiosk.press("report.category", "c1").name == "report.attribute.tamano"
    assert kiosk.press("s", "next").name == "report.attribute.farola"
    assert kiosk.press("next").name == "report.review"
    assert "Sin respuesta" in kiosk.read()
    kiosk.press("report.attribute.riesgo", "p", "c", "next")
    assert kiosk.page.name == "report.review"
    assert "A peatones, A coches" in kiosk.read()


def test_further_questions_of_a_service_are_asked_and_their_answers_go_along() -> None:
    kiosk = Kiosk()
    assert kiosk.press("start", "es", "report", "c1", "here", "next").name == "report.attribute.tamano"
    assert kiosk.press("l").name == "report.attribute.riesgo"
    kiosk.press("p", "c", "p", "next")
    kiosk.type("attribute.farola", "F-12")
    kiosk.press("next", "next", "next", "nobody", "send")
    attributes = sent(kiosk)[0].submission.data["attributes"]
    assert attributes == {"tamano": "l", "riesgo": ["c"], "farola": "F-12"}


def test_answers_that_another_service_does_not_ask_for_stay_behind() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c1", "here", "next", "l", "next", "next", "next", "next", "nobody")
    kiosk.press("report.category", "c0", "here", "next", "next", "next", "nobody", "send")
    assert "attributes" not in sent(kiosk)[0].submission.data


def test_street_is_found_in_the_gazetteer_and_nothing_else_is_taken() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "street")
    assert kiosk.press("next").name == "report.street"
    kiosk.type("street", "Mayor")
    assert kiosk.press("found:0", "next").name == "report.words"
    kiosk.press("next", "next", "nobody", "send")
    assert sent(kiosk)[0].submission.data["address"] == "Calle Mayor 12"


def test_telephone_that_cannot_be_one_is_said_and_kept_for_mending() -> None:
    kiosk = Kiosk()
    kiosk.report()
    kiosk.press("report.contact", "phone")
    kiosk.type("contact.phone", "600 12")
    page = kiosk.press("next")
    assert page.error is not None
    kiosk.type("contact.phone", "600 123 456")
    assert kiosk.press("next").name == "report.review"


def test_photographs_are_taken_dropped_and_go_along() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here", "next", "next")
    for token in ("p1", "p2"):
        kiosk.press("photo")
        (asked,) = [each for each in kiosk.asked[-1:] if isinstance(each, TakePhoto)]
        kiosk.hear(PhotoTaken(asked.number, token))
    page = kiosk.press("drop:p1")
    assert [item.token for item in page.items if isinstance(item, Photo)] == ["p2"]
    assert kiosk.asked[-1] == DropPhotos(("p1",))
    kiosk.press("next", "nobody", "send")
    assert sent(kiosk)[0].submission.photos == ("p2",)


def test_photograph_that_comes_after_its_session_is_dropped() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here", "next", "next", "photo")
    asked = kiosk.asked[-1]
    assert isinstance(asked, TakePhoto)
    kiosk.wait(200_000)
    assert kiosk.flow.session == Session()
    kiosk.hear(PhotoTaken(asked.number, "late"))
    assert kiosk.asked[-1] == DropPhotos(("late",))
    assert kiosk.flow.session == Session()


def test_nobody_is_thrown_out_without_being_asked() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0")
    before = kiosk.page
    for _ in range(10):
        page = kiosk.wait(65_000)
        assert page.name == "idle"
        assert page.left_s == 25
        assert kiosk.press("stay") == before
    kiosk.wait(91_000)
    assert kiosk.asked[-1] == Wipe(personal=False)


def test_more_time_makes_every_wait_longer() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "comfort.more_time", "report")
    assert kiosk.wait(100_000).name == "report.category"
    assert kiosk.wait(100_000).name == "idle"
    kiosk.wait(80_000)
    assert isinstance(kiosk.flow.session.moment, Attract)
    assert not kiosk.flow.session.comfort.more_time


def test_session_with_something_personal_ends_with_a_thorough_wipe() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here", "next")
    kiosk.type("words", "la farola de mi casa")
    kiosk.press("home", "leave")
    assert isinstance(kiosk.flow.session.moment, Home)
    assert "farola de mi casa" not in repr(kiosk.flow.session.draft.answers)
    kiosk.press("back", "back")
    assert kiosk.asked[-1] == Wipe(personal=True)


def test_receipt_is_printed_once_and_says_when_it_was_not() -> None:
    kiosk = Kiosk()
    kiosk.report()
    kiosk.press("send")
    kiosk.take()
    kiosk.press("print", "print")
    asked = [effect for effect in kiosk.asked if isinstance(effect, Print)]
    assert len(asked) == 1
    page = kiosk.hear(Failed(asked[0].number, "no hay papel"))
    assert "No se pudo imprimir. Apunte el código." in repr(page)
    assert kiosk.hear(Printed(asked[0].number)) == page


def test_report_is_followed_by_its_code() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "follow")
    kiosk.type("follow.code", CODE.lower().replace("-", " "))
    assert kiosk.press("next").name == "waiting"
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    assert (asked.what, asked.about) == ("case", CODE)
    updates = [{"status": "open", "notes": ""}, {"status": "closed", "notes": "Farola cambiada.", "at_ms": 0}]
    page = kiosk.hear(Heard(asked.number, {"status": "closed", "service_code": "c0", "updates": updates}))
    assert page.name == "follow.answer"
    assert "Está resuelto" in kiosk.read()
    assert "Farola cambiada." in kiosk.read()
    kiosk.press("done")
    assert kiosk.asked[-1] == Wipe(personal=True)


def test_code_with_a_wrong_letter_is_not_asked_for() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "follow")
    kiosk.type("follow.code", CODE[:-1] + ("2" if CODE[-1] != "2" else "3"))
    page = kiosk.press("next")
    assert page.error is not None
    assert not any(isinstance(effect, Ask) for effect in kiosk.asked)


def test_answer_about_a_code_that_comes_after_its_session_is_shown_to_nobody() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "follow")
    kiosk.type("follow.code", CODE)
    kiosk.press("next")
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    kiosk.wait(200_000)
    kiosk.press("start", "es", "follow")
    updates = [{"status": "closed", "notes": "Farola cambiada."}]
    kiosk.hear(Heard(asked.number, {"status": "closed", "updates": updates}))
    assert kiosk.page.name == "follow.code"
    assert "Farola" not in kiosk.read()


def test_hub_that_cannot_be_asked_is_said_with_a_way_on() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "follow")
    kiosk.type("follow.code", CODE)
    kiosk.press("next")
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    page = kiosk.hear(Failed(asked.number, "away"))
    assert (page.name, page.error is None) == ("follow.code", False)


def test_agenda_is_read_and_one_goes_back_to_the_list() -> None:
    kiosk = Kiosk()
    page = kiosk.press("start", "es", "agenda")
    assert page.name == "agenda.kind"
    closed = [item.id for item in page.items if isinstance(item, Choice) and item.closed is not None]
    assert closed == ["notice", "information"]
    assert kiosk.press("event").name == "agenda.list"
    kiosk.press("fiesta")
    assert "Empieza: 2026-11-21T18:00:00Z" in kiosk.read()
    assert "Lugar: Plaza del Faro" in kiosk.read()
    assert kiosk.press("next").name == "agenda.list"
