"""Pages without a question of their own: nobody is there, something is being done, it was done."""

from dataclasses import replace

from kiosk_app.core.pages import Code, Note
from kiosk_app.ui.frame import Frame
from kiosk_app.ui.reading import read_notes
from kiosk_app.ui.scene import Face, Plate, Rect, Squares
from kiosk_app.ui.sheet import Sheet


def draw_wait(sheet: Sheet, frame: Frame, room: Rect) -> None:
    """Draw what is being done; or how long one may still answer, in large figures."""
    theme, colours, page = sheet.theme, sheet.colours, sheet.stage.page
    read_notes(sheet, frame, room)
    free = Rect(room.x, sheet.y, room.w, room.bottom - sheet.y)
    side = min(theme.px(360), free.h * 0.8)
    if sheet.stage.reach or side < theme.px(120):
        return
    box = Rect(free.x + (free.w - side) / 2, free.y + (free.h - side) / 2, side, side)
    if page.left_s is None:
        sheet.put("wait.ground", Plate(rect=box, fill=colours.mist, radius=side / 2))
        sheet.icon("wait.icon", box.middle, page.icon or "hourglass", side * 0.46, colours.primary)
        return
    sheet.put(
        "wait.ground",
        Plate(rect=box, fill=colours.on_care, radius=side / 2, line=colours.care, line_px=theme.px(10)),
    )
    size = side * 0.44
    line = size * theme.line_height
    fitted = sheet.fitted(str(page.left_s), Face.BOLD, size, side, line + 4)
    sheet.letters(
        "wait.left",
        Rect(box.x, box.y + (side - line) / 2, side, line),
        fitted,
        colours.care,
        Face.BOLD,
        "center",
    )


def draw_receipt(sheet: Sheet, frame: Frame, room: Rect) -> None:
    """Draw the reference, large, its QR code, and what comes next."""
    theme, colours = sheet.theme, sheet.colours
    code = next((item for item in sheet.stage.page.items if isinstance(item, Code)), None)
    notes = [item for item in sheet.stage.page.items if isinstance(item, Note)]
    if code is None:
        read_notes(sheet, frame, room)
        return
    if frame.is_upright:
        left = room.bottom - sheet.y
        box = Rect(room.x, sheet.y, room.w, min(theme.px(840), left * 0.72))
    else:
        box = Rect(room.x, sheet.y, room.w * 0.56, room.bottom - sheet.y)
    sheet.plate("receipt", box, colours.card, line=colours.line)
    inner = box.inset(theme.px(28), theme.px(24))
    height = min(theme.px(170), inner.h * 0.3)
    fitted = sheet.fitted(code.reference, Face.BOLD, min(theme.code, height * 0.8), inner.w, height)
    line = fitted.size * theme.line_height * len(fitted.lines)
    sheet.letters(
        "receipt.code", Rect(inner.x, inner.y, inner.w, line), fitted, colours.ink, Face.BOLD, "center"
    )
    if code.qr:
        side = min(inner.w, inner.bottom - inner.y - line - theme.px(8))
        place = Rect(inner.x + (inner.w - side) / 2, inner.bottom - side, side, side)
        sheet.put("receipt.qr", Squares(rect=place, text=code.qr))
    if frame.is_upright:
        sheet.y = box.bottom + theme.px(28)
        read_notes(sheet, frame, room, notes)
    else:
        _beside(
            sheet, frame, Rect(box.right + theme.gap, box.y, room.right - box.right - theme.gap, box.h), notes
        )


def _beside(sheet: Sheet, frame: Frame, place: Rect, notes: list[Note]) -> None:
    sheet.y = place.y
    since = len(sheet.pieces)
    read_notes(sheet, replace(frame, width=place.w, floor=0), place, notes)
    way = place.x - sheet.theme.margin
    sheet.pieces[since:] = [
        (name, replace(piece, rect=replace(piece.rect, x=piece.rect.x + way)))
        for name, piece in sheet.pieces[since:]
    ]
