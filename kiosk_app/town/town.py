"""The town as a kiosk knows it: streets with their numbers, landmarks, and the areas between them.

It is kept as GeoJSON (RFC 7946), so that any map program shows it and any of them may have made it. Every
feature says by `kind` what it is; a street's house numbers stand in `numbers`, `[number, long, lat]` each.

    town = read_town(path)

Not here: how a town is searched (`gazetteer`), drawn (`map`) or made (`demonstration`, `importing`).

Source: RFC 7946 (GeoJSON): positions are longitude, then latitude, WGS 84.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Self, cast

from shared.model.errors import InputError

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A city of a million has some 20 MB of streets and numbers."""
NAME_LENGTH_MAX: Final = 120
LONG_MAX: Final = 180
LAT_MAX: Final = 90


class TownError(InputError):
    """A town's file cannot be used."""


class Point(NamedTuple):
    """A position, in degrees."""

    long: float
    lat: float


class StreetKind(StrEnum):
    """How a street is drawn."""

    MAIN = "main"
    STREET = "street"
    PATH = "path"


class AreaKind(StrEnum):
    """What lies between streets; in the order in which it is drawn."""

    SEA = "sea"
    BEACH = "beach"
    PARK = "park"
    BUILDING = "building"
    SQUARE = "square"
    WATER = "water"


class Number(NamedTuple):
    """A house number and where its door is."""

    text: str
    at: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """A street, or a part of one that has a name of its own.

    Attributes:
        name: as its sign says.
        kind: how it is drawn.
        line: its middle, two points at least.
        numbers: of its houses.
    """

    name: str
    kind: StreetKind
    line: tuple[Point, ...]
    numbers: tuple[Number, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Something with a shore.

    Attributes:
        kind: what it is.
        name: empty for most.
        ring: its shore, three points at least, the first one not repeated.
    """

    kind: AreaKind
    ring: tuple[Point, ...]
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    """A place that everybody knows.

    Attributes:
        name: how people call it.
        at: its door.
    """

    name: str
    at: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A town.

    Attributes:
        name: of the town.
        streets: in no order.
        areas: in no order.
        landmarks: in no order.
    """

    name: str
    streets: tuple[Street, ...]
    areas: tuple[Area, ...]
    landmarks: tuple[Landmark, ...]

    @classmethod
    def from_geojson(cls, data: object) -> Self:
        """Reads a town; features of a kind that nobody knows are passed over.

        Raises:
            TownError: it is no FeatureCollection, or something in it is malformed; the sentence names it.
        """
        collection = _mapping(data, "the file")
        features = collection.get("features")
        if collection.get("type") != "FeatureCollection" or not isinstance(features, list):
            raise TownError("the file is no FeatureCollection of GeoJSON; make it with `ventanilla town`")
        streets: list[Street] = []
        areas: list[Area] = []
        landmarks: list[Landmark] = []
        for number, feature in enumerate(cast("list[object]", features)):
            match _read(feature, f"feature {number}"):
                case Street() as street:
                    streets.append(street)
                case Area() as area:
                    areas.append(area)
                case Landmark() as landmark:
                    landmarks.append(landmark)
                case None:
                    pass
        if not streets:
            raise TownError("the file holds no street; make it anew with `ventanilla town`")
        name = _name(collection, "the file")
        return cls(name=name, streets=tuple(streets), areas=tuple(areas), landmarks=tuple(landmarks))

    def to_geojson(self) -> dict[str, object]:
        """The town's file."""
        return {"type": "FeatureCollection", "name": self.name, "features": list(_features(self))}


def read_town(path: Path) -> Town:
    """Read a town's file.

    Raises:
        TownError: it cannot be read, is too large, or is malformed; the sentence names the file.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise TownError(f"{path} cannot be read ({error.strerror}); name a town's file") from error
    if len(raw) > FILE_BYTES_MAX:
        raise TownError(f"{path} has more than {FILE_BYTES_MAX} bytes; leave out what a kiosk does not draw")
    try:
        return Town.from_geojson(json.loads(raw))
    except (ValueError, RecursionError) as error:
        raise TownError(f"{path} is no JSON; make it anew with `ventanilla town`") from error
    except TownError as error:
        raise TownError(f"{path}: {error}") from error


def _read(feature: object, where: str) -> Street | Area | Landmark | None:
    members = _mapping(feature, where)
    said = _mapping(members.get("properties") or {}, where)
    geometry = _mapping(members.get("geometry") or {}, where)
    shape, coordinates = geometry.get("type"), geometry.get("coordinates")
    kind = said.get("kind")
    if kind in set(StreetKind) and shape == "LineString":
        numbers = tuple(_number(each, where) for each in _items(said.get("numbers") or [], where))
        line = _points(coordinates, 2, where)
        return Street(name=_name(said, where), kind=StreetKind(str(kind)), line=line, numbers=numbers)
    if kind in set(AreaKind) and shape == "Polygon":
        rings = _items(coordinates, where)
        ring = _points(rings[0] if rings else [], 4, where)
        if ring[0] != ring[-1]:
            raise TownError(f"{where} is a polygon that is not closed; repair the file")
        return Area(kind=AreaKind(str(kind)), name=_name(said, where), ring=ring[:-1])
    if kind == "landmark" and shape == "Point":
        return Landmark(name=_name(said, where), at=_point(coordinates, where))
    return None


def _features(town: Town) -> Iterator[dict[str, object]]:
    for area in sorted(town.areas, key=lambda each: list(AreaKind).index(each.kind)):
        yield _feature("Polygon", [[*map(list, area.ring), list(area.ring[0])]], area.kind, area.name)
    for street in town.streets:
        feature = _feature("LineString", [*map(list, street.line)], street.kind, street.name)
        if street.numbers:
            numbers = [[each.text, each.at.long, each.at.lat] for each in street.numbers]
            cast("dict[str, object]", feature["properties"])["numbers"] = numbers
        yield feature
    for landmark in town.landmarks:
        yield _feature("Point", list(landmark.at), "landmark", landmark.name)


def _feature(shape: str, coordinates: object, kind: str, name: str) -> dict[str, object]:
    properties: dict[str, object] = {"kind": kind, **({"name": name} if name else {})}
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": shape, "coordinates": coordinates},
    }


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TownError(f"{where} is no object of GeoJSON; repair the file")
    return cast("Mapping[str, object]", value)


def _items(value: object, where: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise TownError(f"{where} lacks a list of positions; repair the file")
    return cast("list[object]", value)


def _name(said: Mapping[str, object], where: str) -> str:
    name = said.get("name", "")
    if not isinstance(name, str) or len(name) > NAME_LENGTH_MAX:
        raise TownError(f"{where} has a name that is no text of {NAME_LENGTH_MAX} characters; repair it")
    return name


def _points(value: object, least: int, where: str) -> tuple[Point, ...]:
    points = tuple(_point(each, where) for each in _items(value, where))
    if len(points) < least:
        raise TownError(f"{where} has fewer than {least} positions; repair the file")
    return points


def position_of(value: object) -> Point | None:
    """Read a position of GeoJSON; None where it is none."""
    match cast("list[object]", value) if isinstance(value, list) else []:
        case [int() | float() as long, int() | float() as lat, *_] if abs(long) <= LONG_MAX:
            return Point(float(long), float(lat)) if abs(lat) <= LAT_MAX else None
        case _:
            return None


def _point(value: object, where: str) -> Point:
    point = position_of(value)
    if point is None:
        raise TownError(f"{where} has a position that is none; longitude comes first, then latitude")
    return point


def _number(value: object, where: str) -> Number:
    match cast("list[object]", value) if isinstance(value, list) else []:
        case [str() as text, *at] if 0 < len(text) <= NAME_LENGTH_MAX:
            return Number(text, _point(at, where))
        case _:
            raise TownError(f"{where} has a house number that is not [number, long, lat]; repair the file")
