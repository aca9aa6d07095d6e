"""Photographs: what was taken, each with a way to take it out again, and the way to take one."""

from kiosk_app.core.pages import Choice, Photo
from kiosk_app.core.steps import DROP
from kiosk_app.ui.frame import Frame
from kiosk_app.ui.reading import read_notes
from kiosk_app.ui.scene import Face, Picture, Rect
from kiosk_app.ui.sheet import Kind, Sheet
from kiosk_app.ui.tiles import tile


def draw_photos(sheet: Sheet, frame: Frame, room: Rect) -> None:
    """Draw photographs as cards in a row, and below them what can be done."""
    page, theme = sheet.stage.page, sheet.theme
    photos = [item for item in page.items if isinstance(item, Photo)]
    choices = [item for item in page.items if isinstance(item, Choice)]
    drops = [each for each in choices if each.id.startswith(DROP)]
    others = [each for each in choices if not each.id.startswith(DROP)]
    read_notes(sheet, frame, room)
    top = sheet.y
    take_h, drop_h = theme.px(176 if frame.is_upright else 130), theme.px(124)
    below = take_h * len(others) + theme.gap * len(others)
    if not photos:
        _empty(sheet, Rect(room.x, top, room.w, max(0.0, room.bottom - top - below)))
        place = Rect(room.x, max(top, room.bottom - below), room.w, take_h)
    else:
        columns = max(2, len(photos))
        width = (room.w - theme.gap * (columns - 1)) / columns
        most = room.bottom - top - below - drop_h - theme.px(12) - (theme.body * theme.line_height)
        height = min(width * 0.75 if frame.is_upright else width, most)
        if sheet.stage.reach:
            top = max(top, frame.floor - height - theme.body * theme.line_height)
        places = [
            Rect(room.x + number * (width + theme.gap), top, width, height) for number in range(len(photos))
        ]
        for rect, photo in zip(places, photos, strict=True):
            _card(sheet, rect, photo)
        drop_y = top + height + theme.body * theme.line_height + theme.px(12)
        sheet.buttons([Rect(each.x, drop_y, width, drop_h) for each in places], drops, Kind.QUIET)
        place_y = drop_y + drop_h + theme.gap
        place = Rect(room.x, place_y, room.w, take_h)
    for choice in others:
        tile(sheet, place, choice)
        place = Rect(place.x, place.bottom + theme.gap, place.w, place.h)


def _empty(sheet: Sheet, rect: Rect) -> None:
    """A quiet place where photographs will appear."""
    theme, colours = sheet.theme, sheet.colours
    if sheet.stage.reach or rect.h < theme.px(160):
        return
    height = min(rect.h - theme.gap, theme.px(520))
    box = Rect(rect.x, rect.y, rect.w, height)
    sheet.plate("photos.empty", box, colours.mist)
    sheet.icon("photos.empty.icon", box.middle, "photo", min(theme.px(200), height * 0.6), colours.primary)


def _card(sheet: Sheet, rect: Rect, photo: Photo) -> None:
    theme, colours = sheet.theme, sheet.colours
    name = f"photo.{photo.token}"
    sheet.plate(f"{name}.ground", rect, colours.mist)
    sheet.put(name, Picture(rect=rect, token=photo.token))
    line = theme.body * theme.line_height
    words = sheet.stage.say(photo.words)
    sheet.text(
        f"{name}.words", Rect(rect.x, rect.bottom, rect.w, line), words, theme.body, colours.ink, Face.BOLD
    )
