"""A city's own town file, from what it has: GeoJSON with OpenStreetMap's tags, or its extract in XML.

    town = from_tagged(read_osm(path), name="Villafaro")
    town = from_tagged(read_geojson(path), name="Villafaro")

Both readers give the same: features with tags. What a kiosk does not draw or find is left out; a house number
goes to the street that its tags name, in whatever order the file has them.

Source: OpenStreetMap Wiki, Map features (highway, addr:street, addr:housenumber, natural, leisure, building);
OSM XML 0.6; RFC 7946.
"""

import json
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from kiosk_app.town.town import (
    NAME_LENGTH_MAX,
    Area,
    AreaKind,
    Landmark,
    Number,
    Point,
    Street,
    StreetKind,
    Town,
    TownError,
    position_of,
)

EXTRACT_BYTES_MAX: Final = 1024 * 1024 * 1024
"""An extract of a province; a larger one is cut to the town first."""
_STREETS: Final[Mapping[str, StreetKind]] = {
    **dict.fromkeys(("motorway", "trunk", "primary", "secondary"), StreetKind.MAIN),
    **dict.fromkeys(("tertiary", "unclassified", "residential", "living_street"), StreetKind.STREET),
    **dict.fromkeys(("pedestrian", "footway", "path", "steps", "cycleway", "track"), StreetKind.PATH),
}
_AREAS: Final[Mapping[tuple[str, str], AreaKind]] = {
    ("natural", "water"): AreaKind.WATER,
    ("natural", "bay"): AreaKind.SEA,
    ("natural", "beach"): AreaKind.BEACH,
    ("natural", "wood"): AreaKind.PARK,
    ("leisure", "park"): AreaKind.PARK,
    ("leisure", "garden"): AreaKind.PARK,
    ("landuse", "forest"): AreaKind.PARK,
    ("landuse", "grass"): AreaKind.PARK,
    ("place", "square"): AreaKind.SQUARE,
    ("highway", "pedestrian"): AreaKind.SQUARE,
}
_LANDMARKS: Final[Mapping[str, frozenset[str]]] = {
    "amenity": frozenset(
        [
            "townhall",
            "library",
            "marketplace",
            "hospital",
            "clinic",
            "school",
            "university",
            "theatre",
            "courthouse",
            "bus_station",
            "police",
            "community_centre",
            "place_of_worship",
        ]
    ),
    "railway": frozenset({"station"}),
    "tourism": frozenset({"museum", "attraction"}),
    "leisure": frozenset({"sports_centre", "stadium"}),
    "man_made": frozenset({"lighthouse"}),
}
_RING_MIN: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """A feature with OpenStreetMap's tags.

    Attributes:
        tags: as they stand in the file.
        points: one for a point; a way otherwise, whose last is its first where it is closed.
    """

    tags: Mapping[str, str]
    points: tuple[Point, ...]

    @property
    def is_closed(self) -> bool:
        """Whether it has a shore."""
        return len(self.points) >= _RING_MIN and self.points[0] == self.points[-1]


def read_geojson(path: Path) -> Iterator[Tagged]:
    """Read GeoJSON whose properties are OpenStreetMap's tags; relations with several parts give several.

    Raises:
        TownError: it cannot be read, or is no GeoJSON.
    """
    try:
        _check_size(path)
        data = cast("object", json.loads(path.read_bytes()))
    except (ValueError, RecursionError) as error:
        raise TownError(f"{path} is no JSON; give GeoJSON, or an .osm file") from error
    members = _members(data)
    if members.get("type") != "FeatureCollection" or not isinstance(members.get("features"), list):
        raise TownError(f"{path} is no FeatureCollection of GeoJSON; export one from your map program")
    for feature in cast("list[object]", members["features"]):
        yield from _tagged(_members(feature))


def read_osm(path: Path) -> Iterator[Tagged]:
    """Read an OpenStreetMap extract in XML: its nodes and ways.

    Raises:
        TownError: it cannot be read, is too large, or is no OSM XML.
    """
    _check_size(path)
    nodes: dict[str, Point] = {}
    try:
        parsing = ET.iterparse(path, events=("start", "end"))  # noqa: S314 - expat bounds what entities grow to
        root = next(element for _, element in parsing)
        for event, element in parsing:
            if event == "start" or element.tag not in {"node", "way", "relation"}:
                continue
            tags = {each.get("k", ""): each.get("v", "") for each in element.findall("tag")}
            if element.tag == "node":
                point = Point(float(element.get("lon", "")), float(element.get("lat", "")))
                nodes[element.get("id", "")] = point
                if tags:
                    yield Tagged(tags=tags, points=(point,))
            elif element.tag == "way":
                line = [nodes[ref] for each in element.findall("nd") if (ref := each.get("ref", "")) in nodes]
                if tags and line:
                    yield Tagged(tags=tags, points=tuple(line))
            root.clear()
    except (ET.ParseError, ValueError) as error:
        raise TownError(f"{path} is no OpenStreetMap XML; export it again as .osm") from error


def from_tagged(features: Iterable[Tagged], name: str) -> Town:
    """Make a town of tagged features.

    Raises:
        TownError: there is no street with a name in them.
    """
    streets: list[Street] = []
    areas: list[Area] = []
    landmarks: dict[str, Landmark] = {}
    doors: defaultdict[str, list[Number]] = defaultdict(list)
    for feature in features:
        tags, called = feature.tags, feature.tags.get("name", "")[:NAME_LENGTH_MAX]
        if number := tags.get("addr:housenumber"):
            doors[tags.get("addr:street", "")].append(
                Number(number[:NAME_LENGTH_MAX], _middle(feature.points))
            )
        if called and _is_landmark(tags):
            landmarks.setdefault(called, Landmark(name=called, at=_middle(feature.points)))
        area = _area_kind(tags) if feature.is_closed else None
        if area is not None:
            areas.append(Area(kind=area, name=called, ring=feature.points[:-1]))
        elif (kind := _STREETS.get(tags.get("highway", ""))) and len(feature.points) > 1:
            streets.append(Street(name=called, kind=kind, line=feature.points))
    if not any(street.name for street in streets):
        raise TownError("there is no street with a name in the file; choose an extract that holds the town")
    return Town(
        name=name,
        streets=tuple(_with_numbers(streets, doors)),
        areas=tuple(areas),
        landmarks=tuple(landmarks.values()),
    )


def _with_numbers(streets: Sequence[Street], doors: Mapping[str, Sequence[Number]]) -> Iterator[Street]:
    """Give each street its numbers once, on the first of its parts."""
    given: set[str] = set()
    for street in streets:
        numbers = () if street.name in given else tuple(doors.get(street.name, ()))
        given.add(street.name)
        yield Street(name=street.name, kind=street.kind, line=street.line, numbers=numbers)


def _area_kind(tags: Mapping[str, str]) -> AreaKind | None:
    if tags.get("building", "no") != "no":
        return AreaKind.BUILDING
    if tags.get("highway") == "pedestrian" and tags.get("area") != "yes":
        return None
    return next((kind for (key, value), kind in _AREAS.items() if tags.get(key) == value), None)


def _is_landmark(tags: Mapping[str, str]) -> bool:
    return any(tags.get(key) in values for key, values in _LANDMARKS.items())


def _middle(points: Sequence[Point]) -> Point:
    count = len(points)
    long, lat = sum(each.long for each in points) / count, sum(each.lat for each in points) / count
    return Point(round(long, 7), round(lat, 7))


def _members(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _tagged(feature: Mapping[str, object]) -> Iterator[Tagged]:
    said, geometry = _members(feature.get("properties")), _members(feature.get("geometry"))
    tags = {key: value for key, value in said.items() if isinstance(value, str)}
    for line in _lines(geometry.get("type"), geometry.get("coordinates")):
        yield Tagged(tags=tags, points=tuple(line))


def _lines(shape: object, coordinates: object) -> Iterator[list[Point]]:
    """Give the outer lines of a geometry; holes are not drawn."""
    parts = cast("list[object]", coordinates) if isinstance(coordinates, list) else []
    match shape:
        case "Point":
            yield _points([parts])
        case "LineString":
            yield _points(parts)
        case "Polygon" | "MultiLineString":
            for part in parts[:1] if shape == "Polygon" else parts:
                yield from _lines("LineString", part)
        case "MultiPolygon":
            for part in parts:
                yield from _lines("Polygon", part)
        case _:
            return


def _points(positions: Sequence[object]) -> list[Point]:
    points = [point for each in positions if (point := position_of(each)) is not None]
    if not points or len(points) < len(positions):
        raise TownError("a position of the file is none; longitude comes first, then latitude")
    return points


def _check_size(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise TownError(f"{path} cannot be read ({error.strerror}); name an extract") from error
    if size > EXTRACT_BYTES_MAX:
        raise TownError(f"{path} has more than {EXTRACT_BYTES_MAX} bytes; cut it to the town first")
