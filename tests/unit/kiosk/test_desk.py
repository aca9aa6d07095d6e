"""A finger and six keys do the same; what is said follows what is shown, and any press ends it."""

from dataclasses import dataclass, field

from kiosk_app.core.desk import Desk, Key
from kiosk_app.core.draft import Ability
from kiosk_app.core.pages import Entry, Page
from kiosk_app.core.session import Comfort
from kiosk_app.core.voice import Sentence
from kiosk_app.core.words import say
from shared.model.wording import Language
from tests.support.kiosk import Kiosk, Spanish, around


@dataclass
class Person:
    """Somebody at the keypad, who hears what is said.

    Attributes:
        heard: the last things that were said.
    """

    kiosk: Kiosk = field(default_factory=Kiosk)
    heard: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.desk = Desk(self.kiosk.flow)
        self.listen()

    @property
    def page(self) -> Page:
        return self.desk.page(self.kiosk.around, self.kiosk.now_ms)

    def listen(self) -> list[Sentence] | None:
        said = self.desk.speech(self.kiosk.around, self.kiosk.now_ms)
        if said is not None:
            self.heard = [sentence.words.spoken_by(Spanish()) for sentence in said]
        return None if said is None else list(said)

    def key(self, *keys: Key, after_ms: int = 600) -> None:
        for key in keys:
            self.kiosk.now_ms += after_ms
            self.desk.key(key, self.kiosk.around, self.kiosk.now_ms)
            self.listen()

    def find(self, words: str) -> None:
        """Walk down until that is heard, and choose it."""
        for _ in range(80):
            self.key(Key.RIGHT)
            if self.heard and self.heard[0] == words:
                return self.key(Key.CHOOSE)
        raise AssertionError(words)


def test_speaking_key_wakes_the_kiosk_and_reads_its_page() -> None:
    person = Person()
    assert person.heard == []
    person.key(Key.SPEAK)
    assert person.page.name == "language"
    assert person.heard[0] == "¿En qué idioma?"
    person.key(Key.RIGHT)
    assert person.heard == ["Español", "1 de 10"]
    person.key(Key.SPEAK)
    assert person.heard[0] == "¿En qué idioma?"


def test_choosing_key_wakes_the_kiosk_and_says_that_somebody_is_there() -> None:
    person = Person()
    person.key(Key.CHOOSE)
    assert person.page.name == "language"
    person.kiosk.wait(61_000)
    assert person.page.name == "idle"
    person.key(Key.CHOOSE)
    assert person.page.name == "language"


def test_arrow_walks_on_the_page_that_asks_whether_somebody_is_there() -> None:
    person = Person()
    person.key(Key.SPEAK)
    person.kiosk.wait(61_000 * 3)
    person.listen()
    person.key(Key.RIGHT, Key.RIGHT)
    assert person.heard[0] == "Borrar y salir"
    assert person.page.name == "idle"


def test_arrows_count_as_somebody() -> None:
    person = Person()
    person.key(Key.SPEAK)
    for _ in range(5):
        person.key(Key.DOWN, after_ms=30_000)
    assert person.page.name == "language"


def test_word_is_typed_with_six_keys_and_every_letter_is_heard() -> None:
    person = Person()
    person.key(Key.SPEAK)
    for words in ("Español", "Avisar de un problema", "Farola", "En otra calle"):
        person.find(words)
    for letter in ("M", "a", "r"):
        person.find(letter)
        assert person.heard[0] == letter
    assert [item.value for item in person.page.items if isinstance(item, Entry)] == ["Mar"]
    person.find("Calle del Mar 3")
    person.find("Seguir sin mirar")
    assert person.page.name == "report.words"


def test_comforts_stand_at_the_foot_of_every_page() -> None:
    person = Person()
    person.key(Key.CHOOSE)
    stops = person.desk.stops(person.page)
    assert [stop.action for stop in stops[-5:]] == [choice.id for choice in person.desk.comforts()]
    assert len({stop.row for stop in stops[-5:]}) == 1


def test_comfort_is_kept_while_one_walks_and_says_that_it_is_on() -> None:
    person = Person()
    person.key(Key.SPEAK)
    person.find("Letra grande")
    assert person.kiosk.flow.session.comfort.large
    assert person.heard == ["Letra grande", "Activado."]
    assert person.page.name == "language"


def test_trembling_hand_at_the_keypad_presses_once_and_for_longer_where_one_asked() -> None:
    person = Person()
    person.key(Key.SPEAK)
    person.key(Key.RIGHT, Key.RIGHT, after_ms=150)
    assert person.desk.place == 0
    person.find("Más tiempo")
    place = person.desk.place
    person.key(Key.RIGHT, Key.RIGHT, after_ms=450)
    assert place is not None
    assert person.desk.place == (place + 1) % len(person.desk.stops(person.page))


def test_nothing_is_said_to_who_did_not_ask_and_a_press_ends_what_is_said() -> None:
    person = Person()
    person.kiosk.now_ms += 1_000
    person.desk.touch("start", person.kiosk.around, person.kiosk.now_ms)
    assert person.listen() == []
    assert person.listen() is None
    person.kiosk.now_ms += 1_000
    person.desk.touch("nothing", person.kiosk.around, person.kiosk.now_ms)
    assert person.listen() == []


def test_volume_is_found_by_ear_and_is_the_usual_one_again_for_the_next_person() -> None:
    person = Person()
    person.key(Key.SPEAK)
    assert person.desk.speech(person.kiosk.around, person.kiosk.now_ms) is None
    heard = []
    person.find("Volumen 3 de 5")
    for _ in range(3):
        heard += person.heard
        person.key(Key.CHOOSE)
    assert heard == ["Volumen 4 de 5", "Volumen 5 de 5", "Volumen 1 de 5"]
    person.kiosk.now_ms += 700
    person.desk.key(Key.SPEAK, person.kiosk.around, person.kiosk.now_ms)
    said = person.listen()
    assert said is not None
    assert {sentence.loudness for sentence in said} == {2}
    person.kiosk.wait(600_000)
    person.listen()
    assert person.kiosk.flow.session.comfort == Comfort()


def test_whoever_listens_has_the_time_of_who_asked_for_more() -> None:
    person = Person()
    person.key(Key.SPEAK)
    person.kiosk.wait(170_000)
    assert person.page.name == "language"
    assert person.kiosk.wait(15_000).name == "idle"


def test_switch_says_how_it_stands_before_it_is_pressed() -> None:
    person = Person()
    person.key(Key.SPEAK)
    for words in ("Leer en voz alta", "Alto contraste"):
        while person.heard[0] != words:
            person.key(Key.RIGHT)
        assert person.heard[1] == ("Activado." if words == "Leer en voz alta" else "Desactivado.")


def test_press_that_has_no_effect_hears_again_what_is_in_the_way() -> None:
    person = Person()
    person.kiosk.around = around({Ability.REPORTS: say("Ahora no cabe ningún aviso más.")})
    person.key(Key.SPEAK)
    person.find("Español")
    person.find("Avisar de un problema")
    assert "Ahora no se puede: Ahora no cabe ningún aviso más." in person.heard
    person.find("Agenda, avisos e información")
    person.key(Key.SPEAK)
    person.find("Inicio")
    person.find("Seguir mi aviso")
    for _ in range(2):
        person.find("Seguir")
        assert person.heard[0] == "Escriba algo para seguir."


def test_end_is_said_in_the_language_of_the_session_and_nothing_afterwards() -> None:
    person = Person()
    person.key(Key.SPEAK)
    person.find("English")
    person.kiosk.wait(600_000)
    said = person.listen()
    assert said is not None
    assert [sentence.language for sentence in said] == [Language.EN]
    assert person.listen() is None


def test_page_with_the_town_s_own_words_stands_when_a_press_changes_nothing_on_it() -> None:
    person = Person()
    person.key(Key.SPEAK)
    person.kiosk.press("es", "report", "c0", "here", "next", "next", "next", "nobody")
    person.listen()
    assert person.page.name == "report.review"
    person.kiosk.now_ms += 700
    person.desk.touch("comfort.large", person.kiosk.around, person.kiosk.now_ms)
    assert person.listen() is not None
    assert person.heard == ["Letra grande", "Activado."]


def test_place_on_the_keyboard_stays_where_a_press_has_changed_the_keys() -> None:
    person = Person()
    person.kiosk.press("start", "es", "report", "c0", "here")
    person.kiosk.reach("report.words")
    person.listen()
    person.key(Key.RIGHT)
    typed: list[str] = []
    for way in ((), (Key.RIGHT,), (Key.UP,), (Key.RIGHT,)):
        person.key(*way)
        stop = person.desk.stops(person.page)[person.desk.place or 0]
        typed.append(stop.key)
        person.key(Key.CHOOSE)
        assert person.desk.place is not None
    assert typed[:2] == ["Q", "w"]
    (value,) = [item.value for item in person.page.items if isinstance(item, Entry)]
    assert value.startswith("Qw")


def test_key_that_brings_the_signs_is_where_the_one_stands_that_brings_the_letters() -> None:
    person = Person()
    person.kiosk.press("start", "es", "report", "c0", "here")
    person.kiosk.reach("report.words")
    person.listen()
    person.key(Key.RIGHT)
    while person.desk.stops(person.page)[person.desk.place or 0].key != "signs":
        person.key(Key.RIGHT)
    person.key(Key.CHOOSE)
    assert person.desk.hand.signs
    person.key(Key.CHOOSE)
    assert not person.desk.hand.signs
