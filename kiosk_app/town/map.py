"""The town as it is drawn: metres around its middle, what lies in a window of it, and where a touch points.

    town_map = TownMap(town)
    window = town_map.window(spot, half_width_m, half_height_m)
    town_map.spot(lat, long)          # metres east and north of the town's middle
    town_map.degrees(spot)            # and back

Over a town the Earth is flat enough: at 50 km from the middle the error is below a metre in a street's width.

Not here: pixels and colours (the screen).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians

from kiosk_app.town.gazetteer import METRES_PER_DEGREE
from kiosk_app.town.town import AreaKind, Point, StreetKind, Town

Spot = tuple[float, float]
"""Metres to the east and to the north of the town's middle."""


@dataclass(frozen=True, slots=True)
class DrawnStreet:
    """A street: name, kind, its middle."""

    name: str
    kind: StreetKind
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class DrawnArea:
    """An area: kind and shore."""

    kind: AreaKind
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class DrawnLandmark:
    """A landmark: name and place."""

    name: str
    spot: Spot


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What of the town lies in a rectangle.

    Attributes:
        middle: of the rectangle.
        areas: in the order in which they are drawn.
        streets: paths first, main streets last.
        landmarks: in no order.
    """

    middle: Spot
    areas: Sequence[DrawnArea]
    streets: Sequence[DrawnStreet]
    landmarks: Sequence[DrawnLandmark]


class TownMap:
    """One town in metres.

    Args:
        town: what there is.
    """

    def __init__(self, town: Town) -> None:
        points = [point for street in town.streets for point in street.line]
        self._long = sum(point.long for point in points) / len(points)
        self._lat = sum(point.lat for point in points) / len(points)
        self._shrink = cos(radians(self._lat))
        order = [StreetKind.PATH, StreetKind.STREET, StreetKind.MAIN]
        self._streets = [
            (_box(spots), DrawnStreet(street.name, street.kind, spots))
            for street in sorted(town.streets, key=lambda each: order.index(each.kind))
            if (spots := self._spots(street.line))
        ]
        kinds = list(AreaKind)
        self._areas = [
            (_box(spots), DrawnArea(area.kind, spots))
            for area in sorted(town.areas, key=lambda each: kinds.index(each.kind))
            if (spots := self._spots(area.ring))
        ]
        self._landmarks = [DrawnLandmark(each.name, self._spots([each.at])[0]) for each in town.landmarks]

    def spot(self, lat: float, long: float) -> Spot:
        """Return where a position is, in metres."""
        east = (long - self._long) * self._shrink * METRES_PER_DEGREE
        return east, (lat - self._lat) * METRES_PER_DEGREE

    def degrees(self, spot: Spot) -> Point:
        """Return the position of a spot."""
        long = self._long + spot[0] / (METRES_PER_DEGREE * self._shrink)
        return Point(long, self._lat + spot[1] / METRES_PER_DEGREE)

    def window(self, middle: Spot, half_width_m: float, half_height_m: float) -> Window:
        """Return what touches a rectangle.

        Args:
            middle: of the rectangle.
            half_width_m: from its middle to its side.
            half_height_m: from its middle to its top.
        """
        x, y = middle
        box = (x - half_width_m, y - half_height_m, x + half_width_m, y + half_height_m)
        return Window(
            middle=middle,
            areas=[area for its, area in self._areas if _touch(its, box)],
            streets=[street for its, street in self._streets if _touch(its, box)],
            landmarks=[each for each in self._landmarks if _touch((*each.spot, *each.spot), box)],
        )

    def _spots(self, points: Sequence[Point]) -> tuple[Spot, ...]:
        return tuple(self.spot(point.lat, point.long) for point in points)


def _box(spots: Sequence[Spot]) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in spots], [y for _, y in spots]
    return min(xs), min(ys), max(xs), max(ys)


def _touch(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]
