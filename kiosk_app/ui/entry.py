"""Something typed: notes, the field, what is offered for it, and the keyboard at the foot of the page."""

from collections.abc import Sequence
from typing import Final

from kiosk_app.core.keyboard import ERASE, LETTERS, SHIFT, SIGNS, SPACE
from kiosk_app.core.pages import Choice, Entry, Keyboard, Note
from kiosk_app.core.words import say
from kiosk_app.ui.frame import Frame, note
from kiosk_app.ui.letters import Fitted, wrap
from kiosk_app.ui.reading import read_notes
from kiosk_app.ui.scene import ELLIPSIS, Face, Plate, Rect
from kiosk_app.ui.sheet import Sheet
from kiosk_app.ui.tiles import grid

_SIGN_OF: Final = {SHIFT: "arrow-big-up", ERASE: "backspace"}
_WORDS_OF: Final = {SIGNS: "123", LETTERS: "ABC"}
_WIDE: Final = {SPACE: 4.6, SHIFT: 1.3, ERASE: 1.6, SIGNS: 1.6, LETTERS: 1.6}
"""How many letters wide a key is."""
_FIELD_LINES_MAX: Final = 3


def draw_entry(sheet: Sheet, frame: Frame, room: Rect) -> None:
    """Draw a page on which something is typed."""
    items = sheet.stage.page.items
    entry = next(item for item in items if isinstance(item, Entry))
    before = [item for item in items[: items.index(entry)] if isinstance(item, Note)]
    after = [item for item in items[items.index(entry) :] if isinstance(item, Note)]
    found = [item for item in items if isinstance(item, Choice)]
    keys = _keyboard_place(sheet, frame, room, entry, len(found))
    is_wide = not frame.is_upright and bool(found)
    _field(sheet, frame, entry, keys.y - sheet.y)
    for number, each in enumerate(before):
        note(
            sheet,
            f"note.{number}",
            sheet.stage.say(each.words),
            each.tone,
            frame.width,
            max(0.0, keys.y - sheet.y),
        )
        sheet.y += sheet.theme.px(20)
    if sheet.stage.reach:
        sheet.sink(min(keys.y, frame.floor) if found else keys.y)
    if found:
        top = max(sheet.y, frame.floor) if sheet.stage.reach else sheet.y
        columns = 3 if (sheet.stage.reach or is_wide or not frame.is_upright) else 2
        place = Rect(room.x, top, room.w, keys.y - sheet.theme.gap - top)
        _offered(sheet, place, found, columns)
    elif after:
        read_notes(sheet, frame, Rect(room.x, sheet.y, room.w, keys.y - sheet.y), after)
    _keyboard(sheet, keys, entry)


def _offered(sheet: Sheet, place: Rect, found: Sequence[Choice], columns: int) -> None:
    theme = sheet.theme
    least = theme.px(120)
    rows = max(1, int((place.h + theme.gap) / (least + theme.gap)))
    shown = found[: rows * columns]
    need = -(-len(shown) // columns)
    height = min(place.h, need * theme.px(140) + (need - 1) * theme.gap)
    grid(sheet, Rect(place.x, place.y, place.w, height), shown, columns)


def _field(sheet: Sheet, frame: Frame, entry: Entry, room_h: float) -> None:
    """The field: its label above, what was typed with a mark at its end, or an example in quiet letters."""
    theme, colours = sheet.theme, sheet.colours
    ruler = sheet.stage.ruler
    label = sheet.stage.say(entry.label)
    if label != sheet.stage.say(sheet.stage.page.title):
        height = theme.body * theme.line_height * 2
        filled = sheet.text(
            "field.label", Rect(theme.margin, sheet.y, frame.width, height), label, theme.body, colours.ink
        )
        sheet.y = filled.bottom + theme.px(10)
    size = theme.label
    pad = theme.px(28)
    width = frame.width - 2 * pad - theme.px(16)
    lines = wrap(ruler, entry.value, Face.TEXT, size, width)
    line = size * theme.line_height
    most = max(1, min(_FIELD_LINES_MAX if entry.length_max > 60 else 1, int((room_h * 0.42) / line)))  # noqa: PLR2004  a line
    tall = max(theme.px(112), most * line + 2 * theme.px(22))
    box = Rect(theme.margin, sheet.y, frame.width, tall)
    sheet.put(
        "field",
        Plate(rect=box, fill=colours.card, radius=theme.corner, line=colours.primary, line_px=theme.px(4)),
    )
    shown = lines[-most:]
    if len(lines) > most:
        shown = (ELLIPSIS + shown[0], *shown[1:])
    top = box.y + (tall - line * max(1, len(shown))) / 2
    inner = Rect(box.x + pad, top, width, line * len(shown))
    if entry.value:
        sheet.letters("field.value", inner, Fitted(shown, size), colours.ink)
        tail = ruler.width(shown[-1], Face.TEXT, size) + (
            ruler.width(" ", Face.TEXT, size) if entry.value.endswith(" ") else 0
        )
        at = Rect(inner.x + min(tail, width) + theme.px(6), top + line * (len(shown) - 1), theme.px(5), line)
    else:
        if entry.example is not None:
            text = sheet.stage.say(entry.example)
            fitted = sheet.fitted(text, Face.TEXT, theme.body, width, tall - theme.px(16))
            height = len(fitted.lines) * fitted.size * theme.line_height
            place = Rect(box.x + pad + theme.px(16), box.y + (tall - height) / 2, width, height)
            sheet.letters("field.example", place, fitted, colours.quiet)
        at = Rect(box.x + pad, box.y + (tall - line) / 2, theme.px(5), line)
    sheet.put("field.mark", Plate(rect=at.inset(0, line * 0.1), fill=colours.primary))
    sheet.y = box.bottom + theme.px(10)
    if entry.keyboard is Keyboard.TEXT and entry.value and entry.length_max - len(entry.value) <= 50:  # noqa: PLR2004  soon
        left = sheet.stage.say(say("Letras que quedan: {count}", count=entry.length_max - len(entry.value)))
        filled = sheet.text(
            "field.left",
            Rect(theme.margin, sheet.y, frame.width, theme.least * 1.3),
            left,
            theme.least,
            colours.quiet,
        )
        sheet.y = filled.bottom
    sheet.y += theme.px(14)


def _keyboard_place(sheet: Sheet, frame: Frame, room: Rect, entry: Entry, offered: int) -> Rect:
    theme = sheet.theme
    rows = len(sheet.stage.keys)
    is_pad = entry.keyboard is Keyboard.DIGITS
    each = theme.px((132 if is_pad else 122) if frame.is_upright else 120)
    if frame.is_upright and sheet.stage.reach:
        each = min(each, theme.px(96 if offered else 132))
    gap = theme.px(10)
    tall = rows * each + (rows - 1) * gap
    least = theme.px(250)
    if room.h - tall < least:
        tall = max(rows * theme.px(120 if not frame.is_upright else 84) + (rows - 1) * gap, room.h - least)
    width = min(room.w, theme.px(700)) if is_pad else min(room.w, theme.px(1400))
    return Rect(room.x + (room.w - width) / 2, room.bottom - tall, width, tall)


def _keyboard(sheet: Sheet, place: Rect, entry: Entry) -> None:
    rows = sheet.stage.keys
    if not rows:
        return
    gap = sheet.theme.px(10)
    tall = (place.h - gap * (len(rows) - 1)) / len(rows)
    most = max(_units(row) for row in rows)
    count = max(len(row) for row in rows)
    unit = (place.w - gap * (count - 1)) / most
    for number, row in enumerate(rows):
        y = place.y + number * (tall + gap)
        units = _units(row)
        each = unit if entry.keyboard is Keyboard.TEXT else (place.w - gap * (len(row) - 1)) / units
        if entry.keyboard is Keyboard.TEXT and (SPACE in row or SHIFT in row):
            each = (place.w - gap * (len(row) - 1)) / units
        x = place.x + (place.w - units * each - gap * (len(row) - 1)) / 2
        for key in row:
            width = each * _WIDE.get(key, 1.0)
            _key(sheet, Rect(x, y, width, tall), key)
            x += width + gap


def _units(row: Sequence[str]) -> float:
    return sum(_WIDE.get(key, 1.0) for key in row)


def _key(sheet: Sheet, rect: Rect, key: str) -> None:
    theme, colours, hand = sheet.theme, sheet.colours, sheet.stage.hand
    name = f"key.{key}"
    is_on = (key == SHIFT and hand.is_capital) or (bool(hand.accent) and key == hand.accent)
    is_named = key in _WIDE and key != SPACE
    fill = colours.primary if is_on else colours.mist_deep if is_named else colours.card
    front = colours.on_primary if is_on else colours.ink
    sheet.plate(name, rect, fill, line=colours.line)
    sheet.target(rect, "", key=key)
    if key in _SIGN_OF:
        sheet.icon(f"{name}.icon", rect.middle, _SIGN_OF[key], min(theme.px(56), rect.h * 0.6), front)
        return
    text = sheet.stage.say(say("Espacio")) if key == SPACE else _WORDS_OF.get(key, key)
    size = theme.body if key == SPACE or key in _WORDS_OF else theme.label * 1.05
    fitted = sheet.fitted(text, Face.TEXT, min(size, rect.h * 0.62), rect.w - theme.px(4), rect.h)
    line = fitted.size * theme.line_height * len(fitted.lines)
    place = Rect(rect.x, rect.y + (rect.h - line) / 2, rect.w, line)
    sheet.letters(f"{name}.words", place, fitted, front, Face.TEXT, "center")
