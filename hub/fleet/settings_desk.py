"""Settings: set, cleared, undone, and asked after, by city, district, site and device.

Rules:
- A value that cannot be is refused before anything is kept; the sentence says what may be.
- Every change is kept with who made it. Undoing is a change too: it puts back what was there before, if
  nobody has changed it since.
- The words of Wi-Fi networks are told to nobody: not as a value, not in the history.
- K of the beacons is the city's or a district's: phones learn it by district.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from hub.db.engine import Connection
from hub.db.fleet_repository import TwinRepository, TwinRow
from hub.db.paging import Page
from hub.db.settings_repository import ChangeRow, SettingsRepository, Wish, place_of
from hub.db.writer import Writer
from hub.domain.settings.service import CITY, Level, Place, Value, in_force
from hub.keys.registry import Registry
from shared.model.errors import ConflictError, InputError
from shared.protocol import settings as table
from shared.protocol.parsing import check_json
from shared.protocol.settings import check_settings

TARGET_LENGTH_MAX: Final = 64


class NoSuchChangeError(InputError):
    """There is no such change; look at `ventanilla hub settings history`, and take its number from there."""


class ChangedSinceError(ConflictError):
    """Somebody has changed this since; look at the history, and set what you want."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is in force for a device, and how far it has come.

    Attributes:
        place: where the device stands.
        values: by setting, every value that counts for it, the one in force first.
        twin: what it was given and says; None where it was never given any.
    """

    place: Place
    values: Mapping[str, list[Value]]
    twin: TwinRow | None


class SettingsDesk:
    """Takes changes."""

    def __init__(
        self, writer: Writer, registry: Registry, clock: Callable[[], int], changed: Callable[[], None]
    ) -> None:
        """Take what is needed.

        Args:
            writer: the database.
            registry: knows devices and their sites.
            clock: the hub's time, Unix epoch in milliseconds.
            changed: called after a change: devices may be behind now.
        """
        self._writer = writer
        self._registry = registry
        self._clock = clock
        self._changed = changed

    def change(self, wish: Wish) -> int | None:
        """Set or clear a value.

        Returns:
            The number of the change; None where it was so already.

        Raises:
            InputError: no such setting, value, level or device.
            TransientError: it was not committed; repeat.
        """
        check_json(wish.value)
        check_settings({wish.name: wish.value} if wish.value is not None else {}, strict=True)
        check_target(self._registry, wish.level, wish.target)
        if wish.name == table.EID_EXPONENT and wish.level not in (Level.CITY, Level.DISTRICT):
            raise InputError(
                f"{wish.name} is set for the city or a district: phones learn it by district; name no other"
            )
        number = self._writer.run(
            lambda connection: SettingsRepository(connection).change(wish, self._clock())
        )
        self._changed()
        return number

    def undo(self, number: int, who: str) -> int | None:
        """Put back what was there before a change.

        Raises:
            NoSuchChangeError: there is none under this number.
            ChangedSinceError: it has been changed since.
            TransientError: it was not committed; repeat.
        """

        def job(connection: Connection) -> int | None:
            repository = SettingsRepository(connection)
            row = repository.change_row(number)
            if row is None:
                raise NoSuchChangeError(NoSuchChangeError.__doc__)
            now = {(v.level.value, v.target, v.name): v.change for v in repository.values()}
            standing = now.get((row.level, row.target, row.name))
            if standing != (number if row.after is not None else None):
                raise ChangedSinceError(ChangedSinceError.__doc__)
            value = None if row.before is None else json.loads(row.before)
            wish = Wish(
                level=Level(row.level), target=row.target, name=row.name, value=value, who=who, undoes=number
            )
            return repository.change(wish, self._clock())

        undone = self._writer.run(job)
        self._changed()
        return undone

    def put_site(self, site: str, district: str) -> None:
        """Say to which district a site belongs; an empty one takes it out.

        Raises:
            TransientError: it was not committed; repeat.
        """
        self._writer.run(lambda connection: SettingsRepository(connection).put_site(site, district))
        self._changed()

    def values(self) -> list[Value]:
        """Return every value that is set."""
        with self._writer.read() as connection:
            values = SettingsRepository(connection).values()
        return sorted(map(_told, values), key=lambda v: (v.name, v.level.value, v.target))

    def history(self, after: int, limit: int) -> Page[ChangeRow]:
        """Return changes in their order."""
        with self._writer.read() as connection:
            page = SettingsRepository(connection).history(after, limit)
        return replace(page, items=[_told_change(row) for row in page.items])

    def standing(self, device: str) -> Standing:
        """Return what is in force for a device, and where each value comes from.

        Raises:
            UnknownDeviceError: it is not enrolled here.
        """
        entry = self._registry.device(device)
        with self._writer.read() as connection:
            repository = SettingsRepository(connection)
            place = place_of(device, entry.site, repository.districts())
            values = in_force(map(_told, repository.values()), place)
            twin = TwinRepository(connection).rows([device]).get(device)
        return Standing(place=place, values=values, twin=twin)


def check_target(registry: Registry, level: Level, target: str) -> None:
    """See that there can be such a place.

    Raises:
        UnknownDeviceError: no such device is enrolled here.
        InputError: the name is missing or too long, or the city was given one.
    """
    if level is Level.DEVICE:
        registry.device(target)
    elif (target == CITY) is not (level is Level.CITY) or len(target) > TARGET_LENGTH_MAX:
        raise InputError(
            f"a {level} has a name of 1 to {TARGET_LENGTH_MAX} characters, the city none; correct it"
        )


def _told(value: Value) -> Value:
    return replace(value, value=table.shown(value.name, value.value))


def _told_change(row: ChangeRow) -> ChangeRow:
    def told(text: str | None) -> str | None:
        return None if text is None else json.dumps(table.shown(row.name, json.loads(text)))

    return (
        replace(row, before=told(row.before), after=told(row.after))
        if row.name == table.WIFI_NETWORKS
        else row
    )


def shown(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Write a value as a person types it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
