"""Lists and reviews: choices, sentences and facts one below the other, in parts where they do not fit.

What does not fit is a part further: two arrows turn, and the keypad takes the part along to which it walks.
A sentence that is longer than a part goes on in the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from kiosk_app.core.pages import Choice, Fact, Item, Note, Photo, Tone
from kiosk_app.core.words import say, written
from kiosk_app.ui.frame import Frame, note
from kiosk_app.ui.letters import wrap
from kiosk_app.ui.reading import height_of_note
from kiosk_app.ui.scene import Face, Picture, Rect
from kiosk_app.ui.sheet import Kind, Sheet
from kiosk_app.ui.tiles import tile

_CHANGE: Final = say("Cambiar")


@dataclass(frozen=True, slots=True)
class Row:
    """An item and how high it stands."""

    number: int
    item: Item
    height: float


def draw_rows(sheet: Sheet, frame: Frame, room: Rect) -> None:
    """Draw the items of a page as rows."""
    items = [item for item in sheet.stage.page.items if isinstance(item, Choice | Fact | Note | Photo)]
    is_pressed = any(_action_of(item) for item in items)
    top = sheet.y
    if sheet.stage.reach and is_pressed:
        sheet.sink(frame.floor)
        top = max(top, frame.floor)
    place = Rect(room.x, top, room.w, room.bottom - top)
    columns = 1
    if not frame.is_upright and len(_parts(sheet, _rows(sheet, items, place.w, place.h), place.h, 1)) > 1:
        columns = 2
    if any(isinstance(item, Note) and len(sheet.stage.say(item.words)) > 120 for item in items):  # noqa: PLR2004  two lines
        columns = 1
    width = (place.w - sheet.theme.gap * (columns - 1)) / columns
    rows = list(_rows(sheet, items, width, place.h))
    parts = _parts(sheet, rows, place.h, columns)
    if len(parts) > 1:
        turner = sheet.theme.px(124)
        place = replace(place, h=place.h - turner)
        rows = list(_rows(sheet, items, width, place.h))
        parts = _parts(sheet, rows, place.h, columns)
    elif parts and columns == 1:
        parts = [_airy(sheet, parts[0], place.h)]
    part = _part_shown(sheet, parts)
    _draw_part(sheet, parts[part] if parts else [], place, width, columns)
    if len(parts) > 1:
        _turner(
            sheet,
            Rect(place.x, place.bottom + sheet.theme.px(4), place.w, sheet.theme.px(120)),
            part,
            len(parts),
        )
    sheet.parts = len(parts)


def _rows(sheet: Sheet, items: Sequence[Item], width: float, room_h: float) -> list[Row]:
    rows: list[Row] = []
    for number, item in enumerate(items):
        match item:
            case Note():
                rows += [
                    Row(number, each, height_of_note(sheet, each, width))
                    for each in _pieces(sheet, item, width, room_h)
                ]
            case Fact():
                rows += [
                    Row(number, each, _fact_height(sheet, each, width, room_h))
                    for each in _facts(sheet, item, width, room_h)
                ]
            case Photo():
                rows.append(Row(number, item, min(room_h, sheet.theme.px(380))))
            case _:
                rows.append(Row(number, item, _choice_height(sheet, item, width)))
    return rows


def _pieces(sheet: Sheet, item: Note, width: float, room_h: float) -> list[Note]:
    """Cut a note that is higher than a part into several, between lines."""
    theme = sheet.theme
    if height_of_note(sheet, item, width) <= room_h:
        return [item]
    side = theme.px(58) if item.tone is not Tone.PLAIN else 0.0
    face = Face.BOLD if item.tone in {Tone.GOOD, Tone.BAD, Tone.CARE} else Face.TEXT
    pad = theme.px(40)
    lines = wrap(sheet.stage.ruler, sheet.stage.say(item.words), face, theme.body, width - side - pad)
    count = max(1, int((room_h - pad) / (theme.body * theme.line_height)))
    return [
        replace(item, words=written(" ".join(lines[at : at + count]))) for at in range(0, len(lines), count)
    ]


def _facts(sheet: Sheet, fact: Fact, width: float, room_h: float) -> list[Fact]:
    """Cut a fact that is higher than a part into several; the first one has its label, and can be changed."""
    theme = sheet.theme
    if _fact_height(sheet, fact, width, room_h * 9) <= room_h:
        return [fact]
    inner = width - theme.px(60) - _button_width(sheet)
    lines = wrap(sheet.stage.ruler, sheet.stage.say(fact.words), Face.BOLD, theme.body, inner)
    count = max(1, int((room_h - theme.px(40)) / (theme.body * theme.line_height)) - 2)
    texts = [written(" ".join(lines[at : at + count])) for at in range(0, len(lines), count)]
    rest = [replace(fact, label=written(""), words=text, change="") for text in texts[1:]]
    return [replace(fact, words=texts[0]), *rest]


def _parts(sheet: Sheet, rows: Sequence[Row], room_h: float, columns: int) -> list[list[Row]]:
    gap = sheet.theme.px(16)
    parts: list[list[Row]] = []
    left = 0.0
    column = columns
    for row in rows:
        if not parts or left + gap + row.height > room_h + 1:
            column += 1
            if not parts or column >= columns:
                parts.append([])
                column = 0
            left = -gap
        parts[-1].append(row)
        left += gap + row.height
    return parts


def _airy(sheet: Sheet, rows: Sequence[Row], room_h: float) -> list[Row]:
    """Give what can be pressed more height where there is room."""
    gap = sheet.theme.px(16)
    free = room_h - sum(row.height for row in rows) - gap * (len(rows) - 1)
    pressed = [row for row in rows if isinstance(row.item, Choice | Fact)]
    more = min(sheet.theme.px(40), max(0.0, free / max(1, len(pressed))))
    return [replace(row, height=row.height + more) if row in pressed else row for row in rows]


def _part_shown(sheet: Sheet, parts: Sequence[Sequence[Row]]) -> int:
    here = sheet.stage.here
    if here is not None and here.action:
        for number, part in enumerate(parts):
            if any(_action_of(row.item) == here.action for row in part):
                return number
    return min(max(sheet.stage.part, 0), max(len(parts) - 1, 0))


def _draw_part(sheet: Sheet, rows: Sequence[Row], place: Rect, width: float, columns: int) -> None:
    gap, x, y = sheet.theme.px(16), place.x, place.y
    for count, row in enumerate(rows):
        if y + row.height > place.bottom + 1 and columns > 1 and y > place.y:
            x, y = x + width + sheet.theme.gap, place.y
        _draw_row(sheet, row, Rect(x, y, width, row.height), count)
        y += row.height + gap


def _draw_row(sheet: Sheet, row: Row, rect: Rect, count: int) -> None:
    match row.item:
        case Note(words=words, tone=tone):
            sheet.y = rect.y
            shift = rect.x - sheet.theme.margin
            since = len(sheet.pieces)
            note(sheet, f"row.{count}.note", sheet.stage.say(words), tone, rect.w, rect.h + 2)
            if shift:
                sheet.pieces[since:] = [
                    (name, replace(piece, rect=replace(piece.rect, x=piece.rect.x + shift)))
                    for name, piece in sheet.pieces[since:]
                ]
        case Fact() as fact:
            _fact(sheet, rect, fact, f"row.{count}")
        case Choice() as choice:
            tile(sheet, rect, choice)
        case Photo() as photo:
            _photo(sheet, rect, photo, f"row.{count}")
        case _:
            return


def _photo(sheet: Sheet, rect: Rect, photo: Photo, name: str) -> None:
    """A picture of the town hall's, and what it shows."""
    theme = sheet.theme
    line = theme.body * theme.line_height
    box = Rect(rect.x, rect.y, rect.w, rect.h - line)
    sheet.plate(f"{name}.ground", box, sheet.colours.mist)
    sheet.put(f"{name}.photo", Picture(rect=box, token=photo.token))
    words = sheet.stage.say(photo.words)
    sheet.text(
        f"{name}.words", replace(rect, y=box.bottom, h=line), words, theme.body, sheet.colours.ink, Face.BOLD
    )


def _fact(sheet: Sheet, rect: Rect, fact: Fact, name: str) -> None:
    theme, colours = sheet.theme, sheet.colours
    pad = theme.px(20)
    sheet.plate(name, rect, colours.card, line=colours.line)
    button_w = _button_width(sheet) if fact.change else 0.0
    inner = rect.inset(pad, theme.px(12))
    width = inner.w - button_w - (pad if fact.change else 0)
    label = sheet.fitted(
        sheet.stage.say(fact.label), Face.TEXT, theme.least, width, theme.least * theme.line_height * 2
    )
    step = label.size * theme.line_height * len(label.lines) if any(label.lines) else 0.0
    words = sheet.fitted(sheet.stage.say(fact.words), Face.BOLD, theme.body, width, inner.h - step)
    tall = words.size * theme.line_height * len(words.lines)
    top = inner.y + max(0.0, (inner.h - step - tall) / 2)
    if step:
        sheet.letters(f"{name}.label", Rect(inner.x, top, width, step), label, colours.quiet)
    sheet.letters(f"{name}.words", Rect(inner.x, top + step, width, tall), words, colours.ink, Face.BOLD)
    if fact.change:
        tall = min(rect.h - theme.px(16), theme.px(120))
        button = Rect(
            inner.right - button_w, rect.y + (rect.h - tall) / 2, button_w + pad - theme.px(8), tall
        )
        sheet.button(button, Choice(id=fact.change, words=_CHANGE, icon="pencil"), Kind.QUIET)


def _button_width(sheet: Sheet) -> float:
    words = sheet.stage.ruler.width(sheet.stage.say(_CHANGE), Face.TEXT, sheet.theme.body)
    return words + sheet.theme.px(130)


def _fact_height(sheet: Sheet, fact: Fact, width: float, room_h: float) -> float:
    theme = sheet.theme
    inner = width - theme.px(40) - ((_button_width(sheet) + theme.px(20)) if fact.change else 0)
    ruler = sheet.stage.ruler
    lines = len(wrap(ruler, sheet.stage.say(fact.words), Face.BOLD, theme.body, inner))
    labels = min(2, len(wrap(ruler, sheet.stage.say(fact.label), Face.TEXT, theme.least, inner)))
    tall = (labels * theme.least + lines * theme.body) * theme.line_height + theme.px(28)
    return min(max(tall, theme.px(136)), room_h)


def _choice_height(sheet: Sheet, item: Item, width: float) -> float:
    theme = sheet.theme
    if not isinstance(item, Choice):
        return theme.target
    inner = width - theme.px(40 + 108 + 44)
    ruler = sheet.stage.ruler
    lines = len(wrap(ruler, sheet.stage.say(item.words), Face.BOLD, theme.label, inner))
    tall = lines * theme.label * theme.line_height
    second = item.closed or item.hint
    if second is not None:
        hints = min(2, len(wrap(ruler, sheet.stage.say(second), Face.TEXT, theme.least, inner)))
        tall += hints * theme.least * theme.line_height
    return min(max(tall + theme.px(28), theme.px(124)), theme.px(280))


def _turner(sheet: Sheet, rect: Rect, part: int, parts: int) -> None:
    """Two arrows, and which part this is."""
    side = sheet.theme.px(200)
    text = sheet.stage.say(say("{place} de {count}", place=part + 1, count=parts))
    fitted = sheet.fitted(text, Face.BOLD, sheet.theme.body, rect.w - 2 * side, rect.h)
    line = fitted.size * sheet.theme.line_height
    place = Rect(rect.x + side, rect.y + (rect.h - line) / 2, rect.w - 2 * side, line)
    sheet.letters("turn.place", place, fitted, sheet.colours.ink, Face.BOLD, "center")
    for name, turn, x in (("arrow-up", -1, rect.x), ("arrow-down", 1, rect.right - side)):
        if 0 <= part + turn < parts:
            button = Rect(x, rect.y, side, rect.h)
            colour = sheet.surface(f"turn.{turn}", button, Kind.PLAIN)
            sheet.icon(f"turn.{turn}.icon", button.middle, name, sheet.theme.px(56), colour)
            sheet.target(button, "", turn=turn)


def _action_of(item: Item) -> str:
    match item:
        case Choice(id=action) | Fact(change=action):
            return action
        case _:
            return ""
