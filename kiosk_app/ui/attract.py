"""Nobody is there: a street at dusk, one window with the light on, and how to begin, in every language.

Source: LOOK ("a service window with the light on"). Nothing moves here.
"""

from typing import Final

from kiosk_app.ui.contrast import Colour
from kiosk_app.ui.frame import Frame, draw_foot
from kiosk_app.ui.scene import Face, Picture, Plate, Rect, Wedge
from kiosk_app.ui.sheet import Sheet

_HOUSES: Final = ((0.0, 0.15, 0.42), (0.15, 0.13, 0.56), (0.72, 0.14, 0.52), (0.86, 0.14, 0.38))
"""Houses at both sides: where they begin, how wide and how high they are, as shares of the picture."""


def draw_attract(sheet: Sheet, frame: Frame) -> None:
    """Draw the page that stands when nobody is there."""
    theme, page = sheet.theme, sheet.stage.page
    draw_foot(sheet, frame)
    sheet.still = {name for name, _ in sheet.pieces}
    width, height = (float(each) for each in sheet.stage.size)
    foot_top = min(frame.main.y, frame.foot.y)
    if frame.is_upright:
        scene = Rect(0, 0, width, height * 0.54)
        words = Rect(
            theme.margin, scene.bottom + theme.px(56), frame.width, foot_top - scene.bottom - theme.px(80)
        )
    else:
        scene = Rect(0, 0, width * 0.5, foot_top)
        words = Rect(
            scene.right + theme.px(56),
            theme.px(150),
            width - scene.right - theme.px(56) - theme.margin,
            foot_top - theme.px(180),
        )
    _street(sheet, scene)
    _town(sheet, scene)
    filled = sheet.text(
        "title", words, sheet.stage.say(page.title), theme.title * 1.12, sheet.colours.ink, Face.BOLD
    )
    _ways_to_begin(
        sheet,
        Rect(words.x, filled.bottom + theme.px(36), words.w, words.bottom - filled.bottom - theme.px(36)),
    )


def _town(sheet: Sheet, scene: Rect) -> None:
    theme, colours = sheet.theme, sheet.colours
    front = colours.ink if theme.is_contrast else colours.on_primary
    side = theme.px(96)
    mark = Rect(theme.margin, theme.px(48), side, side)
    if sheet.stage.brand.mark is None:
        sheet.icon("head.mark", mark.middle, "building-community", side, front)
    else:
        sheet.put("head.mark", Picture(rect=mark, token=str(sheet.stage.brand.mark)))
    place = Rect(mark.right + theme.px(24), 0, scene.right - mark.right - theme.px(48), theme.px(150))
    fitted = sheet.fitted(sheet.stage.brand.name, Face.BOLD, theme.label, place.w, place.h)
    tall = len(fitted.lines) * fitted.size * theme.line_height
    sheet.letters(
        "head.name", Rect(place.x, mark.middle[1] - tall / 2, place.w, tall), fitted, front, Face.BOLD
    )


def _ways_to_begin(sheet: Sheet, place: Rect) -> None:
    """How to begin, in every language that is offered: whoever comes reads one of them."""
    theme, main = sheet.theme, sheet.stage.page.main
    if main is None:
        return
    y = place.y
    for language in sheet.stage.languages:
        text = sheet.stage.speak(main.words, language)
        room = Rect(place.x, y, place.w, place.bottom - y)
        if room.h < theme.body * theme.line_height:
            return
        is_own = language is sheet.stage.language
        colour = sheet.colours.ink if is_own else sheet.colours.quiet
        y = sheet.text(
            f"begin.{language}", room, text, theme.label, colour, Face.BOLD if is_own else Face.TEXT
        ).bottom
        y += theme.px(8)


def _street(sheet: Sheet, scene: Rect) -> None:
    colours = sheet.colours
    is_contrast = sheet.theme.is_contrast
    dusk = colours.paper if is_contrast else colours.primary
    far = dusk.mixed(colours.ink, 0.0 if is_contrast else 0.38)
    near = dusk.mixed(Colour(0, 0, 0) if not is_contrast else colours.ink, 0.34 if not is_contrast else 0.2)
    sheet.put("street.sky", Plate(rect=scene, fill=dusk))
    ground = scene.y + scene.h * 0.9
    for number, (left, wide, high) in enumerate(_HOUSES):
        tall = scene.h * high
        house = Rect(scene.x + scene.w * left, ground - tall, scene.w * wide, tall)
        _house(sheet, f"street.house.{number}", house, far, dusk)
    hall = Rect(scene.x + scene.w * 0.25, ground - scene.h * 0.62, scene.w * 0.5, scene.h * 0.62)
    _hall(sheet, hall, near)
    sheet.put("street.ground", Plate(rect=Rect(scene.x, ground, scene.w, scene.bottom - ground), fill=far))
    _light(sheet, hall, ground, scene.bottom, far)


def _house(sheet: Sheet, name: str, rect: Rect, wall: Colour, window: Colour) -> None:
    sheet.put(name, Plate(rect=rect, fill=wall))
    roof = rect.w * 0.34
    points = ((rect.x, rect.y + 1), (rect.x + rect.w / 2, rect.y - roof), (rect.right, rect.y + 1))
    sheet.put(f"{name}.roof", Wedge(rect=Rect(rect.x, rect.y - roof, rect.w, roof), points=points, fill=wall))
    across, along = rect.w * 0.2, rect.w * 0.3
    for row in range(int((rect.h - along) / (along * 1.8))):
        for column in (0.18, 0.62):
            place = Rect(rect.x + rect.w * column, rect.y + along * (0.5 + 1.8 * row), across, along)
            sheet.put(f"{name}.{row}.{column}", Plate(rect=place, fill=window))


def _hall(sheet: Sheet, hall: Rect, wall: Colour) -> None:
    """The town hall: a gable, and below it the window with the light on."""
    colours = sheet.colours
    gable = hall.w * 0.26
    points = (
        (hall.x - hall.w * 0.04, hall.y + 1),
        (hall.x + hall.w / 2, hall.y - gable),
        (hall.right + hall.w * 0.04, hall.y + 1),
    )
    sheet.put(
        "street.gable",
        Wedge(rect=Rect(points[0][0], hall.y - gable, hall.w * 1.08, gable), points=points, fill=wall),
    )
    sheet.put("street.hall", Plate(rect=hall, fill=wall))
    side = hall.w * 0.13
    clock = Rect(hall.x + (hall.w - side) / 2, hall.y - gable * 0.55, side, side)
    face = wall.mixed(colours.on_primary if not sheet.theme.is_contrast else colours.ink, 0.75)
    sheet.put("street.clock", Plate(rect=clock, fill=face, radius=side / 2))
    middle_x, middle_y = clock.middle
    hand = side * 0.06
    sheet.put(
        "street.clock.hour",
        Plate(rect=Rect(middle_x - hand / 2, middle_y - side * 0.34, hand, side * 0.36), fill=wall),
    )
    sheet.put(
        "street.clock.minute",
        Plate(rect=Rect(middle_x - hand / 2, middle_y - hand / 2, side * 0.28, hand), fill=wall),
    )
    window = _window_of(hall)
    frame = hall.w * 0.035
    outer = Rect(window.x - frame, window.y - frame, window.w + 2 * frame, window.h + frame)
    dark = wall.mixed(Colour(0, 0, 0), 0.35)
    _arch(sheet, "street.frame", outer, dark)
    _arch(sheet, "street.window", window, colours.accent)
    pane = hall.w * 0.014
    sheet.put(
        "street.pane",
        Plate(rect=Rect(window.x + window.w / 2 - pane / 2, window.y, pane, window.h), fill=dark),
    )
    sheet.put("street.bar", Plate(rect=Rect(window.x, window.y + window.h * 0.42, window.w, pane), fill=dark))
    sill = Rect(outer.x - frame, window.bottom, outer.w + 2 * frame, hall.w * 0.05)
    sheet.put("street.sill", Plate(rect=sill, fill=face, radius=sill.h / 4))


def _window_of(hall: Rect) -> Rect:
    width, height = hall.w * 0.44, hall.h * 0.56
    return Rect(hall.x + (hall.w - width) / 2, hall.y + hall.h * 0.16, width, height)


def _arch(sheet: Sheet, name: str, rect: Rect, fill: Colour) -> None:
    radius = rect.w / 2
    sheet.put(f"{name}.top", Plate(rect=Rect(rect.x, rect.y, rect.w, rect.w), fill=fill, radius=radius))
    sheet.put(name, Plate(rect=Rect(rect.x, rect.y + radius, rect.w, rect.h - radius), fill=fill))


def _light(sheet: Sheet, hall: Rect, ground: float, bottom: float, dark: Colour) -> None:
    """The light that falls on the street."""
    window = _window_of(hall)
    spread = window.w * 0.5
    points = (
        (window.x, ground),
        (window.right, ground),
        (window.right + spread, bottom),
        (window.x - spread, bottom),
    )
    rect = Rect(window.x - spread, ground, window.w + 2 * spread, bottom - ground)
    sheet.put("street.light", Wedge(rect=rect, points=points, fill=dark.mixed(sheet.colours.accent, 0.55)))
