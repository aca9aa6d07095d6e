"""The plan of the demonstration town: a bay, a river, an old town of rings, and streets in a grid around it.

Everything is in metres, x to the east and y to the north of the Plaza Mayor. `demonstration` names it and
puts it on the globe.

Rule: the same seed gives the same plan on every machine; nothing here is any real town's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, cos, hypot, pi, sin
from random import Random
from typing import Final

from kiosk_app.town.town import AreaKind, StreetKind

Spot = tuple[float, float]
"""x to the east and y to the north, in metres."""

SPOKES: Final = 11
RINGS: Final = (48.0, 112.0, 176.0, 246.0, 318.0)
RONDA: Final = RINGS[-1]
EDGE: Final = (-1_500.0, -1_150.0, 1_500.0, 1_250.0)
RIVER_WIDTH: Final = 34.0
RING_GAP_M: Final = 150.0
"""So near the ring road, a street goes on to it."""
BRIDGE_M: Final = 320.0
"""A main street does from further away, over the river."""
STREET_WIDTH: Final = 13.0


@dataclass(frozen=True, slots=True)
class Line:
    """The middle of a street."""

    kind: StreetKind
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """Something with a shore."""

    kind: AreaKind
    ring: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Straight streets that cross, turned by an angle.

    Attributes:
        origin: where its first row and column cross.
        turn: radians, against the clock.
        columns: how many.
        rows: how many.
        width: between columns, metres.
        depth: between rows, metres.
        avenue: the row that is a main street.
    """

    origin: Spot
    turn: float
    columns: int
    rows: int
    width: float
    depth: float
    avenue: int

    def node(self, column: int, row: int) -> Spot:
        """Where a column and a row cross."""
        x, y = column * self.width, row * self.depth
        east = self.origin[0] + x * cos(self.turn) - y * sin(self.turn)
        return east, self.origin[1] + x * sin(self.turn) + y * cos(self.turn)


GRIDS: Final = (
    Grid((-1_400.0, -690.0), 0.10, 17, 17, 104.0, 108.0, avenue=7),
    Grid((330.0, -600.0), -0.13, 13, 18, 98.0, 104.0, avenue=6),
)


class Plan:
    """The town's plan.

    Args:
        random: of its irregularities.

    Attributes:
        lines: the streets.
        shapes: what lies between them.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._wobble = [1 + random.uniform(-0.07, 0.07) for _ in range(SPOKES * len(RINGS))]
        self._green = {0: {(3, 11), (4, 11), (3, 12), (4, 12), (9, 10), (6, 5)}, 1: {(6, 9), (7, 9), (4, 4)}}
        self.lines: list[Line] = []
        self.shapes: list[Shape] = [
            Shape(AreaKind.SEA, tuple(_sea())),
            Shape(AreaKind.BEACH, tuple(_beach())),
        ]
        self.shapes.append(Shape(AreaKind.WATER, tuple(_river())))
        self.shapes.append(Shape(AreaKind.PARK, tuple(_riverside())))
        self._old_town()
        for number, grid in enumerate(GRIDS):
            self._new_town(grid, self._green[number])
        self._promenade()
        self.shapes.append(Shape(AreaKind.PARK, tuple(_headland())))

    # ---- the old town: rings and spokes

    def _ring_spot(self, ring: int, spoke: int) -> Spot:
        spoke %= SPOKES
        is_edge = ring in {0, len(RINGS) - 1}
        radius = RINGS[ring] * (1 if is_edge else self._wobble[ring * SPOKES + spoke])
        angle = 2 * pi * spoke / SPOKES + (0 if is_edge else 0.5 * (self._wobble[spoke] - 1))
        return radius * cos(angle), radius * sin(angle)

    def _old_town(self) -> None:
        rings = [[self._ring_spot(ring, spoke) for spoke in range(SPOKES)] for ring in range(len(RINGS))]
        self.shapes.append(Shape(AreaKind.SQUARE, tuple(rings[0])))
        for number, ring in enumerate(rings):
            kind = StreetKind.MAIN if number == len(rings) - 1 else StreetKind.STREET
            self.lines.append(Line(kind, tuple(_round((*ring, ring[0])))))
        for spoke in range(SPOKES):
            self.lines.append(Line(StreetKind.STREET, tuple(ring[spoke] for ring in rings)))
            for inner, outer in pairwise(rings):
                after = (spoke + 1) % SPOKES
                block = (inner[spoke], outer[spoke], outer[after], inner[after])
                self._block(block, AreaKind.BUILDING, 0.6)

    # ---- the streets around it

    def _new_town(self, grid: Grid, green: set[tuple[int, int]]) -> None:
        nodes = {
            (column, row): grid.node(column, row)
            for column in range(grid.columns)
            for row in range(grid.rows)
            if _is_land(grid.node(column, row), is_west=grid is GRIDS[0])
        }
        rows = [[(column, row) for column in range(grid.columns)] for row in range(grid.rows)]
        columns = [[(column, row) for row in range(grid.rows)] for column in range(grid.columns)]
        for number, way in enumerate([*rows, *columns]):
            kind = StreetKind.MAIN if number == grid.avenue else StreetKind.STREET
            reach = BRIDGE_M if kind is StreetKind.MAIN else RING_GAP_M
            self.lines += (Line(kind, spots) for spots in _runs(way, nodes, reach))
        for column in range(grid.columns - 1):
            for row in range(grid.rows - 1):
                corners = ((column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1))
                if all(corner in nodes for corner in corners):
                    kind = AreaKind.PARK if (column, row) in green else AreaKind.BUILDING
                    self._block(tuple(nodes[corner] for corner in corners), kind, 1)

    def _block(self, corners: Sequence[Spot], kind: AreaKind, street: float) -> None:
        """Put a block between its streets; some have a yard, which is a green in the middle."""
        shape = _inset(corners, STREET_WIDTH * street)
        self.shapes.append(Shape(kind, shape))
        if kind is AreaKind.BUILDING and street == 1 and self._random.random() < 0.16:  # noqa: PLR2004 - one in six
            self.shapes.append(Shape(AreaKind.SQUARE, _inset(corners, STREET_WIDTH * 2.6)))

    # ---- along the water

    def _promenade(self) -> None:
        west = [(float(x), shore(x) + 46) for x in range(int(EDGE[0]), 330, 60)]
        east = [(float(x), shore(x) + 46) for x in range(330, 1_140, 60)]
        self.lines.append(Line(StreetKind.MAIN, (*west, *east)))
        self.lines.append(Line(StreetKind.PATH, tuple((x, y - 22) for x, y in west)))


def shore(x: float) -> float:
    """Return where the sea begins, metres to the north."""
    return -505 + 105 * sin(x / 520) + 26 * sin(x / 190)


def river(y: float) -> float:
    """Return where the river's middle is, metres to the east."""
    return 372 + 46 * sin(y / 300) + 18 * sin(y / 110)


def _is_land(spot: Spot, *, is_west: bool) -> bool:
    """Whether a street may cross there: inside the edge, off the shore, the river and the old town."""
    x, y = spot
    if not (EDGE[0] < x < EDGE[2] and shore(x) + 70 < y < EDGE[3]):
        return False
    return abs(x - river(y)) > RIVER_WIDTH + 8 and hypot(x, y) > RONDA + 24 and is_west == (x < river(y))


def _runs(
    way: Sequence[tuple[int, int]], nodes: Mapping[tuple[int, int], Spot], reach: float
) -> Iterator[tuple[Spot, ...]]:
    """Give the parts of a way that are there; one that ends at the old town goes on to its ring road."""
    run: list[Spot] = []
    for place in (*way, None):
        if place is not None and place in nodes:
            run.append(nodes[place])
            continue
        if len(run) > 1:
            yield (*_to_ring(run[0], reach), *run, *_to_ring(run[-1], reach))
        run = []


def _to_ring(spot: Spot, reach: float) -> list[Spot]:
    far = hypot(*spot)
    is_over = spot[0] > river(spot[1]) and reach < BRIDGE_M
    if far > RONDA + reach or is_over:
        return []
    return [(spot[0] * RONDA / far, spot[1] * RONDA / far)]


def _round(spots: Sequence[Spot]) -> Iterator[Spot]:
    """Draw a ring as a curve around the middle, three steps from corner to corner."""
    for (x, y), (to_x, to_y) in pairwise(spots):
        radius, to_radius = hypot(x, y), hypot(to_x, to_y)
        angle, turn = atan2(y, x), (atan2(to_y, to_x) - atan2(y, x)) % (2 * pi)
        for step in range(3):
            far, at = radius + (to_radius - radius) * step / 3, angle + turn * step / 3
            yield far * cos(at), far * sin(at)
    yield spots[-1]


def _inset(corners: Sequence[Spot], by: float) -> tuple[Spot, ...]:
    """Draw corners towards their middle, so that a street has room."""
    middle_x = sum(x for x, _ in corners) / len(corners)
    middle_y = sum(y for _, y in corners) / len(corners)
    drawn: list[Spot] = []
    for x, y in corners:
        far = hypot(x - middle_x, y - middle_y)
        share = max(0.15, 1 - by * 1.25 / far)
        drawn.append((middle_x + (x - middle_x) * share, middle_y + (y - middle_y) * share))
    return tuple(drawn)


def _sea() -> Iterator[Spot]:
    yield EDGE[0], EDGE[1]
    for x in range(int(EDGE[0]), int(EDGE[2]) + 1, 40):
        yield float(x), shore(x)
    yield EDGE[2], EDGE[1]


def _beach() -> Iterator[Spot]:
    for x in range(-1_100, 41, 30):
        yield float(x), shore(x) + 6
    for x in range(40, -1_101, -30):
        width = 44 * sin(pi * (x + 1_100) / 1_140)
        yield float(x), shore(x) - 4 - width * 0.4


def _river() -> Iterator[Spot]:
    ys = [float(y) for y in range(-900, int(EDGE[3]) + 1, 40)]
    for y in ys:
        yield river(y) - RIVER_WIDTH / 2, y
    for y in reversed(ys):
        yield river(y) + RIVER_WIDTH / 2, y


def _riverside() -> Iterator[Spot]:
    """A green on the old town's bank."""
    ys = [float(y) for y in range(-300, 1_101, 50)]
    for y in ys:
        yield river(y) - RIVER_WIDTH / 2 - 6, y
    for y in reversed(ys):
        inland = river(y) - RIVER_WIDTH / 2 - 58
        yield max(inland, (RONDA + 16) if abs(y) < RONDA / 2 else inland), y


def _headland() -> Iterator[Spot]:
    """Where the lighthouse stands."""
    for step in range(17):
        angle = pi * step / 16
        yield 1_190 + 120 * cos(angle), shore(1_190) + 8 + 90 * sin(angle) * 0.8
    for step in range(1, 8):
        angle = pi + pi * step / 8
        yield 1_190 + 120 * cos(angle), shore(1_190) + 8 + 150 * sin(angle)
