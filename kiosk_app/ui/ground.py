"""The town's map, drawn: what lies there, streets with their names, landmarks, what others reported.

Drawn once into a picture of its own, at twice its size, so that edges are smooth; it costs nothing
afterwards.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import atan2, cos, degrees, hypot, radians, sin
from typing import Final

from kivy.graphics import (
    Color,
    Ellipse,
    Fbo,
    InstructionGroup,
    Line,
    Mesh,
    PopMatrix,
    PushMatrix,
    Rectangle,
    Rotate,
    RoundedRectangle,
    Translate,
)
from kivy.graphics.tesselator import Tesselator
from kivy.graphics.texture import Texture

from kiosk_app.town.map import DrawnArea, DrawnLandmark, DrawnStreet, Spot, TownMap
from kiosk_app.town.town import StreetKind
from kiosk_app.ui.contrast import Colour
from kiosk_app.ui.ink import Ink
from kiosk_app.ui.scene import Face, Ground, Rect
from kiosk_app.ui.theme import Tokens

METRES_PER_PX: Final = 0.36
"""On a screen of the tokens' size."""
_FINE: Final = 2
"""How many dots of the picture stand side by side in a pixel of the screen."""
_WIDE_M: Final = {StreetKind.MAIN: 15.0, StreetKind.STREET: 10.0, StreetKind.PATH: 4.0}
_NAME_PX: Final = 30
_FREE_M: Final = 56.0
"""Around the mark in the middle, where nothing is written."""


Pair = tuple[float, float]


def pointed_at(town: TownMap, ground: Ground, x: float, y: float) -> tuple[float, float]:
    """Return the latitude and longitude of a point of the screen on a map that is shown there."""
    scale = METRES_PER_PX / ground.unit
    east, north = town.spot(ground.lat, ground.long)
    middle_x, middle_y = ground.rect.middle
    point = town.degrees((east + (x - middle_x) * scale, north - (y - middle_y) * scale))
    return point.lat, point.long


class GroundArt:
    """Draws one town.

    Args:
        town: its map.
        tokens: its colours.
        ink: makes letters.
    """

    def __init__(self, town: TownMap, tokens: Tokens, ink: Ink) -> None:
        self._town = town
        self._tokens = tokens
        self._ink = ink

    def draw(self, group: InstructionGroup, ground: Ground, place: Rect) -> None:
        """Draw a part of the map.

        Args:
            group: takes the picture.
            ground: which part.
            place: where, in Kivy's pixels.
        """
        wide, tall = int(place.w) * _FINE, int(place.h) * _FINE
        fbo = Fbo(size=(wide, tall))
        fbo.texture.min_filter = "linear"
        scale = _FINE / (METRES_PER_PX / ground.unit)
        middle = self._town.spot(ground.lat, ground.long)
        sketch = _Sketch(fbo, middle, scale, (wide, tall))
        colours = self._tokens.map_contrast if ground.contrast else self._tokens.map
        window = self._town.window(middle, wide / scale / 2, tall / scale / 2)
        sketch.fill(colours["land"])
        for area in window.areas:
            sketch.area(area, colours[area.kind])
        for street in window.streets:
            sketch.street(street, _WIDE_M[street.kind] + 2.5, colours["edge"])
        for street in window.streets:
            sketch.street(street, _WIDE_M[street.kind], colours["street"])
        for lat, long in ground.pins:
            sketch.dot(self._town.spot(lat, long), 9 * ground.unit * _FINE, colours["pin"])
        names = _Names(sketch, self._ink, _NAME_PX * ground.unit * _FINE, colours)
        names.landmarks(window.landmarks)
        names.streets(window.streets)
        picture = _halved(fbo, (wide // _FINE, tall // _FINE))
        group.add(Color(1, 1, 1, 1))
        group.add(Rectangle(pos=(round(place.x), round(place.y)), size=picture.size, texture=picture))


def _halved(fbo: Fbo, size: tuple[int, int]) -> Texture:
    """Return a picture at the size in which it is shown: so it is made smaller once, not for every frame."""
    fbo.draw()
    small = Fbo(size=size)
    with small:
        Color(1, 1, 1, 1)
        Rectangle(pos=(0, 0), size=size, texture=fbo.texture)
    small.draw()
    return small.texture


class _Sketch:
    """Metres on a picture."""

    def __init__(self, fbo: Fbo, middle: Spot, scale: float, size: tuple[int, int]) -> None:
        self.fbo = fbo
        self.middle = middle
        self.scale = scale
        self.size = size

    def at(self, spot: Spot) -> tuple[float, float]:
        x = (spot[0] - self.middle[0]) * self.scale + self.size[0] / 2
        return x, (spot[1] - self.middle[1]) * self.scale + self.size[1] / 2

    def flat(self, spots: Iterable[Spot]) -> list[float]:
        return [number for spot in spots for number in self.at(spot)]

    def fill(self, colour: Colour) -> None:
        self.fbo.add(_colour(colour))
        self.fbo.add(Rectangle(pos=(0, 0), size=self.size))

    def area(self, area: DrawnArea, colour: Colour) -> None:
        tesselator = Tesselator()
        tesselator.add_contour(self.flat(area.spots))
        if not tesselator.tesselate():
            return
        self.fbo.add(_colour(colour))
        for vertices, indices in tesselator.meshes:
            self.fbo.add(Mesh(vertices=vertices, indices=indices, mode="triangle_fan"))

    def street(self, street: DrawnStreet, wide_m: float, colour: Colour) -> None:
        width = max(1.0, wide_m * self.scale / 2)
        self.fbo.add(_colour(colour))
        self.fbo.add(Line(points=self.flat(street.spots), width=width, cap="round", joint="round"))

    def dot(self, spot: Spot, radius: float, colour: Colour) -> None:
        x, y = self.at(spot)
        self.fbo.add(_colour(colour))
        self.fbo.add(Ellipse(pos=(x - radius, y - radius), size=(2 * radius, 2 * radius)))


class _Names:
    """Writes names where they have room, none over another."""

    def __init__(self, sketch: _Sketch, ink: Ink, size: float, colours: Mapping[str, Colour]) -> None:
        self._sketch = sketch
        self._ink = ink
        self._size = size
        self._colours = colours
        x, y = sketch.size[0] / 2, sketch.size[1] / 2
        free = _FREE_M * sketch.scale
        self._taken = [Rect(x - free / 2, y - free / 4, free, free * 1.25)]
        wide, tall = size * 8.4, size * 5.6
        for middle in ((x, tall / 2), (x, 2 * y - tall / 2), (wide / 2, y), (2 * x - wide / 2, y)):
            self._taken.append(Rect(middle[0] - wide / 2, middle[1] - tall / 2, wide, tall))

    def landmarks(self, landmarks: Sequence[DrawnLandmark]) -> None:
        pad = self._size * 0.3
        for landmark in landmarks:
            texture = self._ink.texture(landmark.name, Face.BOLD, self._size)
            x, y = self._sketch.at(landmark.spot)
            if texture is None:
                continue
            wide, tall = texture.size
            above = Rect(x - wide / 2 - pad, y + self._size * 0.4, wide + 2 * pad, tall)
            below = Rect(above.x, y - self._size * 0.4 - tall, above.w, tall)
            self._sketch.dot(landmark.spot, self._size * 0.28, self._colours["landmark"])
            box = next((each for each in (above, below) if self._is_free(each)), None)
            if box is not None:
                self._sketch.fbo.add(_colour(self._colours["landmark"]))
                plate = RoundedRectangle(pos=(box.x, box.y), size=(box.w, box.h), radius=[tall / 2])
                self._sketch.fbo.add(plate)
                self._write(texture, box.middle, 0.0, self._colours["on_landmark"])

    def streets(self, streets: Sequence[DrawnStreet]) -> None:
        written: set[str] = set()
        for street in reversed(streets):
            if not street.name or street.name in written:
                continue
            texture = self._ink.texture(street.name, Face.TEXT, self._size)
            if texture is not None and self._along(street, texture.size, texture):
                written.add(street.name)

    def _along(self, street: DrawnStreet, size: tuple[float, float], texture: object) -> bool:
        points = [self._sketch.at(spot) for spot in street.spots]
        for (x, y), (to_x, to_y) in _straight_parts(points, self._sketch.size, self._size * 0.5):
            if hypot(to_x - x, to_y - y) < size[0] + self._size:
                continue
            angle = degrees(atan2(to_y - y, to_x - x))
            angle = angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle  # noqa: PLR2004  upright
            for share in (0.5, 0.28, 0.72):
                middle = x + (to_x - x) * share, y + (to_y - y) * share
                box = _turned_box(middle, size, angle)
                if self._is_free(box):
                    self._write(texture, middle, angle, self._colours["name"])
                    return True
        return False

    def _is_free(self, box: Rect) -> bool:
        is_inside = box.x >= 0 and box.y >= 0 and box.right <= self._sketch.size[0]
        if not is_inside or box.bottom > self._sketch.size[1] or any(box.meets(each) for each in self._taken):
            return False
        self._taken.append(box)
        return True

    def _write(self, texture: object, middle: tuple[float, float], angle: float, colour: Colour) -> None:
        fbo = self._sketch.fbo
        wide, tall = texture.size  # pyright: ignore[reportAttributeAccessIssue]  Kivy has no types
        fbo.add(_colour(colour))
        fbo.add(PushMatrix())
        fbo.add(Translate(round(middle[0]), round(middle[1])))
        fbo.add(Rotate(angle=angle, axis=(0, 0, 1), origin=(0, 0)))
        fbo.add(Rectangle(pos=(-wide / 2, -tall / 2), size=(wide, tall), texture=texture))
        fbo.add(PopMatrix())


def _straight_parts(
    points: Sequence[Pair], size: tuple[int, int], bend: float
) -> Sequence[tuple[Pair, Pair]]:
    """Return the parts of a line that lie on the picture and bend by less than so much; the longest first."""
    cut = [_within(begin, end, size) for begin, end in pairwise(points)]
    found: list[tuple[Pair, Pair]] = []
    for first, part in enumerate(cut):
        if part is None:
            continue
        begin, corners = part[0], [part[1]]
        for further in cut[first + 1 :]:
            if further is None or further[0] != corners[-1]:
                break
            if any(_off(corner, begin, further[1]) > bend for corner in corners):
                break
            corners.append(further[1])
        found.append((begin, corners[-1]))
    return sorted(found, key=lambda part: -hypot(part[1][0] - part[0][0], part[1][1] - part[0][1]))


def _off(point: Pair, begin: Pair, end: Pair) -> float:
    """Return how far a point lies from the straight line between two others."""
    across, along = end[0] - begin[0], end[1] - begin[1]
    length = hypot(across, along)
    if length == 0:
        return hypot(point[0] - begin[0], point[1] - begin[1])
    return abs(across * (begin[1] - point[1]) - (begin[0] - point[0]) * along) / length


def _turned_box(middle: tuple[float, float], size: tuple[float, float], angle: float) -> Rect:
    turn = radians(angle)
    wide = abs(size[0] * cos(turn)) + abs(size[1] * sin(turn))
    tall = abs(size[0] * sin(turn)) + abs(size[1] * cos(turn))
    return Rect(middle[0] - wide / 2, middle[1] - tall / 2, wide, tall)


def _within(begin: Pair, end: Pair, size: tuple[int, int]) -> tuple[Pair, Pair] | None:
    """Return the part of a line that lies on the picture (Liang and Barsky)."""
    first, last = 0.0, 1.0
    for at, to, most in zip(begin, end, size, strict=True):
        way = to - at
        for edge, sign in ((0.0, -1), (float(most), 1)):
            reach, room = sign * way, sign * (edge - at)
            if reach == 0:
                if room < 0:
                    return None
            elif reach > 0:
                last = min(last, room / reach)
            else:
                first = max(first, room / reach)
    if first >= last:
        return None
    (x, y), (to_x, to_y) = begin, end
    return (
        (x + (to_x - x) * first, y + (to_y - y) * first),
        (x + (to_x - x) * last, y + (to_y - y) * last),
    )


def _colour(colour: Colour) -> Color:
    return Color(colour.red, colour.green, colour.blue, 1)
