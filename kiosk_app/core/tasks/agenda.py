"""The agenda: what the town has to say now, as the newest bundle has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kiosk_app.core.draft import Around, Draft
from kiosk_app.core.pages import Choice, Note, Page, Screen, Tone
from kiosk_app.core.steps import NEXT, Step, Tiles
from kiosk_app.core.tasks.task import Tile
from kiosk_app.core.words import Instant, Words, say, written
from shared.model.agenda import Item, Kind

_ICONS: Final = {Kind.NOTICE: "bell", Kind.EVENT: "calendar-event", Kind.INFORMATION: "info-circle"}
_CHOSEN: Final = "agenda.item"


class ReadAgenda:
    """Read agenda and notices."""

    tile = Tile(id="agenda", words=say("Agenda y avisos"), icon="calendar-event")

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Ask which one, and show it."""
        which = Tiles(
            id="agenda.list",
            title=say("¿Qué quiere leer?"),
            answer=_CHOSEN,
            choices=_titles,
            screen=Screen.LIST,
        )
        chosen = next((item for item in around.announcements if item.id == draft.text(_CHOSEN)), None)
        return [which] if chosen is None else [which, ItemStep(item=chosen)]


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
        if self.item.place is not None:
            notes.append(Note(words=say("Lugar: {place}", place=self.item.place), tone=Tone.QUIET))
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


def _titles(_draft: Draft, around: Around) -> Sequence[Choice]:
    return [
        Choice(id=item.id, words=written(item.title), icon=_ICONS[item.kind]) for item in around.announcements
    ]
