"""Walking over a page with six keys: four arrows, one that chooses, one that speaks.

    place = walk(place, Arrow.DOWN, stops)

Rules:
- Everything that can be pressed is reached, in the order in which it is read; from the last one the walk goes
  on at the first, and says so by its place ("1 of 7").
- Where stops stand in rows, as keys do, up and down go by rows, left and right along them; elsewhere all four
  go one by one. Nobody is held in a field.
- What is closed is reached too: it says why.

Source: EN 301 549 5.1.6 (operation without sight), 5.8 (double-strike), 5.7 (key repeat).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from kiosk_app.core.keyboard import Hand, rows_of
from kiosk_app.core.pages import Choice, Entry, Fact, Item, Page
from shared.model.wording import Language

DOUBLE_STRIKE_MS: Final = 200
"""The same key again within this time is the same press."""
LONG_DOUBLE_STRIKE_MS: Final = 500
"""For who asked for more time; EN 301 549 5.8 asks for up to half a second."""


class Arrow(Enum):
    """A key that moves."""

    UP = auto()
    DOWN = auto()
    LEFT = auto()
    RIGHT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Something that can be pressed.

    Attributes:
        action: what the flow hears; empty for a key of the keyboard.
        key: the key of the keyboard; empty for anything else.
        row: those of one row stand side by side.
    """

    action: str = ""
    key: str = ""
    row: int = 0


def stops_of(page: Page, hand: Hand, language: Language) -> Sequence[Stop]:
    """Return everything on a page that can be pressed, in the order in which it is read."""
    rows = [row for item in page.items for row in _rows_of_item(item, hand, language)]
    rows += [[Stop(action=choice.id)] for choice in (page.main, *page.others) if choice is not None]
    rows += [[Stop(action="back")]] * page.back + [[Stop(action="home")]] * page.home
    return [replace(stop, row=row) for row, stops in enumerate(rows) for stop in stops]


def walk(place: int, arrow: Arrow, stops: Sequence[Stop]) -> int:
    """Return where an arrow leads.

    Args:
        place: in `stops`.
        arrow: the key.
        stops: at least one.
    """
    match arrow:
        case Arrow.LEFT:
            return (place - 1) % len(stops)
        case Arrow.RIGHT:
            return (place + 1) % len(stops)
        case Arrow.UP:
            return _row(place, stops, -1)
        case Arrow.DOWN:
            return _row(place, stops, 1)


class Strikes:
    """Tells a press from the tremor that follows it."""

    def __init__(self) -> None:
        """Begin with nothing pressed."""
        self._last: tuple[str, int] | None = None

    def counts(self, key: str, now_ms: int, within_ms: int = DOUBLE_STRIKE_MS) -> bool:
        """Tell whether a press counts; the time runs from the last one, whether it counted or not."""
        last, self._last = self._last, (key, now_ms)
        return last is None or last[0] != key or now_ms - last[1] >= within_ms


def _rows_of_item(item: Item, hand: Hand, language: Language) -> Sequence[Sequence[Stop]]:
    match item:
        case Choice(id=action) | Fact(change=action) if action:
            return [[Stop(action=action)]]
        case Entry():
            keys = rows_of(item.keyboard, language, hand)
            return [[Stop(key=key) for key in row] for row in keys]
        case _:
            return []


def _row(place: int, stops: Sequence[Stop], step: int) -> int:
    """Go to the row above or below, to the stop that stands nearest there."""
    rows = max(stop.row for stop in stops) + 1
    row = [number for number, stop in enumerate(stops) if stop.row == stops[place].row]
    other = [number for number, stop in enumerate(stops) if stop.row == (stops[place].row + step) % rows]
    share = (row.index(place) + 0.5) / len(row)
    return other[min(len(other) - 1, int(share * len(other)))]
