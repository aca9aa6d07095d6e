"""Every task is finished by somebody who sees nothing: six keys, and what is heard, in each language.

What is somebody's own is heard by a headset alone; whoever stands beside the speaker hears none of it.
"""

import pytest

from kiosk_app.core.desk import Key
from kiosk_app.core.effects import Answer, Ask, Failed, Heard, Submit, Wipe
from kiosk_app.core.flow import Flow
from kiosk_app.core.pages import Entry, Keyboard
from kiosk_app.core.session import Patience
from kiosk_app.core.tasks.offer import TASKS, WITH_CARDS
from kiosk_app.core.words import Words, say, written
from shared.model.card_number import card_number
from shared.model.event import EventType
from shared.model.ids import new_reference
from shared.model.wording import Language
from tests.support.kiosk import Kiosk
from tests.support.kiosk_machine import CARD, TRIPS_MADE
from tests.support.listener import Listener

CODE = new_reference(bytes(range(16)))
PHONE = "600123456"
PIN, WRONG_PIN = "8264", "8266"
NUMBER = card_number(41_234_567_890)
SECRETS = (PHONE, "cambiada", "6, 0, 0. 1, 2, 3", "Rota", "Gracias", CODE, ", ".join(CODE[:4]))


def somebody(language: Language, **others: object) -> Listener:
    listener = Listener(language=language, **others)  # pyright: ignore[reportArgumentType]  its own fields
    listener.wake()
    return listener


def sent(listener: Listener) -> Submit:
    return next(each for each in reversed(listener.kiosk.asked) if isinstance(each, Submit))


def leave(listener: Listener) -> None:
    """Finish, and hear that nothing is left."""
    listener.choose(say("Terminar"))
    assert listener.hears(say("Hemos terminado. Aquí no queda nada suyo."))
    assert isinstance(listener.kiosk.asked[-1], Wipe)


def give_number(listener: Listener) -> None:
    listener.dial(PHONE)
    listener.choose(say("Seguir"))


def has_heard_all(listener: Listener, *words: Words) -> None:
    assert [each for each in words if not listener.hears(each)] == []


def fact(label: str, answer: str) -> Words:
    return say("{label}: {answer}", label=Words(label), answer=written(answer))


def case(asked: Ask) -> Answer:
    """The hub knows one report, resolved, and another one near by."""
    if asked.what == "nearby":
        service = asked.about.rpartition(",")[2]
        row = {"report": "AB12", "service_code": service, "lat": 43.46, "long": -3.8}
        return Heard(asked.number, {"reports": [{**row, "age_days": 1, "supporters": 2}]})
    update = {"status": "closed", "notes": "Farola cambiada.", "at_ms": 1_795_000_000_000}
    return Heard(asked.number, {"status": "closed", "updates": [update], "rating_asked": True})


@pytest.mark.parametrize("language", Language)
def test_report_is_made_by_ear(language: Language) -> None:
    listener = somebody(language)
    assert listener.hears(say("¿Qué necesita?"))
    listener.choose(say("Avisar de un problema"))
    assert listener.hears(say("¿Qué ocurre?"))
    listener.choose(say("Ver más"))
    assert listener.hears(say("Hay {count} opción.", count=1))
    listener.choose(say("Ver más"))
    listener.choose(written("Farola"))
    assert listener.hears(say("¿Dónde es?"))
    listener.choose(say("En otra calle"))
    listener.type("Mar")
    assert listener.hears(say("Hay {count} opción.", count=1))
    listener.choose(written("Calle del Mar 3"))
    has_heard_all(listener, say("¿Quiere contarlo con sus palabras?"), say("Está vacío."))
    listener.type("Rota")
    listener.choose(say("Seguir"))
    listener.choose(say("Hacer una foto"))
    assert listener.hears(say("Foto {number}", number=1))
    listener.choose(say("Seguir"))
    listener.choose(say("Por teléfono"))
    give_number(listener)
    has_heard_all(
        listener,
        say("¿Está todo bien?"),
        fact("Qué", "Farola"),
        fact("Dónde", "Calle del Mar 3"),
        fact("Con sus palabras", "Rota"),
        fact("Le avisamos", "6, 0, 0. 1, 2, 3. 4, 5, 6"),
    )
    listener.choose(say("Enviar aviso"))
    assert listener.hears(say("Su código: {code}", code="K, D, P, X. 2, M, 4, T. 9, 4, V, W"))
    listener.choose(say("Imprimir"))
    assert listener.hears(say("Recoja su papel."))
    leave(listener)
    data = sent(listener).submission.data
    assert (data["address"], data["description"]) == ("Calle del Mar 3", "Rota")
    assert data["contact"] == {"phone": PHONE}


@pytest.mark.parametrize("language", Language)
def test_report_of_somebody_else_is_joined_by_ear(language: Language) -> None:
    listener = somebody(language, answers=case)
    listener.choose(say("Avisar de un problema"))
    listener.choose(written("Farola"))
    listener.choose(say("Aquí mismo"))
    assert listener.hears(say("¿Es alguno de estos?"))
    listener.choose(say("También me pasa: {service}", service="Farola"))
    listener.choose(say("No hace falta"))
    listener.choose(say("Enviar aviso"))
    leave(listener)
    assert sent(listener).submission.type is EventType.REPORT_SUPPORTED


@pytest.mark.parametrize("language", Language)
def test_report_is_followed_and_its_repair_rated_by_ear(language: Language) -> None:
    listener = somebody(language, answers=case)
    listener.choose(say("Seguir mi aviso"))
    listener.dial(CODE.replace("-", ""))
    listener.choose(say("Seguir"))
    has_heard_all(listener, say("Así está su aviso"), say("Está resuelto"))
    assert any("Farola cambiada." in text for text in listener.heard)
    listener.choose(say("Valorar el arreglo"))
    assert listener.hears(say("¿Cómo ha quedado?"))
    listener.choose(say("Mal"))
    listener.type("Rota")
    listener.choose(say("Seguir"))
    assert listener.hears(say("¿Está todo bien?"))
    listener.choose(say("Enviar valoración"))
    leave(listener)
    assert sent(listener).submission.data["reason"] == "Rota"


@pytest.mark.parametrize("language", Language)
def test_repair_is_rated_by_ear(language: Language) -> None:
    listener = somebody(language)
    listener.choose(say("Valorar un arreglo"))
    listener.dial(CODE.replace("-", ""))
    listener.choose(say("Seguir"))
    listener.choose(say("Muy bien"))
    listener.choose(say("Enviar valoración"))
    leave(listener)
    assert sent(listener).submission.data["score"] == 5


@pytest.mark.parametrize("language", Language)
def test_agenda_is_read_by_ear(language: Language) -> None:
    listener = somebody(language)
    listener.choose(say("Agenda, avisos e información"))
    listener.choose(say("Avisos del ayuntamiento"))
    if not listener.hears(say("¿Qué aviso quiere leer?")):
        assert any(listener.say(say("Ahora no hay nada.")) in text for text in listener.heard)
    listener.choose(say("Qué hacer estos días"))
    listener.choose(written({Language.EN: "Feast"}.get(language, "Fiesta")))
    assert listener.hears(written("El sábado, en la plaza."))
    listener.choose(say("Ver la lista"))
    assert listener.hears(say("¿Qué le interesa?"))


@pytest.mark.parametrize("language", Language)
def test_message_is_written_by_ear_and_answered_by_mail(language: Language) -> None:
    listener = somebody(language)
    listener.choose(say("Escribir al ayuntamiento"))
    listener.choose(say("Dar las gracias"))
    listener.type("Gracias")
    listener.choose(say("Seguir"))
    listener.choose(say("Por correo electrónico"))
    listener.type("ana@sol.es")
    listener.choose(say("Seguir"))
    listener.choose(say("Enviar mensaje"))
    leave(listener)
    data = sent(listener).submission.data
    assert (data["text"], data["contact"]) == ("Gracias", {"email": "Ana@sol.es"})


@pytest.mark.parametrize("language", Language)
def test_call_is_asked_for_by_ear(language: Language) -> None:
    listener = somebody(language)
    listener.choose(say("Que me llamen"))
    listener.choose(say("Otra cosa"))
    listener.dial("60012")
    listener.choose(say("Seguir"))
    assert listener.heard[0] == listener.say(
        say("Faltan o sobran cifras: un teléfono tiene nueve. Revíselo.")
    )
    listener.dial("3456")
    listener.choose(say("Seguir"))
    listener.choose(say("Por la mañana"))
    listener.choose(say("Pedir la llamada"))
    leave(listener)
    assert sent(listener).submission.data["phone"] == PHONE


def with_reader(language: Language, **others: object) -> Listener:
    return somebody(language, kiosk=Kiosk(flow=Flow(WITH_CARDS, Patience())), **others)


def card(asked: Ask) -> Answer:
    """The hub reads a card with a PIN; it tells its trips to whoever knows that."""
    word = {"": "asked", PIN: "right"}.get(asked.about, "wrong")
    told = {**CARD, "pin": word, "pin_left": 2, **({"trips": TRIPS_MADE} if word == "right" else {})}
    return Heard(asked.number, {"said": "done", "state": "issued", "card": told})


@pytest.mark.parametrize("language", Language)
def test_card_is_read_by_ear_and_its_trips_behind_the_pin(language: Language) -> None:
    listener = with_reader(language, answers=card)
    listener.choose(say("Ver mi tarjeta"))
    has_heard_all(listener, say("¿Quiere ver su tarjeta?"))
    listener.choose(say("Leer la tarjeta"))
    has_heard_all(listener, fact("Saldo", "12,55 €"))
    listener.choose(say("Ver los últimos viajes"))
    has_heard_all(listener, say("¿Cuál es el PIN de su tarjeta?"), say("Está vacío."))
    listener.dial(WRONG_PIN)
    assert listener.hears(say("Una cifra."))
    listener.choose(say("Seguir"))
    assert listener.hears(say("El PIN no es ese. Le quedan {count} intentos.", count=2))
    listener.choose(say("Escribir el PIN otra vez"))
    listener.dial(PIN)
    listener.choose(say("Seguir"))
    assert any("0,65 €" in text for text in listener.heard)
    leave(listener)
    assert listener.kiosk.asked[-1] == Wipe(personal=True)


def register(asked: Ask) -> Answer:
    """The hub blocks the card of one number and PIN."""
    if asked.about == f"{NUMBER} {PIN}":
        return Heard(asked.number, {"said": "done", "state": "blocked", "card": {"reference": CODE}})
    return Failed(asked.number, "no_match")


@pytest.mark.parametrize("language", Language)
def test_lost_card_is_blocked_by_ear(language: Language) -> None:
    listener = with_reader(language, answers=register)
    listener.choose(say("Más"))
    listener.choose(say("Bloquear mi tarjeta perdida"))
    has_heard_all(listener, say("¿Qué número tiene su tarjeta?"), say("Está vacío."))
    listener.dial(NUMBER)
    listener.choose(say("Seguir"))
    has_heard_all(listener, say("Al seguir se bloquea. Solo la desbloquea la oficina de atención."))
    listener.dial(WRONG_PIN)
    listener.choose(say("Seguir"))
    has_heard_all(
        listener,
        say("No hemos bloqueado nada: número y PIN no coinciden. Revíselos o pida que le llamen."),
    )
    for _ in WRONG_PIN:
        listener.choose(say("Borrar"))
    listener.dial(PIN)
    listener.choose(say("Seguir"))
    spelled = ". ".join(", ".join(group) for group in CODE.split("-"))
    has_heard_all(
        listener,
        say("Su tarjeta está bloqueada. Este es su justificante"),
        say("Su código: {code}", code=spelled),
    )
    leave(listener)
    assert listener.kiosk.asked[-1] == Wipe(personal=True)


@pytest.mark.parametrize("language", Language)
def test_whoever_stands_beside_the_speaker_hears_neither_card_nor_pin(language: Language) -> None:
    listener = with_reader(language, answers=card, owns_headset=False)
    kiosk = listener.kiosk
    for action in ("mycard", "next", "trips"):
        kiosk.now_ms += 900
        kiosk.asked += listener.desk.touch(action, kiosk.around, kiosk.now_ms)
        listener.key(Key.SPEAK)
    for digit in PIN:
        listener.desk.strike(digit, kiosk.around, kiosk.now_ms)
        listener.key(Key.SPEAK)
    for _ in range(30):
        listener.key(Key.DOWN)
    kiosk.now_ms += 900
    kiosk.asked += listener.desk.touch("next", kiosk.around, kiosk.now_ms)
    for _ in range(3):
        listener.key(Key.SPEAK)
    assert kiosk.page.name == "mycard.answer"
    beside = "\n".join(listener.everything)
    assert len(listener.everything) > 30
    assert [secret for secret in (PIN, "8, 2, 6", "12,55", "0,65", "120") if secret in beside] == []
    assert not any(len(text) == 1 for text in listener.everything)


def test_every_task_of_the_kiosk_is_finished_by_ear_above() -> None:
    tasks = {"report", "follow", "mycard", "agenda", "suggest", "callback", "lostcard", "rate"}
    assert {task.tile.id for task in WITH_CARDS} == tasks
    assert {task.tile.id for task in TASKS} == tasks - {"mycard", "lostcard"}


@pytest.mark.parametrize("language", Language)
def test_report_is_made_by_ear_without_a_headset(language: Language) -> None:
    listener = somebody(language, owns_headset=False)
    listener.choose(say("Avisar de un problema"))
    listener.choose(written("Farola"))
    listener.choose(say("En otra calle"))
    listener.type("Mar")
    listener.choose(written("Calle del Mar 3"))
    assert listener.hears(say("Para oír lo que es suyo, conecte unos auriculares."))
    listener.key(Key.RIGHT)
    assert listener.hears(say("Para oír las teclas, conecte unos auriculares."))
    listener.choose(say("Seguir sin escribir"))
    listener.choose(say("Seguir sin fotos"))
    listener.choose(say("No hace falta"))
    assert listener.hears(say("{label}: está en la pantalla.", label=say("Con sus palabras")))
    listener.choose(say("Enviar aviso"))
    leave(listener)


@pytest.mark.parametrize("language", Language)
def test_whoever_stands_beside_the_speaker_hears_nothing_of_somebody_s_own(language: Language) -> None:
    """Somebody types by sight with speech on and no headset, and goes through every page that shows it."""
    listener = somebody(language, owns_headset=False, answers=case)
    kiosk = listener.kiosk
    for tile, entry, text in (
        ("follow", "follow.code", CODE),
        ("rate", "rate.code", CODE),
        ("callback", "contact.phone", PHONE),
        ("suggest", "suggest.words", "Gracias"),
    ):
        kiosk.asked += listener.desk.touch(tile, kiosk.around, kiosk.now_ms)
        while not any(getattr(item, "id", "") == entry for item in kiosk.page.items):
            first = next(kiosk.page.actions()).id
            kiosk.now_ms += 900
            listener.desk.touch(first, kiosk.around, kiosk.now_ms)
        keyboard = next(item.keyboard for item in kiosk.page.items if isinstance(item, Entry))
        for character in text if keyboard is Keyboard.TEXT else text.replace("-", ""):
            listener.desk.strike(character, kiosk.around, kiosk.now_ms)
            listener.key(Key.SPEAK)
        for _ in range(40):
            listener.key(Key.DOWN)
        assert kiosk.page.main is not None
        kiosk.now_ms += 900
        kiosk.asked += listener.desk.touch(kiosk.page.main.id, kiosk.around, kiosk.now_ms)
        for _ in range(4):
            listener.key(Key.SPEAK)
            if kiosk.page.name.endswith((".review", ".answer")):
                break
            kiosk.now_ms += 900
            first = next(kiosk.page.actions()).id
            kiosk.asked += listener.desk.touch(first, kiosk.around, kiosk.now_ms)
        assert kiosk.page.name.endswith((".review", ".answer"))
        kiosk.press("home", "leave", "done")
        if kiosk.page.name == "attract":
            listener.wake()
    beside = "\n".join(listener.everything)
    assert len(listener.everything) > 100
    assert [secret for secret in SECRETS if secret in beside] == []
    assert not any(len(text) == 1 for text in listener.everything)
