"""How many strokes of the six keys a text takes: counted at the desk, along the shortest way to each key.

Whoever knows the keyboard walks like that: down to the row, along the row, and round an edge where that is
nearer. Walking in one line, as a switch does, is counted beside it.
"""

import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from kiosk_app.core.desk import Key
from kiosk_app.core.keyboard import LETTERS, SHIFT, SIGNS
from kiosk_app.core.pages import Entry
from kiosk_app.core.walk import Arrow, Stop, walk
from tests.unit.kiosk.test_desk import Person

NOTE: Final = (
    "La farola de la esquina de mi calle lleva apagada desde el lunes y por la noche no se ve el paso de "
    "cebra. Ayer una señora mayor tropezó con la acera, que está levantada por las raíces. ¿Pueden venir?"
)
NAME: Final = "María Núñez"
IN_ONE_LINE: Final = (Arrow.RIGHT,)
ACUTE: Final = "\u0301"


def strokes_for(text: str, arrows: Sequence[Arrow]) -> int:
    """Type a text at the page where a report is told in words; return how many keys were pressed."""
    person = Person()
    person.kiosk.press("start", "es", "report", "c0", "here")
    person.kiosk.reach("report.words")
    person.listen()
    person.key(Key.RIGHT)
    assert person.page.name == "report.words"
    count = 0
    for wanted in keys_of(text):
        while True:
            stops = person.desk.stops(person.page)
            key = next_key(wanted, {stop.key for stop in stops})
            place = person.desk.place
            for arrow in way_to(key, place or 0, stops, arrows):
                person.key(Key[arrow.name])
                count += 1
            person.key(Key.CHOOSE)
            count += 1
            if key == wanted:
                break
    (value,) = [item.value for item in person.page.items if isinstance(item, Entry)]
    assert value == text
    return count


def keys_of(text: str) -> Iterator[str]:
    """Give the keys that write a text: an accent before its letter."""
    for letter in text:
        plain, *accents = unicodedata.normalize("NFD", letter)
        yield from ("´", plain) if ACUTE in accents else (letter,)


def next_key(wanted: str, there: set[str]) -> str:
    """Return the key itself, or the one that brings it."""
    if wanted in there:
        return wanted
    if wanted.swapcase() in there:
        return SHIFT
    return LETTERS if LETTERS in there else SIGNS


def way_to(key: str, place: int, stops: Sequence[Stop], arrows: Sequence[Arrow]) -> Sequence[Arrow]:
    """Return the arrows of the shortest way to a key."""
    ways: dict[int, Sequence[Arrow]] = {place: ()}
    waiting = deque([place])
    while stops[here := waiting.popleft()].key != key:
        for arrow in arrows:
            there = walk(here, arrow, stops)
            if there not in ways:
                ways[there] = (*ways[here], arrow)
                waiting.append(there)
    return ways[here]


@pytest.mark.parametrize(
    ("text", "arrows", "strokes"),
    [
        (NOTE, tuple(Arrow), 921),
        (NOTE, (Arrow.RIGHT, Arrow.DOWN), 1_563),
        (NAME, tuple(Arrow), 71),
        (NAME, IN_ONE_LINE, 293),
    ],
)
def test_text_by_six_keys_takes_no_more_strokes_than_it_did(
    text: str, arrows: Sequence[Arrow], strokes: int
) -> None:
    assert strokes_for(text, arrows) <= strokes
