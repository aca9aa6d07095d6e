"""Choices as tiles: an icon, words, a second line; what is closed says why."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from kiosk_app.core.pages import Choice
from kiosk_app.ui.contrast import Colour
from kiosk_app.ui.frame import Frame
from kiosk_app.ui.letters import Fitted
from kiosk_app.ui.reading import read_notes
from kiosk_app.ui.scene import Face, Plate, Rect
from kiosk_app.ui.sheet import Kind, Sheet

_GLANCE: Final = 3
_SQUARE: Final = 4
_LOCK: Final = 44
"""How wide the lock before what is closed is."""
_NARROW: Final = 420
"""A row that is narrower has room for its words alone."""


def draw_tiles(sheet: Sheet, frame: Frame, room: Rect) -> None:
    """Draw notes, and below them a grid of what can be chosen."""
    read_notes(sheet, frame, room)
    choices = [item for item in sheet.stage.page.items if isinstance(item, Choice)]
    top = max(sheet.y, frame.floor) if sheet.stage.reach else sheet.y
    grid(sheet, Rect(room.x, top, room.w, room.bottom - top), choices, columns_of(frame, len(choices)))


def columns_of(frame: Frame, count: int) -> int:
    """Return how many stand side by side: three are a list that is read at a glance, four a square."""
    if frame.is_upright:
        return 1 if count <= _GLANCE else 2
    return min(count, _GLANCE) if count != _SQUARE else 2


def grid(sheet: Sheet, room: Rect, choices: Sequence[Choice], columns: int) -> None:
    """Draw choices in rows of so many, as high as there is room, within reason."""
    if not choices:
        return
    gap = sheet.theme.gap
    rows = -(-len(choices) // columns)
    width = (room.w - gap * (columns - 1)) / columns
    most = sheet.theme.px(196 if columns == 1 else 400)
    height = min(most, (room.h - gap * (rows - 1)) / rows)
    places = [
        Rect(room.x + column * (width + gap), room.y + row * (height + gap), width, height)
        for row, column in (divmod(number, columns) for number in range(len(choices)))
    ]
    pairs = list(zip(places, choices, strict=True))
    size = min(_fitted(sheet, _room(sheet, *each), each[1], sheet.theme.label).size for each in pairs)
    for place, choice in pairs:
        tile(sheet, place, choice, size)


def tile(sheet: Sheet, rect: Rect, choice: Choice, size: float | None = None) -> None:
    """Draw one choice: upright with the icon above, or as a row with the icon before.

    Args:
        sheet: on which it is put down.
        rect: its place.
        choice: what it is.
        size: of its words, at most; none for that of a label. Those that stand together have one.
    """
    colour = sheet.surface(
        f"button.{choice.id}", rect, Kind.PLAIN, chosen=choice.chosen, closed=choice.closed is not None
    )
    room = _room(sheet, rect, choice)
    words = _fitted(sheet, room, choice, size or sheet.theme.label)
    if choice.closed is not None:
        _shut(sheet, room, choice, words, colour)
    elif _is_row(rect):
        _row(sheet, rect, choice, colour)
        _words(sheet, choice, room, words, colour)
    else:
        _upright(sheet, rect, choice, colour)
        _words(sheet, choice, room, words, colour, low=bool(choice.icon))
    sheet.target(rect, choice.id, closed=choice.closed is not None)


def _is_row(rect: Rect) -> bool:
    return rect.h < rect.w * 0.5


def _room(sheet: Sheet, rect: Rect, choice: Choice) -> Rect:
    """Return where the words of a choice stand, and below them its second line."""
    theme = sheet.theme
    if choice.closed is not None:
        return rect.inset(theme.px(20), theme.px(8))
    if _is_row(rect):
        pad = theme.px(20)
        x = (
            rect.x
            + pad
            + (_badge_side(sheet, rect, choice) + theme.px(20) if _row_icon(sheet, rect, choice) else 0.0)
        )
        return Rect(
            x, rect.y + theme.px(8), rect.right - pad - _row_sign(sheet, rect) - x, rect.h - theme.px(16)
        )
    inner = rect.inset(theme.px(24), theme.px(20))
    top = inner.y + (_badge_side(sheet, rect, choice) + theme.px(12) if choice.icon else 0.0)
    return Rect(inner.x, top, inner.w, inner.bottom - top)


def _fitted(sheet: Sheet, room: Rect, choice: Choice, size: float) -> Fitted:
    """Return how the words of a choice are set; what is below them keeps its part of the room."""
    theme = sheet.theme
    width, height = room.w, room.h
    if choice.closed is not None:
        width, height = width - theme.px(_LOCK + 12), height - theme.least * theme.line_height * 2
    elif choice.hint is not None:
        height *= 0.56
    return sheet.fitted(sheet.stage.say(choice.words), Face.BOLD, size, width, height)


def _shut(sheet: Sheet, room: Rect, choice: Choice, words: Fitted, colour: Colour) -> None:
    """What is closed: a lock before its words, and below them, in full, why."""
    theme = sheet.theme
    side = theme.px(_LOCK)
    name = f"button.{choice.id}"
    tall = len(words.lines) * words.size * theme.line_height
    reason = sheet.stage.say(choice.closed or choice.words)
    why = sheet.fitted(reason, Face.TEXT, theme.body, room.w, room.h - tall)
    both = tall + len(why.lines) * why.size * theme.line_height
    top = room.y + max(0.0, (room.h - both) / 2)
    first = words.size * theme.line_height
    sheet.icon(f"{name}.icon", (room.x + side / 2, top + first / 2), "lock", min(side, first), colour)
    place = Rect(room.x + side + theme.px(12), top, room.w - side - theme.px(12), tall)
    sheet.letters(f"{name}.words", place, words, colour, Face.BOLD)
    front = colour if theme.is_contrast else sheet.colours.care
    sheet.letters(f"{name}.why", replace(room, y=top + tall), why, front)


def _row(sheet: Sheet, rect: Rect, choice: Choice, colour: Colour) -> None:
    """What stands beside the words of a row: its icon before them, behind them what a press does."""
    theme = sheet.theme
    pad, side = theme.px(20), _badge_side(sheet, rect, choice)
    if icon := _row_icon(sheet, rect, choice):
        _badge(sheet, choice, Rect(rect.x + pad, rect.y + (rect.h - side) / 2, side, side), icon, colour)
    if after := _row_sign(sheet, rect):
        is_several = sheet.stage.page.main is not None and not choice.icon
        sign = "check" if choice.chosen else "plus" if is_several else "chevron-right"
        place = (rect.right - pad - after / 2 + theme.px(6), rect.y + rect.h / 2)
        sheet.icon(f"button.{choice.id}.sign", place, sign, theme.px(44), colour)


def _row_icon(sheet: Sheet, rect: Rect, choice: Choice) -> str:
    return choice.icon if rect.w >= sheet.theme.px(_NARROW) else ""


def _row_sign(sheet: Sheet, rect: Rect) -> float:
    """Return the width of the sign at the end of a row; nothing where it has no room for one."""
    return sheet.theme.px(44) if rect.w > sheet.theme.px(620) else 0.0


def _upright(sheet: Sheet, rect: Rect, choice: Choice, colour: Colour) -> None:
    """What stands above the words: the icon, and that it is chosen."""
    theme = sheet.theme
    inner, side = rect.inset(theme.px(24), theme.px(20)), _badge_side(sheet, rect, choice)
    if choice.icon:
        _badge(sheet, choice, Rect(inner.x, inner.y, side, side), choice.icon, colour)
    if choice.chosen:
        place = (inner.right - theme.px(22), inner.y + theme.px(22))
        sheet.icon(f"button.{choice.id}.sign", place, "check", theme.px(44), colour)


def _badge_side(sheet: Sheet, rect: Rect, choice: Choice) -> float:
    theme = sheet.theme
    if _is_row(rect):
        return min(theme.px(88), rect.h - 2 * theme.px(12))
    return min(theme.px(96), (rect.h - 2 * theme.px(20)) * 0.4) if choice.icon else 0.0


def _badge(sheet: Sheet, choice: Choice, rect: Rect, icon: str, colour: Colour) -> None:
    """An icon on a round ground of its own; in high contrast the icon alone."""
    colours, is_plain = sheet.colours, sheet.theme.is_contrast
    name = f"button.{choice.id}"
    if is_plain:
        sheet.icon(f"{name}.icon", rect.middle, icon, rect.w * 0.72, colour)
        return
    ground = colours.mist if not choice.chosen else colours.primary.mixed(colours.on_primary, 0.16)
    sheet.put(f"{name}.badge", Plate(rect=rect, fill=ground, radius=rect.w / 2))
    front = colours.on_primary if choice.chosen else colours.primary
    sheet.icon(f"{name}.icon", rect.middle, icon, rect.w * 0.58, front)


def _words(
    sheet: Sheet, choice: Choice, room: Rect, words: Fitted, colour: Colour, *, low: bool = False
) -> None:
    """Words, and below them the second line; in the middle of the height, or at the foot."""
    theme, colours = sheet.theme, sheet.colours
    tall = both = len(words.lines) * words.size * theme.line_height
    below = None
    if choice.hint is not None:
        below = sheet.fitted(sheet.stage.say(choice.hint), Face.TEXT, theme.least, room.w, room.h - tall)
        both += len(below.lines) * below.size * theme.line_height
    top = room.y + max(0.0, (room.h - both) * (1 if low else 0.5))
    sheet.letters(f"button.{choice.id}.words", Rect(room.x, top, room.w, tall), words, colour, Face.BOLD)
    if below is not None:
        quiet = colours.on_primary if choice.chosen else colours.quiet
        sheet.letters(f"button.{choice.id}.hint", replace(room, y=top + tall), below, quiet)
