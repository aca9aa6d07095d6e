"""Which settings are in force for a device, and where each comes from. Pure.

    city  <  district  <  site  <  device          the nearest to the device wins, setting by setting

A device's site is what its enrolment says; a site belongs to at most one district.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

CITY: Final = ""
"""The target of the level `city`: there is one."""


class Level(StrEnum):
    """Where a value is set, from the widest to the nearest."""

    CITY = "city"
    DISTRICT = "district"
    SITE = "site"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a device stands.

    Attributes:
        device: its id.
        site: as it was enrolled; empty where nobody said.
        district: of the site; empty where it is in none.
    """

    device: str
    site: str
    district: str

    def targets(self) -> tuple[tuple[Level, str], ...]:
        """Return the levels that count for it, the widest first."""
        named = ((Level.DISTRICT, self.district), (Level.SITE, self.site), (Level.DEVICE, self.device))
        return ((Level.CITY, CITY), *((level, target) for level, target in named if target))


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value that somebody set.

    Attributes:
        level: where.
        target: which district, site or device; empty for the city.
        value: as JSON has it.
        who: set it.
        at_ms: when, Unix epoch.
        change: number of the change in the history.
    """

    level: Level
    target: str
    name: str
    value: Any
    who: str
    at_ms: int
    change: int


def in_force(values: Iterable[Value], place: Place) -> dict[str, list[Value]]:
    """Return, by setting, every value that counts for a device, the one in force first.

    Args:
        values: of any level and target.
        place: where the device stands.
    """
    rank = {target: number for number, target in enumerate(place.targets())}
    found: dict[str, list[Value]] = {}
    for value in values:
        if (value.level, value.target) in rank:
            found.setdefault(value.name, []).append(value)
    for chain in found.values():
        chain.sort(key=lambda value: rank[value.level, value.target], reverse=True)
    return dict(sorted(found.items()))


def document(found: Mapping[str, list[Value]]) -> dict[str, Any]:
    """Return the desired twin's document: of each setting, the value in force."""
    return {name: chain[0].value for name, chain in found.items()}
