"""Somebody who sees nothing: six keys, and what is heard. It decides by what it hears alone.

It knows the words of a task in its language ("Avisar de un problema"), as a person who was told about the
kiosk does; it does not know pages, ids, or how many things stand on a page.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from kiosk_app.core.desk import Desk, Key
from kiosk_app.core.effects import (
    Answer,
    Ask,
    Failed,
    PhotoTaken,
    Print,
    Printed,
    Submit,
    Taken,
    TakePhoto,
)
from kiosk_app.core.keyboard import LETTERS, SIGNS
from kiosk_app.core.spelling import key_name
from kiosk_app.core.words import Words, written
from kiosk_app.languages.speaker import Speakers
from shared.model.wording import Language
from tests.support.kiosk import Kiosk

STOPS_MAX = 90
"""Nobody walks further than this for one thing."""


@dataclass
class Listener:
    """A person with six keys and ears.

    Attributes:
        language: in which they wish to be spoken to.
        has_headset: what they wear; they put one in when they are told to.
        owns_headset: whether they have one with them.
        heard: what was said last, sentence by sentence.
        everything: all that came out of the speaker, for whoever stands beside.
    """

    language: Language
    kiosk: Kiosk = field(default_factory=Kiosk)
    speakers: Speakers = field(default_factory=Speakers)
    has_headset: bool = False
    owns_headset: bool = True
    heard: list[str] = field(default_factory=list[str])
    everything: list[str] = field(default_factory=list[str])
    answers: Callable[[Ask], Answer] = lambda asked: Failed(asked.number, "unreached")
    _answered: int = 0
    _photos: int = 0
    _turns: bool = True

    def __post_init__(self) -> None:
        self.desk = Desk(self.kiosk.flow)
        self._listen()

    # ---- what a person does

    def key(self, key: Key) -> None:
        """Press a key, and listen to what comes."""
        self.kiosk.now_ms += 700
        self.kiosk.asked += self.desk.key(key, self.kiosk.around, self.kiosk.now_ms)
        self._listen()
        while self._machine_answers():
            self._listen()
        if not self.has_headset and self.owns_headset and self._is_asked_for_headset():
            self.has_headset = True
            self.key(Key.SPEAK)

    def wake(self) -> None:
        """Press the key that one can feel, and choose the language that one understands."""
        self.key(Key.SPEAK)
        names = {Language.ES: "Español", Language.CA: "Valencià / Català", Language.EN: "English"}
        self.choose(written(names[self.language]))

    def choose(self, words: Words) -> None:
        """Walk until something is heard, and choose it."""
        self.walk_to(self.say(words))
        self.key(Key.CHOOSE)

    def walk_to(self, text: str) -> None:
        """Walk until something is heard; nobody who hears the same again and again goes on for ever."""
        seen: list[str] = []
        for _ in range(STOPS_MAX):
            self.key(Key.RIGHT)
            if self.heard[:1] == [text]:
                return
            seen += self.heard[:1]
        raise AssertionError(f"{text!r} is not heard among {seen}")

    def type(self, text: str) -> None:
        """Write a text, letter by letter, with the keys that are heard."""
        has_signs = False
        for character in text:
            wants_signs = not character.isalpha() and character not in " ,."
            if self._turns and wants_signs is not has_signs:
                self.choose(key_name(SIGNS if wants_signs else LETTERS))
                has_signs = wants_signs
            self.walk_to_any({self.say(key_name(character)), self.say(key_name(character.upper()))})
            self.key(Key.CHOOSE)

    def dial(self, text: str) -> None:
        """Write on a keyboard of digits, or of a code's letters, which has no signs to turn to."""
        self._turns = False
        self.type(text)
        self._turns = True

    def walk_to_any(self, texts: set[str]) -> None:
        """Walk until one of these is heard."""
        for _ in range(STOPS_MAX):
            self.key(Key.RIGHT)
            if set(self.heard[:1]) & texts:
                return
        raise AssertionError(f"{texts} are not heard")

    def hears(self, words: Words) -> bool:
        """Tell whether something was said just now."""
        return self.say(words) in self.heard

    def say(self, words: Words) -> str:
        """Return words as this person knows them."""
        return words.spoken_by(self.speakers.of(self.language))

    # ---- what the kiosk does

    def _listen(self) -> None:
        said = self.desk.speech(self.kiosk.around, self.kiosk.now_ms)
        if said is None:
            return
        self.heard = []
        language = self.kiosk.flow.session.comfort.language
        for sentence in said:
            words = sentence.heard(by_headset=self.has_headset)
            if words is not None:
                self.heard.append(words.spoken_by(self.speakers.of(sentence.language or language)))
            public = sentence.heard(by_headset=False)
            if public is not None and not self.has_headset:
                self.everything.append(public.spoken_by(self.speakers.of(sentence.language or language)))

    def _is_asked_for_headset(self) -> bool:
        return any("auriculares" in text or "auriculars" in text or "headset" in text for text in self.heard)

    def _machine_answers(self) -> bool:
        """Answer what the flow asked of the machine since the last time."""
        asked = self.kiosk.asked[self._answered :]
        self._answered = len(self.kiosk.asked)
        given = [answer for effect in asked if (answer := self._answer(effect)) is not None]
        for answer in given:
            self.kiosk.asked += self.desk.hear(answer, self.kiosk.now_ms)
        return bool(given)

    def _answer(self, effect: object) -> Answer | None:
        match effect:
            case Submit(number=number):
                return Taken(number, "KDPX-2M4T-94VW", "VT1:proof")
            case TakePhoto(number=number):
                self._photos += 1
                return PhotoTaken(number, f"p{self._photos}")
            case Print(number=number):
                return Printed(number)
            case Ask():
                return self.answers(effect)
            case _:
                return None
