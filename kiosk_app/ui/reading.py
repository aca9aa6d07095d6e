"""What is only read: notes one below the other, in parts where they do not fit."""

from collections.abc import Sequence

from kiosk_app.core.pages import Item, Note, Tone
from kiosk_app.ui.frame import Frame, note
from kiosk_app.ui.letters import wrap
from kiosk_app.ui.scene import Face, Rect
from kiosk_app.ui.sheet import Sheet


def read_notes(sheet: Sheet, frame: Frame, room: Rect, items: Sequence[Item] | None = None) -> None:
    """Put the notes of a page down; in reach mode they come down to what is pressed."""
    given = sheet.stage.page.items if items is None else items
    for number, item in enumerate(each for each in given if isinstance(each, Note)):
        text = sheet.stage.say(item.words)
        note(sheet, f"note.{number}", text, item.tone, frame.width, max(room.bottom - sheet.y, 0))
        sheet.y += sheet.theme.px(24)
    if sheet.stage.reach:
        sheet.sink(frame.floor)


def height_of_note(sheet: Sheet, item: Note, width: float) -> float:
    """Return how high a note stands at its full size."""
    theme = sheet.theme
    pad = theme.px(20) if item.tone in {Tone.GOOD, Tone.BAD, Tone.CARE} else 0.0
    side = theme.px(58) if item.tone is not Tone.PLAIN else 0.0
    face = Face.BOLD if pad else Face.TEXT
    text = sheet.stage.say(item.words)
    lines = wrap(sheet.stage.ruler, text, face, theme.body, width - 2 * pad - side)
    return max(len(lines) * theme.body * theme.line_height, theme.px(44) if side else 0.0) + 2 * pad
