"""Where something is: this kiosk, a street, a landmark, or a point of the map. One question leads to each.

Source: addresses and landmarks come from the machine's own gazetteer; nothing here asks the network.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kiosk_app.core.draft import Around, Draft, Place
from kiosk_app.core.pages import Choice, Entry, Item, Keyboard, Map, Note, Page, Screen, Tone
from kiosk_app.core.steps import NEXT, Step, Tiles
from kiosk_app.core.words import Words, say, written

HERE: Final = "here"
STREET: Final = "street"
LANDMARK: Final = "landmark"
MAP: Final = "map"
HOW: Final = "place.how"
PLACE: Final = "place"
FOUND: Final = "found:"
STREET_LENGTH_MAX: Final = 120
MOVE_DEGREES: Final = 0.0003
"""A press of an arrow moves the map by some thirty metres."""
AT: Final = "at:"
"""Before a position that somebody points at: `at:43.46200,-3.81000`."""
FAR_DEGREES: Final = 0.3
"""Nobody reports from here what is some thirty kilometres away."""
_POINTED: Final = re.compile(re.escape(AT) + r"(-?\d{1,2}\.\d{1,7}),(-?\d{1,3}\.\d{1,7})")
_MOVES: Final = {"north": (1, 0), "south": (-1, 0), "east": (0, 1), "west": (0, -1)}


def place_steps(task: str, title: Words, draft: Draft) -> Sequence[Step]:
    """Return the steps that ask for a place, as far as they follow from the answers so far."""
    how = Tiles(id=f"{task}.place", title=title, answer=HOW, choices=_ways)
    match draft.text(HOW):
        case "street":
            return [how, StreetStep(id=f"{task}.street")]
        case "landmark":
            return [how, LandmarkStep(id=f"{task}.landmark")]
        case "map":
            return [how, MapStep(id=f"{task}.map")]
        case _:
            return [how]


def place_of(draft: Draft, around: Around) -> Place:
    """Return the place that was answered; this kiosk where none was."""
    chosen = draft.answers.get(PLACE)
    return chosen if isinstance(chosen, Place) and draft.text(HOW) != HERE else around.here


def _ways(_draft: Draft, around: Around) -> Sequence[Choice]:
    return [
        Choice(id=HERE, words=say("Aquí mismo"), icon="map-pin", hint=written(around.here.address)),
        Choice(id=STREET, words=say("En otra calle"), icon="directions"),
        Choice(id=LANDMARK, words=say("Junto a un lugar conocido"), icon="building-monument"),
        Choice(id=MAP, words=say("Señalarlo en el mapa"), icon="map"),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetStep:
    """A street and a number, typed; the gazetteer offers what it knows.

    Attributes:
        id: task and question.
    """

    id: str

    def page(self, draft: Draft, around: Around) -> Page:
        """Show the field, and below it what fits."""
        text = draft.text("street")
        field = Entry(
            id="street",
            label=say("Calle y número"),
            value=text,
            keyboard=Keyboard.TEXT,
            length_max=STREET_LENGTH_MAX,
            example=say("Por ejemplo: Mayor 12"),
        )
        found = [
            Choice(id=f"{FOUND}{number}", words=written(place.address), icon="map-pin")
            for number, place in enumerate(around.gazetteer.streets(text))
        ]
        items: list[Item] = [field, *found]
        if text and not found:
            note = say("No la encontramos. Escriba solo el nombre, o señálela en el mapa.")
            items.append(Note(words=note, tone=Tone.CARE))
        return Page(
            name=self.id, screen=Screen.ENTRY, title=say("¿En qué calle y número?"), items=tuple(items)
        )

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Take one of those that fit."""
        found = around.gazetteer.streets(draft.text("street"))
        return _pick(draft, action, found)

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """One of them has to be chosen."""
        return _missing(draft, say("Elija una calle de la lista."))


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkStep:
    """One of the places that everybody knows.

    Attributes:
        id: task and question.
    """

    id: str

    def page(self, draft: Draft, around: Around) -> Page:
        """Show them, near ones first."""
        items = tuple(
            Choice(id=f"{FOUND}{number}", words=written(place.address), icon="building-monument")
            for number, place in enumerate(around.gazetteer.landmarks())
        )
        return Page(name=self.id, screen=Screen.LIST, title=say("¿Junto a qué lugar?"), items=items)

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Take one."""
        return _pick(draft, action, around.gazetteer.landmarks())

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """One of them has to be chosen."""
        return _missing(draft, say("Elija un lugar de la lista."))


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStep:
    """A point of the map: the middle of what is shown, moved by pointing at it or by four arrows.

    Attributes:
        id: task and question.
    """

    id: str

    def page(self, draft: Draft, around: Around) -> Page:
        """Show the map around the point."""
        at = _point(draft, around)
        arrows = (
            Choice(id="north", words=say("Hacia el norte"), icon="arrow-up"),
            Choice(id="south", words=say("Hacia el sur"), icon="arrow-down"),
            Choice(id="west", words=say("Hacia el oeste"), icon="arrow-left"),
            Choice(id="east", words=say("Hacia el este"), icon="arrow-right"),
        )
        return Page(
            name=self.id,
            screen=Screen.PLACE,
            title=say("Ponga la señal sobre el lugar"),
            items=(Map(lat=at.lat, long=at.long), Note(words=written(at.address)), *arrows),
            main=Choice(id=NEXT, words=say("Es aquí")),
        )

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Move, or take the point."""
        at = _point(draft, around)
        if action == NEXT:
            return draft.with_answer(PLACE, at), True
        if action in _MOVES:
            north, east = _MOVES[action]
            lat, long = at.lat + north * MOVE_DEGREES, at.long + east * MOVE_DEGREES
        elif pointed := _POINTED.fullmatch(action):
            lat, long = float(pointed[1]), float(pointed[2])
        else:
            return None
        lat, long = round(lat, 6), round(long, 6)
        if max(abs(lat - around.here.lat), abs(long - around.here.long)) > FAR_DEGREES:
            return None
        address = around.gazetteer.nearest(lat, long) or f"{lat:.5f}, {long:.5f}"
        return draft.with_answer(PLACE, Place(lat=lat, long=long, address=address)), False

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """The map always has a middle."""
        return None


def _point(draft: Draft, around: Around) -> Place:
    chosen = draft.answers.get(PLACE)
    return chosen if isinstance(chosen, Place) else around.here


def _missing(draft: Draft, sentence: Words) -> Words | None:
    return None if isinstance(draft.answers.get(PLACE), Place) else sentence


def _pick(draft: Draft, action: str, places: Sequence[Place]) -> tuple[Draft, bool] | None:
    for number, place in enumerate(places):
        if action == f"{FOUND}{number}":
            return draft.with_answer(PLACE, place), True
    return None
