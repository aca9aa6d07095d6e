"""What is read aloud: a page from top to bottom, a stop when one comes to it, a key as it is struck.

Rules:
- An error first, then the title, what stands there, and how many things can be pressed.
- What is somebody's own goes to a headset alone; to a speaker only that something was typed, never what.
- Every sentence is a unit: any press ends it, and the speaking key says it again.
- A code is spelled in groups of four, each letter by its name.

Source: EN 301 549 5.1.3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kiosk_app.core.pages import Choice, Code, Entry, Fact, Map, Note, Page, Photo
from kiosk_app.core.words import Words, say, written


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
