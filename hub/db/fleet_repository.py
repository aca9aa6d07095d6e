"""What each device was given and what it says of it: twins, bundles, commands, on a connection."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, select, update

from hub.db.fleet_tables import bundle, bundle_place, device_bundle, device_command, device_twin
from hub.db.statements import dialect_insert
from hub.domain.settings.service import CITY, Level
from shared.protocol.bundle import HUB_KEYS
from shared.protocol.command import Command
from shared.protocol.twin import Desired
from shared.protocol.versions import Version

BUNDLE_VERSIONS_KEPT = 3
"""Bodies kept of each name: whoever is fetching the one before can finish."""
COMMANDS_KEPT = 500
"""Commands of each device that are kept, with what came of them: whoever asks every hour fills no disk."""
Reach = tuple[str, Level, str]
"""A bundle's name, and the level and target that it is for."""
_OF_VERSION = and_(
    bundle_place.c.name == bundle.c.name,
    bundle_place.c.incarnation == bundle.c.incarnation,
    bundle_place.c.n == bundle.c.n,
)
_OPEN = ("waiting", "accepted", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinRow:
    """A device's settings: what it was given, and what it last said.

    Attributes:
        desired: None where it was never given any.
        reported: the newest version that it said it knows.
        state: what became of that: pending, reached, reverted.
        why: of one that was given up.
        refused: messages that had no effect on it, by cause.
    """

    device: str
    desired: Desired | None
    reported: Version | None
    state: str | None
    why: str | None
    refused: Mapping[str, int]
    reported_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRow:
    """The newest version of a bundle for one place, without its body; without any it retires the name.

    Attributes:
        level: for everyone (`city`), or for a district, a site or a device.
        target: which one; empty for the city.
    """

    name: str
    version: Version
    size: int
    expires_ms: int
    who: str
    at_ms: int
    level: Level = Level.CITY
    target: str = CITY

    @property
    def reach(self) -> Reach:
        """What it is called, and for whom it is."""
        return (self.name, self.level, self.target)

    @property
    def retires(self) -> bool:
        """Whether the name is out of use there since this version."""
        return self.size == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow:
    """A command, and how it stands."""

    id: str
    device: str
    op: str
    args: dict[str, Any]
    who: str
    created_ms: int
    expires_ms: int
    state: str
    detail: str | None
    data: dict[str, Any] | None
    answered_ms: int | None


class TwinRepository:
    """What settings each device was given."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, devices: Collection[str]) -> dict[str, TwinRow]:
        """What is known of some devices."""
        query = select(device_twin).where(device_twin.c.device.in_(devices))
        return {row.device: _twin_row(row) for row in self._connection.execute(query)}

    def give(self, device: str, desired: Desired) -> None:
        """Notes what a device is to be given."""
        values = {
            "incarnation": desired.version.incarnation,
            "n": desired.version.n,
            "doc": json.dumps(desired.doc, sort_keys=True),
            "confirm_s": desired.confirm_s,
        }
        statement = dialect_insert(self._connection.dialect.name, device_twin)
        statement = statement.values(device=device, **values)
        self._connection.execute(statement.on_conflict_do_update(index_elements=["device"], set_=values))


class BundleRepository:
    """Bundles: what was published, and what each device holds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def newest(self) -> dict[Reach, BundleRow]:
        """The newest version of every name, for everyone and for each narrower place."""
        columns = (
            bundle.c.name,
            bundle.c.incarnation,
            bundle.c.n,
            func.length(bundle.c.body).label("size"),
            bundle.c.expires_ms,
            bundle.c.who,
            bundle.c.at_ms,
            bundle_place.c.level,
            bundle_place.c.target,
        )
        query = select(*columns).select_from(bundle.outerjoin(bundle_place, _OF_VERSION))
        rows = self._connection.execute(query.order_by(bundle.c.name, bundle.c.incarnation, bundle.c.n))
        return {row.reach: row for row in map(_bundle_row, rows)}

    def body(self, name: str, version: Version) -> bytes | None:
        """A body that is still kept."""
        query = select(bundle.c.body).where(
            bundle.c.name == name, bundle.c.incarnation == version.incarnation, bundle.c.n == version.n
        )
        found = self._connection.execute(query).scalar_one_or_none()
        return None if found is None else bytes(found)

    def add(self, row: BundleRow, body: bytes) -> None:
        """Publishes a version, and forgets those of long ago; of the hub's keys none."""
        values = {
            "name": row.name,
            "incarnation": row.version.incarnation,
            "n": row.version.n,
            "body": body,
            "expires_ms": row.expires_ms,
            "who": row.who,
            "at_ms": row.at_ms,
        }
        self._connection.execute(insert(bundle), values)
        if row.level is not Level.CITY:
            place = {"level": row.level.value, "target": row.target}
            version = {name: values[name] for name in ("name", "incarnation", "n")}
            self._connection.execute(insert(bundle_place), {**version, **place})
        if row.name != HUB_KEYS:
            self._forget(row.reach, BUNDLE_VERSIONS_KEPT)

    def withdraw(self, reach: Reach) -> bool:
        """Forgets every version for one place; tells whether there was any."""
        return self._forget(reach, 0)

    def _forget(self, reach: Reach, kept: int) -> bool:
        name, level, target = reach
        placed = bundle_place.c.level.is_(None)
        if level is not Level.CITY:
            placed = and_(bundle_place.c.level == level.value, bundle_place.c.target == target)
        query = select(bundle.c.incarnation, bundle.c.n).where(bundle.c.name == name, placed)
        query = query.select_from(bundle.outerjoin(bundle_place, _OF_VERSION))
        newest_first = query.order_by(bundle.c.incarnation.desc(), bundle.c.n.desc())
        old = self._connection.execute(newest_first).all()[kept:]
        for version in old:
            for table in (bundle, bundle_place):
                of_version = (table.c.incarnation == version.incarnation, table.c.n == version.n)
                self._connection.execute(delete(table).where(table.c.name == name, *of_version))
        return bool(old)

    def held(self, devices: Collection[str]) -> dict[str, dict[str, Version]]:
        """What some devices said that they hold, by device and name."""
        found: dict[str, dict[str, Version]] = {}
        query = select(device_bundle).where(device_bundle.c.device.in_(devices))
        for row in self._connection.execute(query):
            found.setdefault(row.device, {})[row.name] = Version(row.incarnation, row.n)
        return found

    def holders(self) -> dict[tuple[str, Version], int]:
        """How many devices hold each version of each name."""
        columns = (device_bundle.c.name, device_bundle.c.incarnation, device_bundle.c.n)
        query = select(*columns, func.count().label("devices")).group_by(*columns)
        return {
            (row.name, Version(row.incarnation, row.n)): row.devices
            for row in self._connection.execute(query)
        }


class CommandRepository:
    """Commands and their results."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, device: str, command: Command, who: str, now_ms: int) -> None:
        """Keeps a command that is to be sent, and forgets the device's of long ago."""
        values = {
            "id": command.id,
            "device": device,
            "op": command.op,
            "args": dict(command.args),
            "who": who,
            "created_ms": now_ms,
            "expires_ms": command.expires_ms,
        }
        self._connection.execute(insert(device_command), values)
        newest_first = select(device_command.c.id).where(device_command.c.device == device)
        newest_first = newest_first.order_by(device_command.c.created_ms.desc(), device_command.c.id)
        for old in self._connection.execute(newest_first.offset(COMMANDS_KEPT)).scalars().all():
            self._connection.execute(delete(device_command).where(device_command.c.id == old))

    def unexpired(self, device: str, now_ms: int) -> int:
        """How many commands a device may still have to remember."""
        counted = select(func.count()).select_from(device_command)
        alive = (device_command.c.device == device, device_command.c.expires_ms > now_ms)
        return self._connection.execute(counted.where(*alive)).scalar_one()

    def open(self, devices: Collection[str], now_ms: int) -> dict[str, list[Command]]:
        """Commands that have no outcome yet and have not expired, by device, in their order."""
        query = select(device_command).where(
            device_command.c.device.in_(devices),
            device_command.c.state.in_(_OPEN),
            device_command.c.expires_ms > now_ms,
        )
        found: dict[str, list[Command]] = {}
        for row in self._connection.execute(query.order_by(device_command.c.created_ms)):
            command = Command(id=row.id, op=row.op, args=row.args, expires_ms=row.expires_ms)
            found.setdefault(row.device, []).append(command)
        return found

    def row(self, command_id: str) -> CommandRow | None:
        """One command."""
        rows = self._rows(device_command.c.id == command_id, 1)
        return rows[0] if rows else None

    def of_device(self, device: str, limit: int) -> list[CommandRow]:
        """A device's commands, the newest first."""
        return self._rows(device_command.c.device == device, limit)

    def _rows(self, where: ColumnElement[bool], limit: int) -> list[CommandRow]:
        query = select(device_command).where(where).order_by(device_command.c.created_ms.desc()).limit(limit)
        return [CommandRow(**row) for row in self._connection.execute(query).mappings()]


class FleetWords:
    """What devices say of all this, in one transaction of the ingest.

    Attributes:
        spoken: the devices that said something.
    """

    def __init__(self, connection: Connection) -> None:
        self.spoken: set[str] = set()
        self._connection = connection
        self._reported: dict[str, dict[str, Any]] = {}
        self._held: dict[str, dict[str, tuple[Version, str]]] = {}
        self._results: list[dict[str, Any]] = []

    def report(
        self, device: str, twin: Mapping[str, Any], held: Mapping[str, tuple[Version, str]], now_ms: int
    ) -> None:
        """Notes what a device has; a later word of the same transaction replaces it.

        Args:
            device: who says it.
            twin: the columns `reported_incarnation`, `reported_n`, `state`, `why`, `refused`.
            held: version and state of every bundle, by name.
            now_ms: Unix epoch.
        """
        self.spoken.add(device)
        self._reported[device] = {**twin, "reported_ms": now_ms}
        self._held[device] = dict(held)

    def result(self, device: str, command_id: str, values: Mapping[str, Any], now_ms: int) -> None:
        """Notes how a command stands; an outcome that is known stays."""
        self.spoken.add(device)
        self._results.append({"device": device, "id": command_id, "answered_ms": now_ms, **values})

    def flush(self) -> None:
        """Writes what was said."""
        for device, values in self._reported.items():
            statement = dialect_insert(self._connection.dialect.name, device_twin)
            statement = statement.values(device=device, **values)
            self._connection.execute(statement.on_conflict_do_update(index_elements=["device"], set_=values))
            self._write_held(device)
        for values in self._results:
            self._write_result(values)
        self._reported.clear()
        self._held.clear()
        self._results.clear()

    def _write_held(self, device: str) -> None:
        held = self._held[device]
        query = select(device_bundle).where(device_bundle.c.device == device)
        known = {r.name: (Version(r.incarnation, r.n), r.state) for r in self._connection.execute(query)}
        if known == held:
            return
        self._connection.execute(delete(device_bundle).where(device_bundle.c.device == device))
        rows = [
            {"device": device, "name": name, "incarnation": v.incarnation, "n": v.n, "state": state}
            for name, (v, state) in held.items()
        ]
        if rows:
            self._connection.execute(insert(device_bundle), rows)

    def _write_result(self, values: Mapping[str, Any]) -> None:
        said = {name: values[name] for name in ("state", "detail", "answered_ms")}
        if values["data"]:
            said["data"] = values["data"]
        where = (
            device_command.c.id == values["id"],
            device_command.c.device == values["device"],
            device_command.c.state.in_(_OPEN),
        )
        self._connection.execute(update(device_command).where(*where).values(**said))


def _bundle_row(row: Row[*tuple[Any, ...]]) -> BundleRow:
    return BundleRow(
        name=row.name,
        version=Version(row.incarnation, row.n),
        size=row.size,
        expires_ms=row.expires_ms,
        who=row.who,
        at_ms=row.at_ms,
        level=Level.CITY if row.level is None else Level(row.level),
        target=row.target or CITY,
    )


def _twin_row(row: Row[*tuple[Any, ...]]) -> TwinRow:
    desired = None
    if row.n is not None:
        doc = cast("dict[str, Any]", json.loads(row.doc))
        desired = Desired(version=Version(row.incarnation, row.n), doc=doc, confirm_s=row.confirm_s)
    reported = None if row.reported_n is None else Version(row.reported_incarnation, row.reported_n)
    return TwinRow(
        device=row.device,
        desired=desired,
        reported=reported,
        state=row.state,
        why=row.why,
        refused=dict(row.refused or {}),
        reported_ms=row.reported_ms,
    )


def reverted(connection: Connection) -> Iterable[str]:
    """The devices that went back from the settings that they were given."""
    behind = (device_twin.c.state == "reverted", device_twin.c.reported_n == device_twin.c.n)
    same = device_twin.c.reported_incarnation == device_twin.c.incarnation
    return connection.execute(select(device_twin.c.device).where(*behind, same)).scalars().all()
