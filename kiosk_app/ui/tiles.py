"""Choices as tiles: an icon, words, a second line; what is closed says why."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from kiosk_app.core.pages import Choice
from kiosk_app.ui.contrast import Colour
from kiosk_app.ui.frame import Frame
from kiosk_app.ui.reading import read_notes
from kiosk_app.ui.scene import Face, Plate, Rect
from kiosk_app.ui.sheet import Kind, Sheet

_GLANCE: Final = 3
_SQUARE: Final = 4
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
    for number, choice in enumerate(choices):
        row, column = divmod(number, columns)
        place = Rect(room.x + column * (width + gap), room.y + row * (height + gap), width, height)
        tile(sheet, place, choice)


def tile(sheet: Sheet, rect: Rect, choice: Choice) -> None:
    """Draw one choice: upright with the icon above, or as a row with the icon before."""
    colour = sheet.surface(
        f"button.{choice.id}", rect, Kind.PLAIN, chosen=choice.chosen, closed=choice.closed is not None
    )
    if choice.closed is not None:
        _shut(sheet, rect, choice, colour)
    elif rect.h < rect.w * 0.5:
        _row(sheet, rect, choice, colour)
    else:
        _upright(sheet, rect, choice, colour)
    sheet.target(rect, choice.id, closed=choice.closed is not None)


def _shut(sheet: Sheet, rect: Rect, choice: Choice, colour: Colour) -> None:
    """What is closed: a lock before its words, and below them, in full, why."""
    theme = sheet.theme
    inner = rect.inset(theme.px(20), theme.px(8))
    side = theme.px(44)
    name = f"button.{choice.id}"
    below = theme.least * theme.line_height * 2
    width = inner.w - side - theme.px(12)
    words = sheet.fitted(sheet.stage.say(choice.words), Face.BOLD, theme.label, width, inner.h - below)
    tall = len(words.lines) * words.size * theme.line_height
    reason = sheet.stage.say(choice.closed or choice.words)
    why = sheet.fitted(reason, Face.TEXT, theme.body, inner.w, inner.h - tall)
    both = tall + len(why.lines) * why.size * theme.line_height
    top = inner.y + max(0.0, (inner.h - both) / 2)
    first = words.size * theme.line_height
    sheet.icon(f"{name}.icon", (inner.x + side / 2, top + first / 2), "lock", min(side, first), colour)
    place = Rect(inner.x + side + theme.px(12), top, width, tall)
    sheet.letters(f"{name}.words", place, words, colour, Face.BOLD)
    front = colour if theme.is_contrast else sheet.colours.care
    sheet.letters(f"{name}.why", replace(inner, y=top + tall), why, front)


def _row(sheet: Sheet, rect: Rect, choice: Choice, colour: Colour) -> None:
    theme = sheet.theme
    pad = theme.px(20)
    side = min(theme.px(88), rect.h - 2 * theme.px(12))
    x = rect.x + pad
    icon = choice.icon if rect.w >= theme.px(_NARROW) else ""
    if icon:
        _badge(sheet, choice, Rect(x, rect.y + (rect.h - side) / 2, side, side), icon, colour)
        x += side + theme.px(20)
    after = theme.px(44) if rect.w > theme.px(620) else 0.0
    inner = Rect(x, rect.y + theme.px(8), rect.right - pad - after - x, rect.h - theme.px(16))
    _words(sheet, choice, inner, colour)
    if after:
        is_several = sheet.stage.page.main is not None and not choice.icon
        sign = "check" if choice.chosen else "plus" if is_several else "chevron-right"
        place = (rect.right - pad - after / 2 + theme.px(6), rect.y + rect.h / 2)
        sheet.icon(f"button.{choice.id}.sign", place, sign, theme.px(44), colour)


def _upright(sheet: Sheet, rect: Rect, choice: Choice, colour: Colour) -> None:
    theme = sheet.theme
    inner = rect.inset(theme.px(24), theme.px(20))
    icon = choice.icon
    side = min(theme.px(96), inner.h * 0.4) if icon else 0.0
    if icon:
        _badge(sheet, choice, Rect(inner.x, inner.y, side, side), icon, colour)
    if choice.chosen:
        place = (inner.right - theme.px(22), inner.y + theme.px(22))
        sheet.icon(f"button.{choice.id}.sign", place, "check", theme.px(44), colour)
    top = inner.y + side + (theme.px(12) if icon else 0)
    place = Rect(inner.x, top, inner.w, inner.bottom - top)
    _words(sheet, choice, place, colour, low=bool(icon))


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


def _words(sheet: Sheet, choice: Choice, inner: Rect, colour: Colour, *, low: bool = False) -> None:
    """Words, and below them the second line; in the middle of the height, or at the foot."""
    theme, colours = sheet.theme, sheet.colours
    second = choice.hint
    face = Face.BOLD
    text = sheet.stage.say(choice.words)
    share = 1.0 if second is None else 0.56
    fitted = sheet.fitted(text, face, theme.label, inner.w, inner.h * share)
    tall = len(fitted.lines) * fitted.size * theme.line_height
    if second is None:
        place = Rect(inner.x, inner.y + (inner.h - tall) * (1 if low else 0.5), inner.w, tall)
        sheet.letters(f"button.{choice.id}.words", place, fitted, colour, face)
        return
    below = sheet.fitted(sheet.stage.say(second), Face.TEXT, theme.least, inner.w, inner.h - tall)
    both = tall + len(below.lines) * below.size * theme.line_height
    top = inner.y + max(0.0, (inner.h - both) * (1 if low else 0.5))
    sheet.letters(f"button.{choice.id}.words", Rect(inner.x, top, inner.w, tall), fitted, colour, face)
    quiet = colours.on_primary if choice.chosen else colours.quiet
    sheet.letters(f"button.{choice.id}.hint", replace(inner, y=top + tall), below, quiet)
