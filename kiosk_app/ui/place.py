"""A place on the map: the map, its mark in the middle, four arrows at its edges, the address below."""

from kiosk_app.core.pages import Choice, Map, Note
from kiosk_app.core.places import AT
from kiosk_app.ui.frame import Frame, note
from kiosk_app.ui.scene import Ground, Plate, Rect
from kiosk_app.ui.sheet import Kind, Sheet

_SIDES = {"north": (0.5, 0.0), "south": (0.5, 1.0), "west": (0.0, 0.5), "east": (1.0, 0.5)}


def draw_place(sheet: Sheet, frame: Frame, room: Rect) -> None:
    """Draw the map, as large as there is room."""
    page, theme = sheet.stage.page, sheet.theme
    shown = next((item for item in page.items if isinstance(item, Map)), None)
    arrows = [item for item in page.items if isinstance(item, Choice)]
    notes = [item for item in page.items if isinstance(item, Note)]
    line = theme.body * theme.line_height
    below = (line + theme.px(20)) * len(notes)
    is_row = sheet.stage.reach
    arrows_h = theme.px(132) if is_row else 0.0
    if shown is not None:
        height = room.bottom - sheet.y - below - (arrows_h + theme.gap if is_row else 0)
        box = Rect(room.x, sheet.y, room.w, height)
        pins = tuple((lat, long) for lat, long, _ in shown.pins)
        below_map = (
            None if sheet.stage.pointing else sheet.colours.mist
        )  # where there is a map, it covers all
        sheet.plate("map.ground", box, below_map, line=sheet.colours.line)
        sheet.put(
            "map",
            Ground(
                rect=box.inset(theme.px(2)),
                lat=shown.lat,
                long=shown.long,
                pins=pins,
                contrast=theme.is_contrast,
                unit=theme.unit,
            ),
        )
        _mark(sheet, box)
        sheet.y = box.bottom + theme.px(16)
        if not is_row:
            _around(sheet, box, arrows)
        if sheet.stage.pointing:
            sheet.target(box, AT)
    for number, each in enumerate(notes):
        note(sheet, f"note.{number}", sheet.stage.say(each.words), each.tone, frame.width, line + theme.px(6))
        sheet.y += theme.px(12)
    if is_row or shown is None:
        _in_a_row(sheet, Rect(room.x, room.bottom - arrows_h, room.w, arrows_h), arrows)


def _mark(sheet: Sheet, box: Rect) -> None:
    """The mark whose tip is the place."""
    theme, colours = sheet.theme, sheet.colours
    x, y = box.middle
    side = theme.px(112)
    dot = theme.px(20)
    sheet.put(
        "map.dot", Plate(rect=Rect(x - dot / 2, y - dot / 2, dot, dot), fill=colours.ink, radius=dot / 2)
    )
    front = colours.accent if theme.is_contrast else colours.bad
    inner = side * 0.42
    head = Rect(x - inner / 2, y - side * 0.66 - inner / 2, inner, inner)
    sheet.put("map.mark.ground", Plate(rect=head, fill=colours.card, radius=inner / 2))
    sheet.icon("map.mark", (x, y - side * 0.5), "map-pin", side * 1.12, front)


def _around(sheet: Sheet, box: Rect, arrows: list[Choice]) -> None:
    wide, tall, edge = sheet.theme.px(232), sheet.theme.px(148), sheet.theme.px(16)
    sides = [_SIDES.get(choice.id, (0.5, 0.5)) for choice in arrows]
    places = [
        Rect(
            box.x + edge + across * (box.w - 2 * edge - wide),
            box.y + edge + along * (box.h - 2 * edge - tall),
            wide,
            tall,
        )
        for across, along in sides
    ]
    sheet.buttons(places, arrows, Kind.PLAIN)


def _in_a_row(sheet: Sheet, place: Rect, arrows: list[Choice]) -> None:
    if not arrows:
        return
    gap = sheet.theme.gap
    width = (place.w - gap * (len(arrows) - 1)) / len(arrows)
    places = [
        Rect(place.x + number * (width + gap), place.y, width, place.h) for number in range(len(arrows))
    ]
    sheet.buttons(places, arrows, Kind.PLAIN)
