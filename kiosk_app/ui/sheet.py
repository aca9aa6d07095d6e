"""A sheet: pieces and targets put down one after the other, and the shapes that every page has.

    sheet.text("title", rect, "¿Qué ocurre?", Style(face=Face.BOLD, sizes=…))
    sheet.button("next", rect, choice, Look.MAIN)

Everything is named by what it is, so that the next scene can be compared with this one.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import Final

from kiosk_app.core.pages import Choice
from kiosk_app.ui.contrast import Colour
from kiosk_app.ui.letters import Fitted, Room, fit
from kiosk_app.ui.scene import Face, Letters, Piece, Plate, Rect, Ring, Target
from kiosk_app.ui.stage import Stage

_STEPS: Final = (1.0, 0.9, 0.82, 0.74, 0.68)
"""How letters shrink until they fit, by their size; never below the least of the theme."""


class Kind(Enum):
    """How something that can be pressed looks."""

    MAIN = auto()
    PLAIN = auto()
    QUIET = auto()


class Sheet:
    """Takes pieces and targets.

    Args:
        stage: what is shown, and how.

    Attributes:
        y: below what was read so far; the next thing goes there.
        read_from: the first piece of what is read: the title.
        parts: in how many parts the page is shown.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.theme = stage.theme
        self.colours = stage.theme.colours
        self.pieces: list[tuple[str, Piece]] = []
        self.targets: list[Target] = []
        self.still: set[str] = set()
        self.y = 0.0
        self.read_from = 0
        self.parts = 1

    # ---- pieces

    def put(self, name: str, piece: Piece) -> None:
        """Put a piece down, before those that are there."""
        self.pieces.append((name, piece))

    def plate(self, name: str, rect: Rect, fill: Colour | None, *, line: Colour | None = None) -> None:
        """Put a surface down, with a line around it where one is named; or that line alone."""
        line_px = 0.0 if line is None else max(2.0, self.theme.px(3 if self.theme.is_contrast else 2))
        radius = min(self.theme.corner, rect.h / 2, rect.w / 2)
        self.put(name, Plate(rect=rect, fill=fill, radius=radius, line=line, line_px=line_px))

    def sizes(self, size: float) -> tuple[float, ...]:
        """Return the sizes in which a text may be set, the largest first."""
        least = min(size, self.theme.least)
        steps = [max(size * step, least) for step in _STEPS]
        last = self.theme.px(30)
        return tuple(dict.fromkeys(round(each) for each in [*steps, least, min(least, last)]))

    def fitted(self, text: str, face: Face, size: float, width: float, height: float) -> Fitted:
        """Return how a text is set in a place."""
        room = Room(width, height, self.theme.line_height)
        return fit(self.stage.ruler, text, face, self.sizes(size), room)

    def letters(
        self,
        name: str,
        place: Rect,
        fitted: Fitted,
        colour: Colour,
        face: Face = Face.TEXT,
        align: str = "left",
    ) -> Rect:
        """Put lines down at the top of a place; return what they fill."""
        step = fitted.size * self.theme.line_height
        rect = Rect(place.x, place.y, place.w, step * len(fitted.lines))
        self.put(
            name,
            Letters(
                rect=rect,
                lines=fitted.lines,
                face=face,
                size=fitted.size,
                colour=colour,
                step=step,
                align=align,
                cut=fitted.cut,
            ),
        )
        return rect

    def text(
        self, name: str, place: Rect, text: str, size: float, colour: Colour, face: Face = Face.TEXT
    ) -> Rect:
        """Set a text at the top of a place, as large as it fits; return what it fills."""
        return self.letters(name, place, self.fitted(text, face, size, place.w, place.h), colour, face)

    def icon(self, name: str, middle: tuple[float, float], icon: str, size: float, colour: Colour) -> None:
        """Put an icon down around a point."""
        rect = Rect(middle[0] - size / 2, middle[1] - size / 2, size, size)
        self.put(
            name,
            Letters(
                rect=rect, lines=(icon,), face=Face.ICONS, size=size, colour=colour, step=size, align="center"
            ),
        )

    # ---- what can be pressed

    def target(self, rect: Rect, action: str, *, closed: bool = False, turn: int = 0, key: str = "") -> None:
        """Make a place one that can be pressed."""
        radius = min(self.theme.corner, rect.h / 2, rect.w / 2)
        self.targets.append(
            Target(rect=rect, action=action, key=key, turn=turn, radius=radius, closed=closed)
        )

    def surface(
        self, name: str, rect: Rect, kind: Kind, *, chosen: bool = False, closed: bool = False
    ) -> Colour:
        """Put down the surface of something that can be pressed; return the colour of what stands on it."""
        colours, is_contrast = self.colours, self.theme.is_contrast
        if kind is Kind.MAIN and not closed:
            self.plate(name, rect, colours.accent)
            return colours.on_accent
        if chosen and not closed:
            self.plate(name, rect, colours.primary)
            return colours.on_primary
        if closed:
            self.plate(name, rect, colours.mist, line=colours.line if is_contrast else None)
            return colours.quiet
        if kind is Kind.QUIET:
            self.plate(name, rect, colours.mist, line=colours.line if is_contrast else None)
            return colours.ink
        if not is_contrast:
            radius = min(self.theme.corner, rect.h / 2)
            shadow = Rect(rect.x, rect.bottom - 2 * radius, rect.w, 2 * radius + self.theme.px(3))
            self.put(f"{name}.shadow", Plate(rect=shadow, fill=colours.ink, radius=radius, shade=0.07))
        self.plate(name, rect, colours.card, line=colours.line)
        return colours.ink

    def button(
        self, rect: Rect, choice: Choice, kind: Kind, *, icon_after: str = "", size: float | None = None
    ) -> None:
        """Put down something to press: icon and words on one line, or the icon above where it is narrow.

        Args:
            rect: its place.
            choice: what it is.
            kind: how it looks.
            icon_after: behind its words; empty for none.
            size: of its words, at most; none for the usual one.
        """
        name = f"button.{choice.id}"
        colour = self.surface(name, rect, kind, chosen=choice.chosen, closed=choice.closed is not None)
        icon = "lock" if choice.closed is not None else choice.icon
        fitted = self._button_words(rect, choice, kind, icon_after, size)
        if _is_narrow(rect, choice):
            self._above(name, rect.inset(self.theme.px(8)), icon, fitted, colour, _face(kind))
        else:
            inner = rect.inset(self.theme.px(20), self.theme.px(10))
            self._beside(name, inner, (icon, icon_after), fitted, colour, _face(kind))
        self.target(rect, choice.id, closed=choice.closed is not None)

    def buttons(self, places: Sequence[Rect], choices: Sequence[Choice], kind: Kind) -> None:
        """Put down what stands together: the words of all in the one size in which each finds room."""
        pairs = list(zip(places, choices, strict=False))
        size = min((self._button_words(*pair, kind).size for pair in pairs), default=None)
        for rect, choice in pairs:
            self.button(rect, choice, kind, size=size)

    def _button_words(
        self, rect: Rect, choice: Choice, kind: Kind, icon_after: str = "", size: float | None = None
    ) -> Fitted:
        theme, is_closed = self.theme, choice.closed is not None
        text = self.stage.say(choice.closed or choice.words)
        if _is_narrow(rect, choice):
            inner = rect.inset(theme.px(8))
            height = inner.h - self._above_side(inner)
            return self.fitted(text, _face(kind), size or theme.body, inner.w, height)
        inner = rect.inset(theme.px(20), theme.px(10))
        usual = theme.body if is_closed else theme.label
        width = inner.w - self._icons_width(inner, ("lock" if is_closed else choice.icon, icon_after))
        return self.fitted(text, _face(kind), size or usual, width, inner.h)

    def _above_side(self, inner: Rect) -> float:
        return min(self.theme.px(52), inner.h * 0.42)

    def _icon_side(self, inner: Rect) -> float:
        return min(self.theme.px(56), inner.h * 0.6)

    def _icons_width(self, inner: Rect, icons: tuple[str, str]) -> float:
        return sum(self._icon_side(inner) + self.theme.px(16) for icon in icons if icon)

    def _above(self, name: str, inner: Rect, icon: str, fitted: Fitted, colour: Colour, face: Face) -> None:
        side = self._above_side(inner)
        height = len(fitted.lines) * fitted.size * self.theme.line_height
        top = inner.y + (inner.h - side - height) / 2
        self.icon(f"{name}.icon", (rect_middle(inner), top + side / 2), icon, side, colour)
        place = Rect(inner.x, top + side, inner.w, height)
        self.letters(f"{name}.words", place, fitted, colour, face, "center")

    def _beside(
        self, name: str, inner: Rect, icons: tuple[str, str], fitted: Fitted, colour: Colour, face: Face
    ) -> None:
        theme = self.theme
        side, space = self._icon_side(inner), theme.px(16)
        wide = max(self.stage.ruler.width(line, face, fitted.size) for line in fitted.lines)
        height = len(fitted.lines) * fitted.size * theme.line_height
        x = inner.x + (inner.w - self._icons_width(inner, icons) - wide) / 2
        middle = inner.y + inner.h / 2
        if icons[0]:
            self.icon(f"{name}.icon", (x + side / 2, middle), icons[0], side, colour)
            x += side + space
        place = Rect(x, middle - height / 2, wide + 2, height)
        self.letters(f"{name}.words", place, fitted, colour, face)
        if icons[1]:
            self.icon(f"{name}.after", (x + wide + space + side / 2, middle), icons[1], side, colour)

    def focus(self) -> None:
        """Draw where the keypad stands."""
        here = self.stage.here
        if here is None:
            return
        for target in self.targets:
            if (target.action, target.key) == (here.action, here.key) and not target.turn:
                near, far = self.theme.px(6), self.theme.px(8)
                inner = target.rect.inset(-near / 2)
                outer = target.rect.inset(-near - far / 2)
                ground, colour = self.colours.paper, self.colours.focus
                self.put(
                    "focus.near", Ring(rect=inner, colour=ground, width=near, radius=target.radius + near / 2)
                )
                self.put(
                    "focus", Ring(rect=outer, colour=colour, width=far, radius=target.radius + near + far / 2)
                )
                return

    def sink(self, floor: float) -> None:
        """Move what was read down until it ends at a floor: what is pressed stands below it, within reach."""
        way, since = floor - self.y, self.read_from
        if way <= 0:
            return
        moved = self.pieces[since:]
        self.pieces[since:] = [
            (name, replace(piece, rect=replace(piece.rect, y=piece.rect.y + way))) for name, piece in moved
        ]
        self.y = floor


def rect_middle(rect: Rect) -> float:
    """Return the middle of a place, from the left."""
    return rect.x + rect.w / 2


def _is_narrow(rect: Rect, choice: Choice) -> bool:
    return rect.w < 2.3 * rect.h and bool(choice.icon or choice.closed)


def _face(kind: Kind) -> Face:
    return Face.BOLD if kind is Kind.MAIN else Face.TEXT
