"""Steps: the questions of which tasks are made. A task is a list of them; some appear only after an answer.

    Tiles(id="report.category", title=say("¿Qué ocurre?"), answer="category", choices=…)

Rules:
- A step shows one question, keeps its answer in the draft under one name, and says what is missing.
- A press that is not on the step's page has no effect: a late or double press cannot answer another question.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from kiosk_app.core.draft import Around, Draft
from kiosk_app.core.pages import Choice, Entry, Item, Keyboard, Note, Page, Photo, Screen, Tone
from kiosk_app.core.words import Words, say

TILES_MAX: Final = 6
"""Tiles on a page; more of them are a page further."""
NEXT: Final = "next"
MORE: Final = "more"
PHOTO: Final = "photo"
DROP: Final = "drop:"


class Step(Protocol):
    """One question."""

    @property
    def id(self) -> str:
        """Its name: task and question."""
        ...

    def page(self, draft: Draft, around: Around) -> Page:
        """Show it; Back, Home and the count are the flow's."""
        ...

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Take a press: the draft after it, and whether the question is done; None where it means nothing."""
        ...

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """Say what has to be mended before one can go on."""
        ...


@runtime_checkable
class Inquiring(Step, Protocol):
    """A question about which the hub is asked as it comes; whoever does not want to wait goes on."""

    def question(self, draft: Draft, around: Around) -> tuple[str, str] | None:
        """Return what is asked, and about what (see `effects.Ask`); None where nothing is."""
        ...

    def asked(self, draft: Draft, about: str) -> Draft:
        """Keep what is being asked: from here on the question stays until it is answered."""
        ...

    def heard(self, draft: Draft, answer: Mapping[str, Any]) -> Draft:
        """Keep the answer; an empty one where there was none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """One of several, by a press.

    Attributes:
        id: task and question.
        title: the question.
        answer: the name under which the choice is kept.
        choices: what there is, given draft and surroundings.
        notes: sentences above the tiles.
        screen: tiles, or a list for what has two lines.
    """

    id: str
    title: Words
    answer: str
    choices: Callable[[Draft, Around], Sequence[Choice]]
    notes: tuple[Note, ...] = ()
    screen: Screen = Screen.TILES

    def page(self, draft: Draft, around: Around) -> Page:
        """Show the choices, a page of them at a time."""
        every = self.choices(draft, around)
        first = int(draft.answers.get(f"{self.id}.first", 0))
        shown: list[Item] = [*self.notes, *every[first : first + TILES_MAX]]
        if not every:
            shown.append(Note(words=say("Aquí no hay nada todavía."), tone=Tone.QUIET))
        more = () if len(every) <= TILES_MAX else (Choice(id=MORE, words=say("Ver más"), icon="dots"),)
        return Page(name=self.id, screen=self.screen, title=self.title, items=tuple(shown), others=more)

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Take a choice, or turn the page; after the last page the first one comes again."""
        every = self.choices(draft, around)
        if action == MORE and len(every) > TILES_MAX:
            first = int(draft.answers.get(f"{self.id}.first", 0)) + TILES_MAX
            return draft.with_answer(f"{self.id}.first", first if first < len(every) else 0), False
        if any(choice.id == action and choice.closed is None for choice in every):
            return draft.with_answer(self.answer, action), True
        return None

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """A choice has to be made, and be there still."""
        if any(choice.id == draft.text(self.answer) for choice in self.choices(draft, around)):
            return None
        return say("Elija una opción.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing:
    """Something that is typed.

    Attributes:
        id: task and question.
        title: the question.
        answer: the name under which it is kept.
        label: what stands above the field.
        keyboard: what it is typed on.
        length_max: in characters.
        private: somebody's own.
        secret: a PIN.
        optional: it may stay empty.
        check: what is wrong with a text; None where nothing is.
        notes: sentences beside the field: what is kept, and for how long.
        example: how such a thing looks.
    """

    id: str
    title: Words
    answer: str
    label: Words
    keyboard: Keyboard
    length_max: int
    private: bool = False
    secret: bool = False
    optional: bool = False
    check: Callable[[str], Words | None] = lambda _text: None
    notes: tuple[Note, ...] = ()
    example: Words | None = None

    def page(self, draft: Draft, around: Around) -> Page:
        """Show the field."""
        field = Entry(
            id=self.answer,
            label=self.label,
            value=draft.text(self.answer),
            keyboard=self.keyboard,
            length_max=self.length_max,
            private=self.private,
            secret=self.secret,
            example=self.example,
        )
        skip = self.optional and not field.value.strip()
        return Page(
            name=self.id,
            screen=Screen.ENTRY,
            title=self.title,
            items=(*self.notes, field),
            main=Choice(id=NEXT, words=say("Seguir sin escribir") if skip else say("Seguir")),
        )

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Go on."""
        return (draft, True) if action == NEXT else None

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """Look at what was typed."""
        text = draft.text(self.answer).strip()
        if not text:
            return None if self.optional else say("Escriba algo para seguir.")
        return self.check(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Photos:
    """Photographs, none or some; taking and dropping them is the flow's.

    Attributes:
        id: task and question.
        title: the question.
        count_max: how many there may be.
        closed: why none can be taken now.
    """

    id: str
    title: Words
    count_max: int
    closed: Callable[[Around], Words | None]

    def page(self, draft: Draft, around: Around) -> Page:
        """Show those that were taken, and what can be done."""
        why = self.closed(around)
        if why is None and len(draft.photos) >= self.count_max:
            why = say("Ya hay {count}; quite una para hacer otra.", count=self.count_max)
        items: list[Item] = [
            Note(words=say("Evite caras y matrículas."), tone=Tone.QUIET),
            *(
                Photo(token=token, words=say("Foto {number}", number=number))
                for number, token in enumerate(draft.photos, 1)
            ),
            Choice(id=PHOTO, words=say("Hacer una foto"), icon="camera", closed=why),
            *(
                Choice(id=f"{DROP}{token}", words=say("Quitar la foto {number}", number=number), icon="trash")
                for number, token in enumerate(draft.photos, 1)
            ),
        ]
        words = say("Seguir") if draft.photos else say("Seguir sin fotos")
        return Page(
            name=self.id,
            screen=Screen.PHOTOS,
            title=self.title,
            items=tuple(items),
            main=Choice(id=NEXT, words=words),
        )

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Go on."""
        return (draft, True) if action == NEXT else None

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """Nothing is asked for."""
        return None
