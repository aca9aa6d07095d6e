"""Something typed: notes, the field, what is offered for it, and the keyboard at the foot of the page."""

from collections.abc import Sequence
from typing import Final

from kiosk_app.core.keyboard import ERASE, LETTERS, SHIFT, SIGNS, SPACE
from kiosk_app.core.pages import Choice, Entry, Keyboard, Note, Tone
from kiosk_app.core.words import say
from kiosk_app.ui.frame import Frame, note
from kiosk_app.ui.letters import Fitted, wrap
from kiosk_app.ui.scene import ELLIPSIS, Face, Plate, Rect
from kiosk_app.ui.sheet import Sheet
from kiosk_app.ui.theme import TARGET_PX
from kiosk_app.ui.tiles import grid

_SIGN_OF: Final = {SHIFT: "arrow-big-up", ERASE: "backspace"}
_WORDS_OF: Final = {SIGNS: "123", LETTERS: "ABC"}
_WIDE: Final = {SPACE: 4.6, SHIFT: 1.2, ERASE: 1.6, SIGNS: 1.6, LETTERS: 1.6}
"""How many letters wide a key is."""
_PADS: Final = frozenset({Keyboard.PHONE, Keyboard.DIGITS})
"""Keyboards of figures, whose keys share the width of their row."""
_FIELD_LINES_MAX: Final = 3
_ONE_LINE: Final = 60
"""What has no more characters than this has a field of one line."""
_OFFERED_BESIDE: Final = 5
"""How many stand beside one another on a lying screen."""
_LEFT_LINE: Final = 1.3
"""How high the line is that says so, by the size of its letters."""
_DOT: Final = "•"
"""Stands for each sign of what is not shown."""
_SOON: Final = 50
"""When so many characters are left, the field says so."""


def draw_entry(sheet: Sheet, frame: Frame, room: Rect) -> None:
    """Draw a page on which something is typed."""
    items = sheet.stage.page.items
    entry = next(item for item in items if isinstance(item, Entry))
    before = [item for item in items[: items.index(entry)] if isinstance(item, Note)]
    after = [item for item in items[items.index(entry) :] if isinstance(item, Note)]
    found = [item for item in items if isinstance(item, Choice)]
    read_h = _reading_height(sheet, frame, [*before, *after], has_offer=bool(found))
    offered_h = _offered_height(sheet, frame, len(found))
    over = max(frame.floor if sheet.stage.reach else 0.0, sheet.y + read_h) + offered_h
    keys = _keyboard_place(sheet, room, entry, over)
    _field(sheet, frame, entry, keys.y - offered_h - sheet.y - read_h, has_offer=bool(found))
    for number, each in enumerate(before):
        left = max(0.0, keys.y - sheet.y - sheet.theme.px(12))
        note(sheet, f"note.{number}", sheet.stage.say(each.words), each.tone, frame.width, left)
        sheet.y += sheet.theme.px(16)
    if after and not found:
        left = Rect(room.x, sheet.y, room.w, keys.y - sheet.y - sheet.theme.px(8))
        _after(sheet, frame, left, after)
    if sheet.stage.reach:
        sheet.sink(keys.y - offered_h)
    if found:
        top = max(sheet.y, keys.y - offered_h) if sheet.stage.reach else sheet.y
        place = Rect(room.x, top, room.w, keys.y - sheet.theme.px(12) - top)
        grid(sheet, place, found, _columns(sheet, frame))
    _keyboard(sheet, keys, entry)


def _after(sheet: Sheet, frame: Frame, room: Rect, notes: Sequence[Note]) -> None:
    for number, each in enumerate(notes):
        left = max(0.0, room.bottom - sheet.y)
        note(sheet, f"after.{number}", sheet.stage.say(each.words), each.tone, frame.width, left)
        sheet.y += sheet.theme.px(12)


def _reading_height(sheet: Sheet, frame: Frame, notes: Sequence[Note], *, has_offer: bool) -> float:
    """Return the room that label, field and notes need at least."""
    theme = sheet.theme
    label = _label_size(sheet, frame) * theme.line_height + theme.px(10)
    if not frame.is_upright and has_offer:
        label = 0.0
    lines = sum(
        len(wrap(sheet.stage.ruler, sheet.stage.say(each.words), Face.BOLD, theme.least, frame.width * 0.9))
        for each in notes
        if not has_offer
    )
    pads = sum(theme.px(56) for each in notes if each.tone in {Tone.CARE, Tone.BAD, Tone.GOOD})
    entry = next(item for item in sheet.stage.page.items if isinstance(item, Entry))
    left = theme.least * _LEFT_LINE if _is_near_end(frame, entry) else 0.0
    field = label + _field_least(sheet, frame) + theme.px(40) + left
    return field + lines * theme.least * theme.line_height + pads


def _is_near_end(frame: Frame, entry: Entry) -> bool:
    """Tell whether the field says how many letters are left."""
    is_soon = entry.length_max - len(entry.value) <= _SOON
    return entry.keyboard is Keyboard.TEXT and is_soon and bool(entry.value) and frame.is_upright


def _label_size(sheet: Sheet, frame: Frame) -> float:
    return sheet.theme.body if frame.is_upright else sheet.theme.least


def _field_least(sheet: Sheet, frame: Frame) -> float:
    return sheet.theme.px(112 if frame.is_upright else 96)


def _columns(sheet: Sheet, frame: Frame) -> int:
    return 2 if frame.is_upright and not sheet.stage.reach else 3 if frame.is_upright else _OFFERED_BESIDE


def _offered_height(sheet: Sheet, frame: Frame, count: int) -> float:
    """Return the room that what is offered needs at least."""
    rows = -(-count // _columns(sheet, frame))
    least = TARGET_PX + sheet.theme.px(2 if not frame.is_upright else 16)
    return rows * least + max(0, rows - 1) * sheet.theme.gap + sheet.theme.px(12) if rows else 0.0


def _field(sheet: Sheet, frame: Frame, entry: Entry, spare_h: float, *, has_offer: bool) -> None:
    """The field: its label above, what was typed with a mark at its end, or an example in quiet letters."""
    theme, colours = sheet.theme, sheet.colours
    ruler = sheet.stage.ruler
    label = sheet.stage.say(entry.label)
    if label != sheet.stage.say(sheet.stage.page.title) and (frame.is_upright or not has_offer):
        size = _label_size(sheet, frame)
        place = Rect(theme.margin, sheet.y, frame.width, size * theme.line_height * 2)
        filled = sheet.text("field.label", place, label, size, colours.ink)
        sheet.y = filled.bottom + theme.px(10)
    size = theme.label
    pad = theme.px(28)
    width = frame.width - 2 * pad - theme.px(16)
    written = _DOT * len(entry.value) if entry.secret else entry.value
    lines = wrap(ruler, written, Face.TEXT, size, width)
    line = size * theme.line_height
    lines_max = 1 if has_offer or entry.length_max <= _ONE_LINE else _FIELD_LINES_MAX
    most = max(1, min(lines_max, 1 + int(spare_h / line)))
    tall = max(_field_least(sheet, frame), most * line + (2 * theme.px(22) if most > 1 else 0))
    box = Rect(theme.margin, sheet.y, frame.width, tall)
    sheet.put(
        "field",
        Plate(rect=box, fill=colours.card, radius=theme.corner, line=colours.primary, line_px=theme.px(4)),
    )
    shown = lines[-most:]
    if len(lines) > most:
        shown = (ELLIPSIS + shown[0].partition(" ")[2], *shown[1:])
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
    if _is_near_end(frame, entry):
        left = sheet.stage.say(say("Letras que quedan: {count}", count=entry.length_max - len(entry.value)))
        filled = sheet.text(
            "field.left",
            Rect(theme.margin, sheet.y, frame.width, theme.least * _LEFT_LINE),
            left,
            theme.least,
            colours.quiet,
        )
        sheet.y = filled.bottom
    sheet.y += theme.px(14)


def _keyboard_place(sheet: Sheet, room: Rect, entry: Entry, over: float) -> Rect:
    """Return the keyboard's place: at the foot, and below what stands over it."""
    theme = sheet.theme
    rows = len(sheet.stage.keys)
    is_pad = entry.keyboard in _PADS
    each = theme.px(132 if is_pad else 122)
    gap = theme.px(8)
    free = (room.bottom - over - gap * (rows - 1)) / max(1, rows)
    tall = rows * max(TARGET_PX, min(each, free)) + (rows - 1) * gap
    width = min(room.w, theme.px(700)) if is_pad else min(room.w, theme.px(1800))
    return Rect(room.x + (room.w - width) / 2, room.bottom - tall, width, tall)


def _keyboard(sheet: Sheet, place: Rect, entry: Entry) -> None:
    rows = sheet.stage.keys
    if not rows:
        return
    gap = sheet.theme.px(8)
    tall = (place.h - gap * (len(rows) - 1)) / len(rows)
    most = max(_units(row) for row in rows)
    count = max(len(row) for row in rows)
    unit = (place.w - gap * (count - 1)) / most
    for number, row in enumerate(rows):
        y = place.y + number * (tall + gap)
        units = _units(row) if entry.keyboard not in _PADS else float(len(row))
        each = unit if entry.keyboard is Keyboard.TEXT else (place.w - gap * (len(row) - 1)) / units
        if entry.keyboard is Keyboard.TEXT and (SPACE in row or SHIFT in row):
            each = (place.w - gap * (len(row) - 1)) / units
        x = place.x + (place.w - units * each - gap * (len(row) - 1)) / 2
        for key in row:
            width = each * (_WIDE.get(key, 1.0) if entry.keyboard not in _PADS else 1.0)
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
