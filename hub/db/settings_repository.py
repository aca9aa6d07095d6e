"""Settings by level, and the history of every change, on a connection."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from hub.db.fleet_tables import setting, setting_change, site_district
from hub.db.paging import Page, columns_of, read_page
from hub.db.statements import dialect_insert
from hub.domain.settings.service import Level, Place, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One change of the history; `before` and `after` are JSON text, null where nothing was, or is, set."""

    id: int
    level: str
    target: str
    name: str
    before: str | None
    after: str | None
    who: str
    at_ms: int
    undoes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A change that somebody wants.

    Attributes:
        value: null: not to be set at this level any more.
        undoes: number of the change that this one undoes.
    """

    level: Level
    target: str
    name: str
    value: Any
    who: str
    undoes: int | None = None


class SettingsRepository:
    """What is set, and who set it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def values(self) -> list[Value]:
        """Every value that is set."""
        query = select(setting, setting_change.c.who, setting_change.c.at_ms)
        query = query.join(setting_change, setting_change.c.id == setting.c.change_id)
        return [
            Value(
                level=Level(row.level),
                target=row.target,
                name=row.name,
                value=json.loads(row.value),
                who=row.who,
                at_ms=row.at_ms,
                change=row.change_id,
            )
            for row in self._connection.execute(query)
        ]

    def change(self, wish: Wish, now_ms: int) -> int | None:
        """Sets or clears a value, and notes who did; None where it was so already.

        Returns:
            The number of the change.
        """
        key = (
            setting.c.level == wish.level.value,
            setting.c.target == wish.target,
            setting.c.name == wish.name,
        )
        before = self._connection.execute(select(setting.c.value).where(*key)).scalar_one_or_none()
        after = None if wish.value is None else json.dumps(wish.value)
        if before == after:
            return None
        number: int = self._connection.execute(
            insert(setting_change).returning(setting_change.c.id),
            {
                "level": wish.level.value,
                "target": wish.target,
                "name": wish.name,
                "before": before,
                "after": after,
                "who": wish.who,
                "at_ms": now_ms,
                "undoes": wish.undoes,
            },
        ).scalar_one()
        self._connection.execute(delete(setting).where(*key))
        if after is not None:
            row = {"level": wish.level.value, "target": wish.target, "name": wish.name}
            self._connection.execute(insert(setting), {**row, "value": after, "change_id": number})
        return number

    def change_row(self, number: int) -> ChangeRow | None:
        """One change."""
        query = columns_of(ChangeRow, setting_change).where(setting_change.c.id == number)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else ChangeRow(**row)

    def history(self, after: int, limit: int) -> Page[ChangeRow]:
        """Changes in their order."""
        query = columns_of(ChangeRow, setting_change).where(setting_change.c.id > after)
        return read_page(self._connection, ChangeRow, query.order_by(setting_change.c.id), limit)

    def put_site(self, site: str, district: str) -> None:
        """Says to which district a site belongs; an empty one takes it out."""
        self._connection.execute(delete(site_district).where(site_district.c.site == site))
        if district:
            self._connection.execute(
                dialect_insert(self._connection.dialect.name, site_district).values(
                    site=site, district=district
                )
            )

    def districts(self) -> dict[str, str]:
        """The district of every site that is in one."""
        return {row.site: row.district for row in self._connection.execute(select(site_district))}


def place_of(device: str, site: str, districts: dict[str, str]) -> Place:
    """Where a device stands."""
    return Place(device=device, site=site, district=districts.get(site, ""))
