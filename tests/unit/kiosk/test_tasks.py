"""The kiosk's tasks: what each sends, what it asks the hub, and what becomes of it without a network."""

from collections.abc import Mapping

import pytest

from kiosk_app.core.draft import Ability
from kiosk_app.core.effects import UNKNOWN, Ask, Failed, Heard, Submission, Submit, Taken
from kiosk_app.core.pages import Choice, Code, Note, Photo
from kiosk_app.core.session import Home
from kiosk_app.core.words import say
from shared.edge.happenings import happening
from shared.model.event import EventType
from shared.model.ids import new_reference
from tests.support.kiosk import HERE, Kiosk, around

CODE = new_reference(bytes(range(16)))
OTHER = "01900000-0000-7000-8000-000000000001"
NEAR: Mapping[str, object] = {
    "report": OTHER,
    "service_code": "c0",
    "lat": HERE.lat + 0.0004,
    "long": HERE.long,
    "age_days": 3,
    "supporters": 2,
}


def last_sent(kiosk: Kiosk) -> Submit:
    return next(effect for effect in reversed(kiosk.asked) if isinstance(effect, Submit))


def may_be_taken(said: Submission) -> bool:
    return happening(said.type, {"reference": CODE, **said.data}, event_id=OTHER).type is said.type


def nearby(kiosk: Kiosk, *reports: Mapping[str, object]) -> None:
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    kiosk.hear(Heard(asked.number, {"reports": list(reports)}))


def test_home_page_shows_every_task_in_its_order() -> None:
    page = Kiosk().press("start", "es")
    tiles = [item.id for item in page.items if isinstance(item, Choice)]
    assert tiles == ["report", "follow", "agenda", "suggest", "callback", "rate"]


# ---- what others reported


def test_report_joins_another_one_and_may_still_become_one_of_its_own() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here")
    assert kiosk.page.name == "report.nearby"
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    assert (asked.what, asked.about) == ("nearby", f"{HERE.lat:.5f},{HERE.long:.5f},c0")
    nearby(kiosk, NEAR)
    assert "También me pasa: Farola" in kiosk.read()
    assert kiosk.press(OTHER).name == "report.contact"
    assert kiosk.press("nobody").name == "report.review"
    kiosk.press("report.nearby", "next")
    kiosk.type("words", "la mía parpadea")
    kiosk.press("next", "next", "nobody", "send")
    said = last_sent(kiosk).submission
    assert (said.type, said.data["description"]) == (EventType.INCIDENT_REPORTED, "la mía parpadea")


def test_whoever_joins_a_report_sends_its_public_code_and_takes_a_code_home() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here")
    nearby(kiosk, NEAR)
    kiosk.press(OTHER, "phone")
    kiosk.type("contact.phone", "600 123 456")
    kiosk.press("next", "send")
    said = last_sent(kiosk).submission
    assert said.type is EventType.REPORT_SUPPORTED
    assert said.data == {"report": OTHER, "channel": "kiosk", "contact": {"phone": "600 123 456"}}
    assert may_be_taken(said)
    assert any(isinstance(item, Code) for item in kiosk.take().items)


def test_words_that_were_typed_survive_joining_and_leaving_another_report() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here")
    nearby(kiosk, NEAR)
    kiosk.press("next")
    kiosk.type("words", "ni una palabra se pierde")
    kiosk.press("back", OTHER, "nobody")
    assert kiosk.press("report.nearby", "next").name == "report.words"
    kiosk.press("next", "next", "nobody", "send")
    assert last_sent(kiosk).submission.data["description"] == "ni una palabra se pierde"


def test_whoever_joined_and_then_moves_the_place_reports_their_own() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here")
    nearby(kiosk, NEAR)
    kiosk.press(OTHER, "nobody", "back", "back", "back", "landmark", "found:0")
    assert kiosk.page.name == "report.nearby"
    nearby(kiosk)
    assert kiosk.page.name == "report.words"
    kiosk.press("next", "next", "nobody", "send")
    assert last_sent(kiosk).submission.type is EventType.INCIDENT_REPORTED


@pytest.mark.parametrize(
    "answer", [{"reports": []}, {"reports": "nonsense"}, {"reports": [{"report": 3}]}, {}]
)
def test_nothing_near_by_goes_on_without_a_question(answer: Mapping[str, object]) -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here")
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    assert kiosk.hear(Heard(asked.number, answer)).name == "report.words"


def test_hub_that_does_not_answer_about_near_by_costs_nothing() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here")
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    page = kiosk.hear(Failed(asked.number, "away"))
    assert (page.name, page.error) == ("report.words", None)


def test_nobody_waits_for_what_others_reported_and_a_late_answer_shows_nothing() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here")
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    assert kiosk.press("next").name == "report.words"
    page = kiosk.hear(Heard(asked.number, {"reports": [NEAR]}))
    assert (page.name, page.error) == ("report.words", None)


def test_without_a_network_nobody_is_asked_about_others() -> None:
    kiosk = Kiosk(around=around({Ability.NETWORK: say("Ahora no hay red.")}))
    assert kiosk.press("start", "es", "report", "c0", "here").name == "report.words"
    assert not any(isinstance(effect, Ask) for effect in kiosk.asked)


def test_network_that_goes_while_others_are_looked_up_leaves_everybody_where_they_are() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here")
    kiosk.around = around({Ability.NETWORK: say("Ahora no hay red.")})
    assert kiosk.page.name == "report.nearby"
    assert kiosk.press("next").name == "report.words"


# ---- an outcome that nobody knows


def test_disk_that_does_not_answer_is_said_and_another_attempt_is_the_same_event() -> None:
    kiosk = Kiosk()
    kiosk.report()
    kiosk.press("send")
    first = last_sent(kiosk)
    page = kiosk.wait(16_000)
    assert page.name == "unsure"
    assert page.home
    kiosk.press("again")
    second = last_sent(kiosk)
    assert (second.once, second.submission) == (first.once, first.submission)
    assert second.number != first.number
    kiosk.hear(Taken(first.number, "KDPX 2M4T", "VT1"))
    assert kiosk.page.name == "sending"
    assert kiosk.take().name == "report.receipt"


def test_late_answer_of_the_disk_is_still_a_receipt() -> None:
    kiosk = Kiosk()
    kiosk.report()
    kiosk.press("send")
    kiosk.wait(16_000)
    assert kiosk.take().name == "report.receipt"


def test_nobody_is_told_that_nothing_was_sent_while_nobody_knows() -> None:
    kiosk = Kiosk()
    kiosk.report()
    kiosk.press("send")
    assert kiosk.hear(Failed(last_sent(kiosk).number, UNKNOWN)).name == "unsure"
    kiosk.press("again")
    page = kiosk.hear(Failed(last_sent(kiosk).number, "no queda sitio en el disco."))
    assert page.name == "unsure"
    assert "No se ha enviado nada" not in kiosk.read()
    kiosk.press("home")
    assert isinstance(kiosk.flow.session.moment, Home)


def test_pressing_while_it_is_being_sent_does_not_prolong_the_wait() -> None:
    kiosk = Kiosk()
    kiosk.report()
    kiosk.press("send")
    for _ in range(20):
        kiosk.press("send")
        kiosk.wait(1_000)
    assert kiosk.page.name == "unsure"


# ---- the others


def test_bad_repair_is_rated_with_a_reason_and_thanked_for() -> None:
    kiosk = Kiosk(around=around({Ability.NETWORK: say("Ahora no hay red.")}))
    kiosk.press("start", "es", "rate")
    kiosk.type("rate.code", CODE.lower())
    assert kiosk.press("next", "2").name == "rate.reason"
    kiosk.type("rate.reason", "Se ha vuelto a soltar")
    kiosk.press("next", "send")
    said = last_sent(kiosk).submission
    assert said.data == {
        "report_reference": CODE,
        "score": 2,
        "channel": "kiosk",
        "reason": "Se ha vuelto a soltar",
    }
    assert may_be_taken(said)
    page = kiosk.take("")
    assert not any(isinstance(item, Code) for item in page.items)
    assert {choice.id for choice in page.actions()} == {"done", "another"}


def test_good_repair_is_rated_without_a_reason_even_if_one_was_typed_before() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "rate")
    kiosk.type("rate.code", CODE)
    kiosk.press("next", "1")
    kiosk.type("rate.reason", "Mal")
    kiosk.press("back", "5", "send")
    assert "reason" not in last_sent(kiosk).submission.data


def test_answer_about_a_report_leads_to_rating_it() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "follow")
    kiosk.type("follow.code", CODE)
    kiosk.press("next")
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    page = kiosk.hear(Heard(asked.number, {"status": "closed", "rating_asked": True, "picture": "pic"}))
    assert [item.token for item in page.items if isinstance(item, Photo)] == ["pic"]
    assert kiosk.press("rate").name == "rate.score"
    kiosk.press("4", "send")
    assert last_sent(kiosk).submission.data["report_reference"] == CODE


def test_rating_that_nobody_asks_for_does_not_begin_from_the_answer() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "follow")
    kiosk.type("follow.code", CODE)
    kiosk.press("next")
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    kiosk.hear(Heard(asked.number, {"status": "open"}))
    assert kiosk.press("rate").name == "follow.answer"


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("report", "open", "Está en marcha"),
        (None, "open", "Está en marcha"),
        ("callback", "open", "Ya lo tiene quien le responde"),
        ("suggestion", "closed", "Ya le hemos respondido"),
        ("callback", "closed", "Ya está atendido"),
        ("suggestion", "received", "Lo hemos recibido"),
    ],
)
def test_code_of_a_message_says_whether_it_was_answered(kind: str | None, status: str, words: str) -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "follow")
    kiosk.type("follow.code", CODE)
    kiosk.press("next")
    asked = kiosk.asked[-1]
    assert isinstance(asked, Ask)
    page = kiosk.hear(Heard(asked.number, {"status": status, "kind": kind}))
    is_message = kind in {"callback", "suggestion"}
    assert page.title.key == ("Así está su mensaje" if is_message else "Así está su aviso")
    assert [item.words.key for item in page.items if isinstance(item, Note)] == [words]


def test_message_goes_to_the_mailbox_with_its_kind_and_a_way_to_answer() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "suggest", "complaint")
    assert kiosk.press("next").error is not None
    kiosk.type("suggest.words", "  Faltan bancos  ")
    kiosk.press("next", "email")
    kiosk.type("contact.email", "ana@ejemplo.es")
    kiosk.press("next", "send")
    said = last_sent(kiosk).submission
    assert said.type is EventType.SUGGESTION_MADE
    assert said.data == {
        "kind": "complaint",
        "text": "Faltan bancos",
        "channel": "kiosk",
        "contact": {"email": "ana@ejemplo.es"},
    }
    assert may_be_taken(said)


def test_call_is_asked_for_without_a_network_and_says_when_it_comes() -> None:
    kiosk = Kiosk(around=around({Ability.NETWORK: say("Ahora no hay red.")}))
    kiosk.press("start", "es", "callback", "payment")
    kiosk.type("contact.phone", "600 123 456")
    kiosk.press("next", "afternoon")
    assert "El próximo día laborable. Por la tarde. De 16 a 19." in kiosk.read()
    kiosk.press("send")
    said = last_sent(kiosk).submission
    assert said.data == {
        "phone": "600 123 456",
        "topic": "payment",
        "window": "afternoon",
        "channel": "kiosk",
    }
    assert may_be_taken(said)
    kiosk.take()
    assert "Le llamamos el próximo día laborable" in kiosk.read()


def test_call_without_a_whole_number_is_not_asked_for() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "callback", "other")
    kiosk.type("contact.phone", "600")
    page = kiosk.press("next")
    assert (page.name, page.error is None) == ("callback.phone", False)


def test_agenda_shows_how_old_it_is() -> None:
    old = say("De hace 3 días: no hay red.")
    kiosk = Kiosk(around=around(age=old))
    for actions in (["start", "es", "agenda"], ["event"], ["fiesta"]):
        kiosk.press(*actions)
        assert "De hace 3 días" in kiosk.read()
