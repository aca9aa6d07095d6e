"""What every page has: head, title, what has to be mended; Back, Home and the main action; the comforts.

Rules (LOOK): the main action, Back and Home stand in the same place on every page; so do the comforts.
Upright screens have the comforts below the actions, lying ones beside them. In reach mode, what is pressed
stands in the lower half of an upright screen and below the upper quarter of a lying one, and what is read
comes down to it. A lying screen has its title in the head: it has no height to spare.
"""

from dataclasses import dataclass

from kiosk_app.core.pages import Choice, Tone
from kiosk_app.core.showing import BACK, HOME
from kiosk_app.core.words import say
from kiosk_app.ui.contrast import Colour
from kiosk_app.ui.letters import Fitted
from kiosk_app.ui.scene import Face, Picture, Plate, Rect
from kiosk_app.ui.sheet import Kind, Sheet
from kiosk_app.ui.theme import Theme

_BACK = Choice(id=BACK, words=say("Atrás"), icon="arrow-left")
_HOME = Choice(id=HOME, words=say("Inicio"), icon="home")
TONE_ICONS = {
    Tone.PLAIN: "",
    Tone.QUIET: "info-circle",
    Tone.GOOD: "circle-check",
    Tone.BAD: "alert-triangle",
    Tone.CARE: "alert-triangle",
}
"""Never colour alone: each tone has its sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where everything stands on a screen of some size.

    Attributes:
        head: the town and the step.
        back: the place of Back.
        home: the place of Home.
        main: the place of the next thing to do.
        others: places of further actions, above.
        comforts: places of the comforts.
        foot: behind the comforts.
        width: of what is read, from the margin.
        floor: what is pressed in reach mode stands below it.
        is_upright: the screen is higher than wide.
    """

    head: Rect
    back: Rect
    home: Rect
    main: Rect
    others: tuple[Rect, Rect]
    comforts: tuple[Rect, ...]
    foot: Rect
    width: float
    floor: float
    is_upright: bool


def frame_of(theme: Theme, size: tuple[int, int], comforts: int) -> Frame:
    """Return the places of a screen."""
    width, height = float(size[0]), float(size[1])
    px, margin, gap = theme.px, theme.margin, theme.gap
    is_upright = height >= width
    strip = px(176 if is_upright else 152)
    foot = Rect(0, height - strip, width, strip)
    each = (width - 2 * margin - (comforts - 1) * px(16)) / max(1, comforts) if is_upright else px(164)
    edge = px(16 if is_upright else 14)
    places = tuple(
        Rect(margin + n * (each + px(16)), foot.y + edge, each, strip - 2 * edge) for n in range(comforts)
    )
    if is_upright:
        left, top, side, tall = margin, foot.y - gap - px(144), px(200), px(144)
    else:
        left = places[-1].right + px(48) if places else margin
        top, side, tall = foot.y + edge, px(148), px(124)
    back = Rect(left, top, side, tall)
    home = Rect(back.right + gap, top, side, tall)
    main = Rect(home.right + gap, top, width - margin - home.right - gap, tall)
    half = (main.right - left - gap) / 2
    above = (top if is_upright else foot.y) - gap - px(124)
    other = Rect(left, above, half, px(124))
    return Frame(
        head=Rect(0, 0, width, px(128 if is_upright else 104)),
        back=back,
        home=home,
        main=main,
        others=(other, Rect(other.right + gap, above, half, other.h)),
        comforts=places,
        foot=foot,
        width=width - 2 * margin,
        floor=height / 2 if is_upright else height / 4,
        is_upright=is_upright,
    )


def draw_frame(sheet: Sheet, frame: Frame) -> Rect:
    """Put down what every page has; return the room between title and actions."""
    since = len(sheet.pieces)
    _head(sheet, frame)
    draw_foot(sheet, frame)
    sheet.still = {name for name, _ in sheet.pieces[since:]}
    page = sheet.stage.page
    places = frame.others[2 - len(page.others) :] if page.others else ()
    sheet.buttons(places, page.others, Kind.PLAIN)
    sheet.y = frame.head.bottom + sheet.theme.px(56 if frame.is_upright else 24)
    sheet.read_from = len(sheet.pieces)
    _title(sheet, frame)
    bottom = places[0].y if places else min(frame.main.y, frame.foot.y)
    return Rect(sheet.theme.margin, sheet.y, frame.width, bottom - sheet.theme.gap - sheet.y)


def _head(sheet: Sheet, frame: Frame) -> None:
    colours, theme, head = sheet.colours, sheet.theme, frame.head
    page = sheet.stage.page
    is_dark = not theme.is_contrast
    ground = colours.primary if is_dark else colours.paper
    colour = colours.on_primary if is_dark else colours.ink
    sheet.put("head", _flat(head, ground))
    if theme.is_contrast:
        sheet.put("head.line", _flat(Rect(0, head.bottom - theme.px(4), head.w, theme.px(4)), colours.ink))
    side = theme.px(72)
    mark = Rect(theme.margin, head.y + (head.h - side) / 2, side, side)
    if sheet.stage.brand.mark is None:
        sheet.icon("head.mark", mark.middle, "building-community", side, colour)
    else:
        sheet.put("head.mark", Picture(rect=mark, token=str(sheet.stage.brand.mark)))
    step_width = theme.px(300) if page.step is not None else 0.0
    name = Rect(
        mark.right + theme.px(20), 0, head.w - mark.right - theme.px(60) - step_width, head.h - theme.px(16)
    )
    text, size = sheet.stage.brand.name, theme.body * 1.05
    if not frame.is_upright:
        text, size = sheet.stage.say(page.title), theme.title * 0.8
    fitted = sheet.fitted(text, Face.BOLD, size, name.w, name.h)
    height = len(fitted.lines) * fitted.size * theme.line_height
    sheet.letters("head.name", Rect(name.x, (head.h - height) / 2, name.w, height), fitted, colour, Face.BOLD)
    if page.step is not None:
        _step(sheet, head, colour, ground)


def _step(sheet: Sheet, head: Rect, front: Colour, back: Colour) -> None:
    theme, step = sheet.theme, sheet.stage.page.step
    if step is None:
        return
    place, count = step
    text = sheet.stage.say(say("{place} de {count}", place=place, count=count))
    width = theme.px(280)
    box = Rect(head.right - theme.margin - width, 0, width, head.h)
    fitted = sheet.fitted(text, Face.BOLD, theme.body, width, head.h * 0.5)
    wide = sheet.stage.ruler.width(text, Face.BOLD, fitted.size)
    line = fitted.size * theme.line_height
    top = (head.h - line - theme.px(20)) / 2
    sheet.letters("head.step", Rect(box.right - wide - 2, top, wide + 2, line), fitted, front, Face.BOLD)
    each = min(theme.px(44), (width - theme.px(8) * (count - 1)) / count)
    x = box.right - each * count - theme.px(8) * (count - 1)
    for number in range(count):
        rect = Rect(x + number * (each + theme.px(8)), top + line + theme.px(8), each, theme.px(10))
        fill = front if number < place else back.mixed(front, 0.32)
        sheet.plate(f"head.step.{number}", rect, fill)


def draw_foot(sheet: Sheet, frame: Frame) -> None:
    """Put down the comforts, Back, Home and the main action."""
    colours, page = sheet.colours, sheet.stage.page
    sheet.put("foot", _flat(frame.foot, colours.mist))
    if sheet.theme.is_contrast:
        line = Rect(0, frame.foot.y, frame.foot.w, sheet.theme.px(3))
        sheet.put("foot.line", _flat(line, colours.line))
    ways = [(frame.back, _BACK)] * page.back + [(frame.home, _HOME)] * page.home
    sheet.buttons([place for place, _ in ways], [choice for _, choice in ways], Kind.PLAIN)
    if page.main is not None:
        after = "" if page.main.icon else "arrow-right"
        sheet.button(frame.main, page.main, Kind.MAIN, icon_after=after)
    pairs = list(zip(frame.comforts, sheet.stage.comforts, strict=True))
    size = min((_comfort_words(sheet, *pair).size for pair in pairs), default=None)
    for rect, choice in pairs:
        _comfort(sheet, rect, choice, size)


def _comfort_words(sheet: Sheet, rect: Rect, choice: Choice, size: float | None = None) -> Fitted:
    inner = rect.inset(sheet.theme.px(6))
    height = inner.h - _comfort_side(sheet, rect) - sheet.theme.px(2)
    return sheet.fitted(sheet.stage.say(choice.words), Face.TEXT, size or sheet.theme.least, inner.w, height)


def _comfort_side(sheet: Sheet, rect: Rect) -> float:
    return min(sheet.theme.px(48), rect.h * 0.3)


def _comfort(sheet: Sheet, rect: Rect, choice: Choice, size: float | None) -> None:
    """A comfort has no surface of its own until it is on: five of them must stay quiet."""
    theme, colours = sheet.theme, sheet.colours
    name = f"button.{choice.id}"
    colour = colours.ink
    if choice.chosen:
        sheet.plate(name, rect, colours.primary)
        colour = colours.on_primary
    else:
        sheet.plate(name, rect, colours.mist, line=colours.line if theme.is_contrast else colours.mist_deep)
    side, inner = _comfort_side(sheet, rect), rect.inset(theme.px(6))
    fitted = _comfort_words(sheet, rect, choice, size)
    height = len(fitted.lines) * fitted.size * theme.line_height
    top = inner.y + max(0.0, (inner.h - side - height) / 2)
    sheet.icon(f"{name}.icon", (rect.x + rect.w / 2, top + side / 2), choice.icon, side * 0.92, colour)
    sheet.letters(f"{name}.words", Rect(inner.x, top + side, inner.w, height), fitted, colour, align="center")
    if choice.chosen:
        sheet.icon(
            f"{name}.on", (rect.right - theme.px(22), rect.y + theme.px(22)), "check", theme.px(28), colour
        )
    sheet.target(rect, choice.id)


def _title(sheet: Sheet, frame: Frame) -> None:
    theme, page, colours = sheet.theme, sheet.stage.page, sheet.colours
    if frame.is_upright:
        place = Rect(theme.margin, sheet.y, frame.width, theme.px(280))
        filled = sheet.text("title", place, sheet.stage.say(page.title), theme.title, colours.ink, Face.BOLD)
        sheet.y = filled.bottom + theme.px(28)
    if page.error is not None:
        note(sheet, "error", sheet.stage.say(page.error), Tone.BAD, frame.width)
        sheet.y += theme.px(20)


def note(sheet: Sheet, name: str, text: str, tone: Tone, width: float, height: float | None = None) -> None:
    """Put a sentence down at the sheet's place, as wide as it may be."""
    theme, colours = sheet.theme, sheet.colours
    height = theme.px(420) if height is None else height
    icon = TONE_ICONS[tone]
    colour, ground = {
        Tone.PLAIN: (colours.ink, None),
        Tone.QUIET: (colours.quiet, None),
        Tone.GOOD: (colours.good, colours.on_good),
        Tone.BAD: (colours.bad, colours.on_bad),
        Tone.CARE: (colours.care, colours.on_care),
    }[tone]
    pad = theme.px(20) if ground is not None else 0.0
    side = min(theme.px(44), max(theme.px(24), height - 2 * pad)) if icon else 0.0
    space = theme.px(14) if icon else 0.0
    inner = width - 2 * pad - side - space
    face = Face.BOLD if ground is not None else Face.TEXT
    fitted = sheet.fitted(text, face, theme.body, inner, height - 2 * pad)
    tall = len(fitted.lines) * fitted.size * theme.line_height
    box = Rect(theme.margin, sheet.y, width, max(tall, side) + 2 * pad)
    if ground is not None:
        sheet.plate(name, box, ground, line=colour)
    x, y = box.x + pad, box.y + pad
    first = fitted.size * theme.line_height
    if icon:
        sheet.icon(f"{name}.icon", (x + side / 2, y + max(first, side) / 2), icon, side, colour)
    down = max(0.0, (side - first) / 2)
    sheet.letters(f"{name}.words", Rect(x + side + space, y + down, inner, tall), fitted, colour, face)
    sheet.y = box.bottom + (down if tall > side else 0)


def _flat(rect: Rect, fill: Colour) -> Plate:
    return Plate(rect=rect, fill=fill)
