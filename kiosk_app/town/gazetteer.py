"""Streets and landmarks, found as people type them, without a network.

    gazetteer = TownGazetteer(town, here)
    gazetteer.streets("mayor 12")        # [Place(address="Calle Mayor 12", …)]
    gazetteer.nearest(lat, long)         # "Calle Mayor 12"

Rules:
- Accents, capitals and what kind of street it is do not matter ("c/", "avda"); the beginning of each word
  is enough. Where nothing begins so, what is written nearly so is offered.
- A number that the street lacks gives its nearest ones; never a place that was made up.

Implements `kiosk_app.core.draft.Gazetteer`.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, product
from math import cos, floor, hypot, inf, radians
from typing import Final

from kiosk_app.core.draft import Place
from kiosk_app.town.town import Number, Point, Street, Town

FOUND_MAX: Final = 5
NEARLY_LENGTH_MIN: Final = 4
NEARLY_RATIO: Final = 0.7
METRES_PER_DEGREE: Final = 111_195
NEAR_M: Final = 100
"""So near, a door names a position."""
_CELL_DEGREES: Final = 0.002
"""The sides of a cell in which doors are looked for; at 60 degrees north it is just as wide as `NEAR_M`."""
_SORTS: Final = frozenset(
    [
        "calle",
        "carrer",
        "street",
        "c",
        "cl",
        "av",
        "avda",
        "avenida",
        "avinguda",
        "plaza",
        "placa",
        "plaça",
        "pza",
        "pl",
        "paseo",
        "passeig",
        "pso",
        "camino",
        "cami",
        "ronda",
        "cuesta",
        "travesia",
        "callejon",
        "pasaje",
        "de",
        "del",
        "la",
        "el",
        "las",
        "los",
        "d",
        "l",
        "i",
        "y",
    ]
)
_NUMBER: Final = re.compile(r"\s*(?:,|n[.º°]*|num\.?)?\s*(\d{1,5})\s*$")


@dataclass(frozen=True, slots=True)
class _Known:
    """A street under its name.

    Attributes:
        name: as its sign says.
        words: those that say which one it is, folded.
        every: all of its words, folded.
        middle: where it is, without a number.
        numbers: of its houses, by number.
    """

    name: str
    words: tuple[str, ...]
    every: tuple[str, ...]
    middle: Point
    numbers: tuple[tuple[int, Number], ...]


class TownGazetteer:
    """Searches one town.

    Args:
        town: what there is.
        here: where the kiosk stands; near landmarks come first.
    """

    def __init__(self, town: Town, here: Place) -> None:
        by_name = sorted((each for each in town.streets if each.name), key=lambda each: each.name)
        self._streets = [_known(name, list(parts)) for name, parts in groupby(by_name, lambda s: s.name)]
        near = sorted(town.landmarks, key=lambda each: _metres(each.at, here))
        self._landmarks = [_place(each.name, each.at) for each in near]
        self._last: tuple[str, Sequence[Place]] = ("", ())
        self._doors: defaultdict[tuple[int, int], list[tuple[Point, str]]] = defaultdict(list)
        for street in town.streets:
            for number in street.numbers if street.name else ():
                self._doors[_cell(number.at.lat, number.at.long)].append(
                    (number.at, f"{street.name} {number.text}")
                )

    def streets(self, text: str) -> Sequence[Place]:
        """Find addresses that begin as somebody types; the best first, a handful."""
        if self._last[0] != text:
            self._last = (text, list(self._search(text))[:FOUND_MAX])
        return self._last[1]

    def landmarks(self) -> Sequence[Place]:
        """Places that everybody knows, those near this kiosk first."""
        return self._landmarks

    def nearest(self, lat: float, long: float) -> str | None:
        """Name a position by the nearest door; None where none is near."""
        at = Place(lat=lat, long=long, address="")
        row, column = _cell(lat, long)
        doors = [
            (_metres(door, at), address)
            for cell in product((row - 1, row, row + 1), (column - 1, column, column + 1))
            for door, address in self._doors.get(cell, ())
        ]
        metres, address = min(doors, default=(inf, None))
        return address if metres <= NEAR_M else None

    def _search(self, text: str) -> Iterator[Place]:
        numbered = _NUMBER.search(text)
        name = text[: numbered.start()] if numbered else text
        asked = _words(name)
        chosen = [word for word in asked if word not in _SORTS] or asked
        if not chosen:
            return
        found = sorted(
            (each for each in self._streets if _begins(each.every, chosen)),
            key=lambda each: (
                not set(chosen) <= set(each.words),
                not _begins(each.words[:1], chosen[:1]),
                len(each.words),
                each.name,
            ),
        )
        for street in found or self._nearly(" ".join(chosen)):
            if numbered is None:
                yield _place(street.name, street.middle)
            else:
                yield from _houses(street, int(numbered[1]))

    def _nearly(self, asked: str) -> Sequence[_Known]:
        """Streets that are written nearly as what was typed."""
        if len(asked) < NEARLY_LENGTH_MIN:
            return []
        matcher = SequenceMatcher(b=asked)
        rated: list[tuple[float, str, _Known]] = []
        for street in self._streets:
            matcher.set_seq1(" ".join(street.words)[: len(asked) + 2])
            if matcher.quick_ratio() >= NEARLY_RATIO and (ratio := matcher.ratio()) >= NEARLY_RATIO:
                rated.append((-ratio, street.name, street))
        return [street for _, _, street in sorted(rated, key=lambda each: each[:2])]


def fold(text: str) -> str:
    """Return a text without accents and capitals, as it is compared; the ñ is an n to who cannot type it."""
    plain = unicodedata.normalize("NFKD", text.replace("·", ""))
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^\W_]+", fold(text)))


def _known(name: str, parts: Sequence[Street]) -> _Known:
    every = _words(name)
    words = tuple(word for word in every if word not in _SORTS) or every
    line = max(parts, key=lambda part: len(part.line)).line
    numbers = sorted(
        ((int(digits[0]), each) for part in parts for each in part.numbers if (digits := _digits(each.text))),
        key=lambda each: each[0],
    )
    return _Known(name, words, every, line[len(line) // 2], tuple(numbers))


def _digits(text: str) -> list[str]:
    return re.findall(r"^\d{1,5}", text)


def _begins(words: Sequence[str], asked: Sequence[str]) -> bool:
    """Whether every word that was typed begins one of the words, in their order."""
    place = 0
    for each in asked:
        while place < len(words) and not words[place].startswith(each):
            place += 1
        if place == len(words):
            return False
        place += 1
    return bool(asked)


def _houses(street: _Known, asked: int) -> Iterator[Place]:
    """Give the house of that number, or the nearest ones; the street itself where it has no numbers."""
    if not street.numbers:
        yield _place(street.name, street.middle)
        return
    near = sorted(street.numbers, key=lambda each: (abs(each[0] - asked), each[0] % 2 != asked % 2))
    exact = [each for each in near if each[0] == asked]
    for _, number in exact[:1] or near[:2]:
        yield _place(f"{street.name} {number.text}", number.at)


def _place(address: str, at: Point) -> Place:
    return Place(lat=at.lat, long=at.long, address=address)


def _cell(lat: float, long: float) -> tuple[int, int]:
    return floor(lat / _CELL_DEGREES), floor(long / _CELL_DEGREES)


def _metres(at: Point, here: Place) -> float:
    east = (at.long - here.long) * cos(radians(here.lat))
    return hypot(east, at.lat - here.lat) * METRES_PER_DEGREE
