"""A town that exists nowhere, for demonstrations and tests: streets with names and numbers, landmarks, a bay.

    town = demonstration_town()

It lies in the Bay of Biscay, where there is only water, so that nobody takes it for theirs.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, cycle, pairwise
from math import cos, hypot, radians
from random import Random
from typing import Final

from kiosk_app.town.gazetteer import METRES_PER_DEGREE
from kiosk_app.town.plan import Line, Plan, Spot, shore
from kiosk_app.town.town import Area, Landmark, Number, Point, Street, StreetKind, Town

NAME: Final = "Villafaro"
MIDDLE: Final = Point(-3.9, 43.9)
SEED: Final = 1755
HOUSE_M: Final = 15
"""From one door to the next."""

_MAIN: Final = ("Ronda del Alba", "Avenida de la Vega", "Avenida del Norte", "Paseo Marítimo")
_STREETS: Final = tuple(
    f"Calle {name}"
    for name in [
        "Mayor",
        "del Faro",
        "de la Ñora",
        "de la Sal",
        "de la Luna",
        "del Viento",
        "del Mar",
        "de los Toneleros",
        "del Pan",
        "de la Rúa",
        "de las Redes",
        "del Pozo",
        "de la Cuerda",
        "del Reloj",
        "de la Plata",
        "del Norte Viejo",
        "de los Carpinteros",
        "de la Fragua",
        "del Molino",
        "del Olivo",
        "de la Encina",
        "del Tejo",
        "de la Haya",
        "del Roble",
        "del Castaño",
        "de la Mimosa",
        "del Avellano",
        "de la Higuera",
        "del Laurel",
        "del Romero",
        "del Tomillo",
        "de la Salvia",
        "del Espliego",
        "de la Gaviota",
        "del Cormorán",
        "de la Garza",
        "del Petirrojo",
        "del Mirlo",
        "de la Golondrina",
        "del Vencejo",
        "de la Lechuza",
        "de la Alondra",
        "del Jilguero",
        "de la Sardina",
        "del Bonito",
        "de la Anchoa",
        "del Percebe",
        "de la Nécora",
        "de la Bahía",
        "de la Marea",
        "de la Ola",
        "del Nordeste",
        "de la Galerna",
        "del Ancla",
        "del Timón",
        "de la Vela",
        "de la Quilla",
        "del Puente",
        "de la Ribera",
        "de la Isla",
        "del Astillero",
        "de la Lonja",
        "del Algodón",
        "de la Cantera",
        "de la Seda",
        "del Cobre",
        "de la Imprenta",
        "del Tranvía",
        "de la Estación Vieja",
        "de los Huertos",
        "de la Noria",
        "del Lavadero",
        "de la Era",
        "del Trigo",
        "de la Cebada",
        "del Maíz",
        "de la Viña",
        "del Manzano",
        "del Cerezo",
        "del Peral",
        "del Ciruelo",
        "del Nogal",
        "del Almendro",
    ]
)
_LANDMARKS: Final[tuple[tuple[str, Spot], ...]] = (
    ("Ayuntamiento", (0, 44)),
    ("Mercado", (-210, 60)),
    ("Biblioteca", (150, 190)),
    ("Estación de tren", (-250, 700)),
    ("Centro de salud", (-560, 210)),
    ("Polideportivo", (-1_000, 560)),
    ("Parque de la Vega", (-1_090, 700)),
    ("Instituto", (640, 420)),
    ("Hospital", (980, 640)),
    ("Puerto", (650, shore(650) + 60)),
    ("Playa", (-500, shore(-500) + 30)),
    ("Faro", (1_190, shore(1_190) - 60)),
)


def demonstration_town() -> Town:
    """Make the town; the same one each time."""
    plan = Plan(Random(SEED))  # noqa: S311 - a town, no secrets
    return Town(
        name=NAME,
        streets=tuple(_streets(plan.lines)),
        areas=tuple(Area(kind=each.kind, ring=_points(each.ring)) for each in plan.shapes),
        landmarks=tuple(Landmark(name=name, at=_point(spot)) for name, spot in _LANDMARKS),
    )


def _streets(lines: Sequence[Line]) -> Iterator[Street]:
    """Give lines their names; a way that is cut by the old town keeps its name beyond it."""
    ordinary = chain(_STREETS, (f"Travesía {name.removeprefix('Calle ')}" for name in cycle(_STREETS)))
    main = chain(_MAIN, ordinary)
    yield Street(
        name="Plaza Mayor", kind=StreetKind.PATH, line=_points(lines[0].spots), numbers=_doors(lines[0])
    )
    for line in lines[1:]:
        if line.kind is StreetKind.PATH:
            yield Street(name="Senda de la Playa", kind=line.kind, line=_points(line.spots))
            continue
        name = next(main if line.kind is StreetKind.MAIN else ordinary)
        yield Street(name=name, kind=line.kind, line=_points(line.spots), numbers=_doors(line))


def _doors(line: Line) -> tuple[Number, ...]:
    """Number the houses: odd on the left, even on the right, as Spanish streets do."""
    doors: list[Number] = []
    odd, even = 1, 2
    walked = 0.0
    for (x, y), (to_x, to_y) in pairwise(line.spots):
        length = hypot(to_x - x, to_y - y)
        east, north = (to_x - x) / length, (to_y - y) / length
        while walked < length:
            at_x, at_y = x + east * walked, y + north * walked
            doors.append(Number(str(odd), _point((at_x - north * 7, at_y + east * 7))))
            doors.append(Number(str(even), _point((at_x + north * 7, at_y - east * 7))))
            odd, even, walked = odd + 2, even + 2, walked + HOUSE_M
        walked -= length
    return tuple(doors)


def _points(spots: Sequence[Spot]) -> tuple[Point, ...]:
    return tuple(_point(spot) for spot in spots)


def _point(spot: Spot) -> Point:
    long = MIDDLE.long + spot[0] / (METRES_PER_DEGREE * cos(radians(MIDDLE.lat)))
    return Point(round(long, 6), round(MIDDLE.lat + spot[1] / METRES_PER_DEGREE, 6))
