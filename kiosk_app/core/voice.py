"""What is read aloud: a page from top to bottom, a stop when one comes to it, a key as it is struck.

Rules:
- An error first, then the title, what stands there, how many things can be pressed, and how to hear it again.
- What a press changed on the page is said, and only that.
- What is somebody's own goes to a headset alone; to a speaker only that it is there, never what it is. The
  keys of a field for it are such, too: whoever hears where a hand stops hears what it writes.
- Every sentence is a unit: any press ends it, and the speaking key says it again.

Source: EN 301 549 5.1.3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kiosk_app.core.keyboard import ERASE, LETTERS, SHIFT, SIGNS
from kiosk_app.core.pages import Choice, Code, Entry, Fact, Item, Keyboard, Map, Note, Page, Photo
from kiosk_app.core.session import LOUDNESS_USUAL
from kiosk_app.core.spelling import key_name, plainly, spelled
from kiosk_app.core.walk import Stop
from kiosk_app.core.words import Words, say, say_counted, written
from shared.model.wording import Language

_BY_HEADSET: Final = say("Para oír lo que es suyo, conecte unos auriculares.")
_KEYS_BY_HEADSET: Final = say("Para oír las teclas, conecte unos auriculares.")
_NOTHING: Final = written("")
_OPEN_KEYS: Final = frozenset({ERASE, SHIFT, SIGNS, LETTERS})
"""Keys that say nothing of what is written: a speaker may name them in any field."""
_SWITCHES: Final = "comfort."
_LOUDNESS: Final = "comfort.loudness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """Something to be said.

    Attributes:
        words: in no language yet.
        private: for a headset alone.
        public: what a speaker says in place of private words; None for nothing.
        language: in which it is said, where that is another one than the session's.
        loudness: from 1 to `session.LOUDNESS_MAX`.
    """

    words: Words
    private: bool = False
    public: Words | None = None
    language: Language | None = None
    loudness: int = LOUDNESS_USUAL

    def heard(self, *, by_headset: bool) -> Words | None:
        """Return what comes out; None where nothing does."""
        words = self.words if by_headset or not self.private else self.public
        return None if words == _NOTHING else words


def page_aloud(page: Page, stops: int) -> Sequence[Sentence]:
    """Return what is said when a page comes.

    Args:
        page: what is shown.
        stops: how many things can be pressed on it.
    """
    said: list[Sentence] = []
    if page.error is not None:
        said.append(Sentence(words=page.error))
    for language in _languages(page):
        said += [Sentence(words=page.title, language=language), *_ways(stops, language)]
    if not _languages(page):
        said.append(Sentence(words=page.title))
    if page.step is not None:
        place, count = page.step
        said.append(Sentence(words=say("Paso {place} de {count}.", place=place, count=count)))
    said += items_aloud(page)
    if page.is_private:
        said.append(Sentence(words=_NOTHING, private=True, public=_BY_HEADSET))
    return said if _languages(page) else [*said, *_ways(stops)]


def items_aloud(page: Page) -> Sequence[Sentence]:
    """Return what is said of everything that stands on a page."""
    return [sentence for item in page.items for sentence in _item_aloud(item)]


def news(before: Page, after: Page) -> Sequence[Sentence]:
    """Return what is said of a page that a press has changed: what is new on it, what is chosen now."""
    known = {*items_aloud(before)}
    said = [
        sentence
        for item in after.items
        if not isinstance(item, Entry)
        for sentence in _item_aloud(item)
        if sentence not in known
    ]
    was = {choice.id: choice for choice in before.items if isinstance(choice, Choice)}
    now = {choice.id: choice for choice in after.items if isinstance(choice, Choice)}
    for name in was.keys() & now.keys():
        if was[name].chosen is not now[name].chosen:
            said += [Sentence(words=now[name].words), _state(now[name])]
    if [*was] != [*now] or [each.words for each in was.values()] != [each.words for each in now.values()]:
        words = say_counted(len(now), "Hay {count} opción.", "Hay {count} opciones.")
        said.append(Sentence(words=words))
    return said


def stop_aloud(
    stop: Stop, page: Page, comforts: Sequence[Choice], place: int, count: int
) -> Sequence[Sentence]:
    """Return what is said when the keypad comes to a stop.

    Args:
        stop: where it stands.
        page: what is shown.
        comforts: what stands at the foot of every page.
        place: of the stop, from 1.
        count: of stops.
    """
    if stop.key:
        return [key_aloud(stop.key, private=_is_for_ones_own(page), public=_KEYS_BY_HEADSET)]
    for item in page.items:
        if isinstance(item, Fact) and item.change == stop.action:
            words = say("Cambiar {label}", label=item.label)
            return choice_aloud(Choice(id=stop.action, words=words), place, count)
    choices = [*page.actions(), *comforts, *_WAYS_OUT]
    return choice_aloud(next(each for each in choices if each.id == stop.action), place, count)


def key_aloud(key: str, *, private: bool = False, public: Words | None = None) -> Sentence:
    """Return what is said of a key of the keyboard.

    Args:
        key: what it writes, or its name.
        private: it stands in a field for somebody's own.
        public: what a speaker says in its place.
    """
    is_private = private and key not in _OPEN_KEYS
    return Sentence(words=key_name(key), private=is_private, public=public if is_private else None)


def struck_aloud(key: str, entry: Entry, value: str) -> Sequence[Sentence]:
    """Return what is said when a key was struck.

    Args:
        key: what it writes, or its name.
        entry: the field as it was before.
        value: what stands in it now.
    """
    if value == entry.value[:-1] and entry.value:
        return [key_aloud(key), value_aloud(entry, value)]
    if entry.secret and len(value) > len(entry.value):
        return [Sentence(words=say("Una cifra."))]
    if value == entry.value and key not in _OPEN_KEYS and len(value) >= entry.length_max:
        return [Sentence(words=say("No cabe más."))]
    grown = value.removeprefix(entry.value)
    echo = grown if len(grown) == 1 else key
    return [key_aloud(echo, private=entry.private, public=say("Escrito."))]


def choice_aloud(choice: Choice, place: int, count: int) -> Sequence[Sentence]:
    """Return what is said when one comes to something that can be pressed."""
    said = [Sentence(words=choice.words)]
    if choice.hint is not None:
        said.append(Sentence(words=choice.hint))
    if choice.chosen or is_switch(choice):
        said.append(_state(choice))
    if choice.closed is not None:
        said.append(Sentence(words=say("Ahora no se puede: {why}", why=choice.closed)))
    said.append(Sentence(words=say("{place} de {count}", place=place, count=count)))
    return [_in(choice.language, sentence) for sentence in said]


def comfort_aloud(choice: Choice) -> Sequence[Sentence]:
    """Return what is said when something at the foot of the page was pressed."""
    return [Sentence(words=choice.words), *([_state(choice)] if is_switch(choice) else [])]


def is_switch(choice: Choice) -> bool:
    """Tell whether it is on or off, and not one of several."""
    return choice.id.startswith(_SWITCHES) and choice.id != _LOUDNESS


def value_aloud(entry: Entry, value: str | None = None) -> Sentence:
    """Return what is said of what was typed so far.

    Args:
        entry: the field.
        value: what stands in it; None for what the page has.
    """
    text = entry.value if value is None else value
    if not text:
        return Sentence(words=say("Está vacío."))
    if entry.secret:
        return Sentence(words=say_counted(len(text), "Hay {count} cifra.", "Hay {count} cifras."))
    is_text = entry.keyboard is Keyboard.TEXT
    return Sentence(
        words=plainly(written(text)) if is_text else written(spelled(text)),
        private=entry.private,
        public=say("Hay algo escrito.") if entry.private else None,
    )


def parting_aloud(language: Language) -> Sequence[Sentence]:
    """Return what is said when a session has ended, in the language that it had."""
    return [Sentence(words=say("Hemos terminado. Aquí no queda nada suyo."), language=language)]


def _ways(stops: int, language: Language | None = None) -> Iterator[Sentence]:
    """Say how to go on from here, and how to hear it again."""
    words = say_counted(
        stops,
        "Puede elegir {count} cosa. Use las flechas.",
        "Puede elegir entre {count}. Use las flechas.",
    )
    yield Sentence(words=words, language=language)
    yield Sentence(words=say("Para oírlo otra vez, pulse la tecla de voz."), language=language)


def _item_aloud(item: Item) -> Iterator[Sentence]:
    match item:
        case Note(words=words, private=private):
            public = say("Hay más en la pantalla.") if private else None
            yield Sentence(words=plainly(words), private=private, public=public)
        case Entry(label=label, example=example):
            yield Sentence(words=label)
            if example is not None:
                yield Sentence(words=example)
            yield value_aloud(item)
        case Photo(words=words):
            yield Sentence(words=words)
        case Fact(label=label, words=words, private=private):
            yield Sentence(
                words=say("{label}: {answer}", label=label, answer=plainly(words)),
                private=private,
                public=say("{label}: está en la pantalla.", label=label) if private else None,
            )
        case Code(reference=reference):
            yield Sentence(words=say("Su código: {code}", code=spelled(reference)))
        case Choice() | Map():
            return


def _state(choice: Choice) -> Sentence:
    if is_switch(choice):
        return Sentence(words=say("Activado.") if choice.chosen else say("Desactivado."))
    return Sentence(words=say("Elegido.") if choice.chosen else say("Ya no está elegido."))


def _languages(page: Page) -> Sequence[Language]:
    """Return the languages of a page's choices; where they have some, its question is asked in each."""
    return [item.language for item in page.items if isinstance(item, Choice) and item.language is not None]


def _in(language: Language | None, sentence: Sentence) -> Sentence:
    return sentence if language is None else Sentence(words=sentence.words, language=language)


def _is_for_ones_own(page: Page) -> bool:
    return any(isinstance(item, Entry) and item.private for item in page.items)


_WAYS_OUT: Final = (Choice(id="back", words=say("Atrás")), Choice(id="home", words=say("Inicio")))
