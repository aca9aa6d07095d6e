"""Who speaks to a citizen: the catalogues, the town's own texts, moments and amounts."""

from datetime import UTC, datetime

import pytest

from kiosk_app.core.effects import Failed, Print
from kiosk_app.core.words import Instant, say, say_counted, written
from kiosk_app.languages.speaker import Speakers
from shared.model.errors import InputError
from shared.model.money import Money
from shared.model.translations import Translations
from shared.model.wording import Language
from tests.support.kiosk import Kiosk

SATURDAY = Instant(int(datetime(2026, 11, 21, 9, 15, tzinfo=UTC).timestamp() * 1000))
APRIL = Instant(int(datetime(2027, 4, 1, 22, 30, tzinfo=UTC).timestamp() * 1000))


def town(**texts: dict[str, str]) -> Translations:
    keys = {"home": "¿Qué necesita?", "more": "Ver más", "step": "Paso {place} de {count}."}
    return Translations.from_data({"texts": {keys[name]: text for name, text in texts.items()}})


@pytest.mark.parametrize(
    ("language", "title", "moment"),
    [
        (Language.ES, "¿Qué necesita?", "sábado 21 de noviembre, 10:15"),
        (Language.CA, "Què necessita?", "dissabte 21 de novembre, 10:15"),
        (Language.EN, "What do you need?", "Saturday 21 November, 10:15"),
    ],
)
def test_speaker_says_sentences_and_moments_in_its_language(
    language: Language, title: str, moment: str
) -> None:
    speaker = Speakers().of(language)
    assert say("¿Qué necesita?").spoken_by(speaker) == title
    assert say("{when}", when=SATURDAY).spoken_by(speaker) == moment


def test_moment_is_said_in_the_town_s_zone_and_summer_time() -> None:
    assert Speakers().of(Language.CA).instant(APRIL.at_ms) == "divendres 2 d’abril, 00:30"
    assert Speakers("Atlantic/Canary").of(Language.ES).instant(APRIL.at_ms) == "jueves 1 de abril, 23:30"


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "", "../etc/passwd", "Europe"])
def test_zone_that_does_not_exist_is_refused_with_the_remedy(zone: str) -> None:
    with pytest.raises(InputError, match="Europe/Madrid"):
        Speakers(zone)


def test_number_decides_between_two_sentences() -> None:
    one, many = (
        "Si no, en {count} segundo borramos todo y empezamos de nuevo.",
        "Si no, en {count} segundos borramos todo y empezamos de nuevo.",
    )
    speaker = Speakers().of(Language.CA)
    assert "1 segon ho" in say_counted(1, one, many).spoken_by(speaker)
    assert "20 segons" in say_counted(20, one, many).spoken_by(speaker)


def test_amount_and_typed_text_are_put_into_a_sentence_as_they_are() -> None:
    words = say("{amount}: {note}", amount=Money(4250, "EUR"), note=written("{no_part}"))
    assert words.spoken_by(Speakers().of(Language.EN)) == "42,50 €: {no_part}"


def test_text_of_the_town_comes_before_the_kiosk_s_own_in_the_languages_it_has() -> None:
    speakers = Speakers(translations=town(home={"es": "¿Qué desea?", "en": "How can we help?"}))
    said = [say("¿Qué necesita?").spoken_by(speakers.of(language)) for language in Language]
    assert said == ["¿Qué desea?", "Què necessita?", "How can we help?"]


@pytest.mark.parametrize(
    "wrong",
    [
        "Paso {plaza} de {count}.",
        "Paso {place}.",
        "Paso {place} de {count",
        "Paso {place.__class__} de {count}.",
        "Paso {place!r} de {count}.",
        "Paso {place:>999999999} de {count}.",
        "Paso {} de {}.",
    ],
)
def test_text_of_the_town_with_wrong_parts_is_left_out_and_named(wrong: str) -> None:
    speakers = Speakers(translations=town(step={"es": wrong}, more={"es": "Otras cosas"}))
    assert speakers.left_out == ["Paso {place} de {count}."]
    speaker = speakers.of(Language.ES)
    assert say("Paso {place} de {count}.", place=1, count=2).spoken_by(speaker) == "Paso 1 de 2."
    assert say("Ver más").spoken_by(speaker) == "Otras cosas"


def test_reason_of_the_machine_and_paper_come_in_the_citizen_s_language() -> None:
    kiosk = Kiosk()
    kiosk.report()
    kiosk.press("back", "home", "leave", "back", "en")
    kiosk.press("report", "c0", "here")
    kiosk.reach("report.contact")
    kiosk.press("nobody", "send")
    page = kiosk.hear(Failed(kiosk.flow.session.question, "La impresora no tiene papel."))
    assert page.error is not None
    assert "The printer is out of paper." in page.error.spoken_by(Speakers().of(Language.EN))
    kiosk.press("send")
    kiosk.take()
    kiosk.press("print")
    assert kiosk.asked[-1] == Print(kiosk.flow.session.question, Language.EN)
