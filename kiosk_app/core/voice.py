"""What is read aloud: a page from top to bottom, a stop when one comes to it, a key as it is struck.

Rules:
- An error first, then the title, what stands there, and how many things can be pressed.
- What is somebody's own goes to a headset alone; to a speaker only that something was typed, never what.
- Every sentence is a unit: any press ends it, and the speaking key says it again.
- A code is spelled in groups of four, each letter by its name.

Source: EN 301 549 5.1.3.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kiosk_app.core.keyboard import ERASE, LETTERS, SHIFT, SIGNS, SPACE
from kiosk_app.core.pages import Choice, Code, Entry, Fact, Map, Note, Page, Photo
from kiosk_app.core.walk import Stop
from kiosk_app.core.words import Words, say, written

_KEYS: Final[Mapping[str, Words]] = {
    SHIFT: say("Mayúscula"),
    ERASE: say("Borrar"),
    SPACE: say("Espacio"),
    SIGNS: say("Números y signos"),
    LETTERS: say("Letras"),
    "´": say("Acento agudo"),
    "`": say("Acento grave"),
    "¨": say("Diéresis"),
    "l·l": say("Ele geminada"),
    ".": say("Punto"),
    ",": say("Coma"),
    "-": say("Guion"),
    "+": say("Signo más"),
    "@": say("Arroba"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """Something to be said.

    Attributes:
        words: in no language yet.
        private: for a headset alone.
    """

    words: Words
    private: bool = False


def page_aloud(page: Page, stops: int) -> Sequence[Sentence]:
    """Return what is said when a page comes.

    Args:
        page: what is shown.
        stops: how many things can be pressed on it.
    """
    said: list[Sentence] = []
    if page.error is not None:
        said.append(Sentence(words=page.error))
    said.append(Sentence(words=page.title))
    if page.step is not None:
        place, count = page.step
        said.append(Sentence(words=say("Paso {place} de {count}.", place=place, count=count)))
    for item in page.items:
        said += _item_aloud(item)
    said.append(Sentence(words=say("Puede elegir entre {count}. Use las flechas.", count=stops)))
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
        return [key_aloud(stop.key)]
    for item in page.items:
        if isinstance(item, Fact) and item.change == stop.action:
            words = say("Cambiar {label}", label=item.label)
            return choice_aloud(Choice(id=stop.action, words=words), place, count)
    choices = [*page.actions(), *comforts, *_WAYS_OUT]
    return choice_aloud(next(each for each in choices if each.id == stop.action), place, count)


def key_aloud(key: str, *, private: bool = False) -> Sentence:
    """Return what is said of a key of the keyboard.

    Args:
        key: what it writes, or its name.
        private: it was struck in a field for somebody's own.
    """
    return Sentence(words=_KEYS.get(key) or written(key), private=private)


def choice_aloud(choice: Choice, place: int, count: int) -> Sequence[Sentence]:
    """Return what is said when one comes to something that can be pressed."""
    said = [Sentence(words=choice.words)]
    if choice.hint is not None:
        said.append(Sentence(words=choice.hint))
    if choice.chosen:
        said.append(Sentence(words=say("Elegido.")))
    if choice.closed is not None:
        said.append(Sentence(words=say("Ahora no se puede: {why}", why=choice.closed)))
    said.append(Sentence(words=say("{place} de {count}", place=place, count=count)))
    return said


def value_aloud(entry: Entry) -> Sentence:
    """Return what is said of what was typed so far."""
    if not entry.value:
        return Sentence(words=say("Está vacío."))
    return Sentence(words=written(entry.value), private=entry.private)


def spelled(code: str) -> str:
    """Return a code as it is spelled: character by character, with a pause after each group."""
    groups = code.replace("-", " ").split()
    return ". ".join(", ".join(group) for group in groups)


def _item_aloud(item: Note | Choice | Entry | Photo | Fact | Code | Map) -> Iterator[Sentence]:
    match item:
        case Note(words=words, private=private):
            yield Sentence(words=words, private=private)
        case Entry(label=label, example=example):
            yield Sentence(words=label)
            if example is not None:
                yield Sentence(words=example)
            yield value_aloud(item)
        case Photo(words=words):
            yield Sentence(words=words)
        case Fact(label=label, words=words, private=private):
            yield Sentence(words=say("{label}: {answer}", label=label, answer=words), private=private)
        case Code(reference=reference):
            yield Sentence(words=say("Su código: {code}", code=spelled(reference)))
        case Choice() | Map():
            return


_WAYS_OUT: Final = (Choice(id="back", words=say("Atrás")), Choice(id="home", words=say("Inicio")))
