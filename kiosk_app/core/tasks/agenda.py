"""Agenda, notices and what one may want to know of the city, as the newest bundle has it.

It is read without a network; how old it is stands above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from kiosk_app.core.draft import Around, Draft
from kiosk_app.core.pages import Choice, Note, Page, Screen, Tone
from kiosk_app.core.steps import NEXT, Step, Tiles
from kiosk_app.core.tasks.task import Tile
from kiosk_app.core.words import Instant, Words, say, written
from shared.model.agenda import Item, Kind

KIND: Final = "agenda.kind"
CHOSEN: Final = "agenda.item"
_KINDS: Final = {
    Kind.EVENT: Choice(id=Kind.EVENT, words=say("Qué hacer estos días"), icon="calendar-event"),
    Kind.NOTICE: Choice(id=Kind.NOTICE, words=say("Avisos del ayuntamiento"), icon="bell"),
    Kind.INFORMATION: Choice(id=Kind.INFORMATION, words=say("Información de la ciudad"), icon="info-circle"),
}
_TITLES: Final = {
    Kind.EVENT: say("¿Qué le interesa?"),
    Kind.NOTICE: say("¿Qué aviso quiere leer?"),
    Kind.INFORMATION: say("¿Qué quiere saber?"),
}


class ReadAgenda:
    """Read agenda, notices and what one may want to know of the city."""

    tile = Tile(id="agenda", words=say("Agenda, avisos e información"), icon="calendar-event")

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Ask of what kind and which one, and show it."""
        notes = () if around.age is None else (Note(words=around.age, tone=Tone.CARE),)
        kinds = Tiles(
            id="agenda.kind", title=say("¿Qué quiere leer?"), answer=KIND, choices=_kinds, notes=notes
        )
        kind = next((each for each in _KINDS if each == draft.text(KIND)), None)
        if kind is None:
            return [kinds]
        which = Tiles(
            id="agenda.list",
            title=_TITLES[kind],
            answer=CHOSEN,
            choices=_titles,
            notes=notes,
            screen=Screen.LIST,
        )
        chosen = next((item for item in _of_kind(draft, around) if item.id == draft.text(CHOSEN)), None)
        return [kinds, which] if chosen is None else [kinds, which, ItemStep(item=chosen)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemStep:
    """One item, to be read.

    Attributes:
        item: as the town wrote it.
    """

    item: Item

    @property
    def id(self) -> str:
        """The same for every item."""
        return "agenda.item"

    def page(self, draft: Draft, around: Around) -> Page:
        """Show it."""
        notes = [Note(words=written(self.item.text))]
        if self.item.begins_ms is not None:
            notes.insert(0, Note(words=say("Empieza: {when}", when=Instant(self.item.begins_ms))))
        if self.item.ends_ms is not None:
            notes.append(Note(words=say("Termina: {when}", when=Instant(self.item.ends_ms)), tone=Tone.QUIET))
        if self.item.place is not None:
            notes.append(Note(words=say("Lugar: {place}", place=self.item.place), tone=Tone.QUIET))
        if around.age is not None:
            notes.append(Note(words=around.age, tone=Tone.CARE))
        return Page(
            name=self.id,
            screen=Screen.LIST,
            title=written(self.item.title),
            items=tuple(notes),
            main=Choice(id=NEXT, words=say("Ver la lista"), icon="list"),
        )

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Go on."""
        return (draft, True) if action == NEXT else None

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """Nothing is asked for."""
        return None


def _kinds(_draft: Draft, around: Around) -> Sequence[Choice]:
    there = {item.kind for item in around.announcements}
    nothing = say("Ahora no hay nada.")
    return [each if kind in there else replace(each, closed=nothing) for kind, each in _KINDS.items()]


def _of_kind(draft: Draft, around: Around) -> Sequence[Item]:
    return [item for item in around.announcements if item.kind == draft.text(KIND)]


def _titles(draft: Draft, around: Around) -> Sequence[Choice]:
    return [
        Choice(id=item.id, words=written(item.title), icon=_KINDS[item.kind].icon)
        for item in _of_kind(draft, around)
    ]
