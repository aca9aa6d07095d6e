"""What is drawn: plates, letters, pictures at their places; and what of it can be pressed.

A scene is a value. It is composed from a page without a window, compared with the one before, and drawn; what
did not change is not drawn again. Places are pixels from the upper left corner of the screen.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from kiosk_app.ui.contrast import Colour

ELLIPSIS: Final = "…"


class Face(StrEnum):
    """A typeface that is drawn with."""

    TEXT = "text"
    BOLD = "bold"
    ICONS = "icons"


@dataclass(frozen=True, slots=True)
class Rect:
    """A place: left, top, width, height."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.h

    @property
    def middle(self) -> tuple[float, float]:
        """The point in its middle."""
        return self.x + self.w / 2, self.y + self.h / 2

    def inset(self, across: float, along: float | None = None) -> Self:
        """Return the place within, so far from its edges."""
        along = across if along is None else along
        return type(self)(self.x + across, self.y + along, self.w - 2 * across, self.h - 2 * along)

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a point is in it."""
        return self.x <= x < self.right and self.y <= y < self.bottom

    def meets(self, other: "Rect") -> bool:
        """Tell whether both have more than an edge in common."""
        across = min(self.right, other.right) - max(self.x, other.x)
        along = min(self.bottom, other.bottom) - max(self.y, other.y)
        return across > 0.5 and along > 0.5  # noqa: PLR2004  half a pixel is rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A surface with round corners, and perhaps a line around it; or that line alone."""

    rect: Rect
    fill: Colour | None
    radius: float = 0
    line: Colour | None = None
    line_px: float = 0
    shade: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """Lines of text, or an icon.

    Attributes:
        rect: the place that they fill.
        lines: from the top.
        face: which typeface.
        size: of the letters, pixels.
        colour: of the letters.
        step: from one line to the next, pixels.
        align: `left` or `center`.
        cut: not all of the text found room.
    """

    rect: Rect
    lines: tuple[str, ...] = field(repr=False)
    face: Face
    size: float
    colour: Colour
    step: float
    align: str = "left"
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A photograph, or a file of the look: shown whole, in the middle of its place.

    Attributes:
        rect: its place.
        token: of the photograph; a path for a file.
    """

    rect: Rect
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Squares:
    """A QR code.

    Attributes:
        rect: its place, quiet zone included.
        text: what it holds.
    """

    rect: Rect
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A part of the town's map.

    Attributes:
        rect: its place.
        lat: of its middle.
        long: of its middle.
        pins: latitude and longitude of what others reported.
        contrast: in the colours of high contrast.
        unit: how large a pixel of the tokens is.
    """

    rect: Rect
    lat: float
    long: float
    pins: tuple[tuple[float, float], ...]
    contrast: bool
    unit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wedge:
    """A shape of straight edges, for pictures that are drawn.

    Attributes:
        rect: what it fills.
        points: its corners in turn; the shape bulges outward everywhere.
        fill: its colour.
    """

    rect: Rect
    points: tuple[tuple[float, float], ...]
    fill: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A line around a place."""

    rect: Rect
    colour: Colour
    width: float
    radius: float = 0


Piece = Plate | Ring | Letters | Picture | Squares | Ground | Wedge


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A place that can be pressed.

    Attributes:
        rect: where.
        action: what the flow hears; empty for a key of the keyboard.
        key: the key of the keyboard.
        turn: by how many parts what does not fit on the page goes on; for the screen alone.
        radius: of its corners, for the focus around it.
        closed: a press has no effect, and the place says why.
    """

    rect: Rect
    action: str = ""
    key: str = ""
    turn: int = 0
    radius: float = 0
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One moment of the screen.

    Attributes:
        name: of the page; another name is another page, which comes with a movement.
        ground: behind everything.
        pieces: from back to front, by what they are; the names are theirs as long as the page stands.
        targets: what can be pressed.
        still: the names of pieces that do not move when a page comes: head and foot.
    """

    name: str
    ground: Colour
    pieces: tuple[tuple[str, Piece], ...]
    targets: tuple[Target, ...]
    still: frozenset[str]
