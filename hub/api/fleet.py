"""What the hub wants of its devices, over HTTP: settings, bundles, commands; and bodies for devices.

`/v1/…` wants the hub's API token; `/device/bundles/…` a device's own MAC, and gives nothing else.
"""

from base64 import b64decode
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field

from hub.api.clerk import After, Number
from hub.api.devices import DeviceId, Limit
from hub.api.errors import NoSuchThingError
from hub.db.fleet_repository import BundleRepository, CommandRow
from hub.db.paging import Page
from hub.db.settings_repository import ChangeRow, Wish
from hub.db.writer import Writer
from hub.domain.settings.service import Level, Value
from hub.fleet.command_post import Order
from hub.fleet.fleet import Fleet
from hub.keys.registry import Registry
from shared.model.errors import InputError
from shared.protocol.bundle import BUNDLES_PATH, check_authorization
from shared.protocol.settings import SETTINGS
from shared.protocol.versions import parse_version

_NOT_MODIFIED: Final = 304
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
NameOrNone = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
CommandId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,36}$")]
_BODY: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The body."},
    _NOT_MODIFIED: {"description": "The caller has it."},
}


class SettingView(BaseModel):
    """A setting that there is."""

    name: str
    default: str
    values: str
    effect: str


class ValueView(BaseModel):
    """A value that somebody set."""

    level: Level
    target: str
    name: str
    value: Any
    who: str
    at_ms: int
    change: int


class SettingsView(BaseModel):
    """Every setting, and every value that is set."""

    settings: list[SettingView]
    values: list[ValueView]


class TwinView(BaseModel):
    """How far a device's settings have come; versions as `12-5`."""

    given: str | None
    reported: str | None
    state: str
    why: str | None
    reported_ms: int | None


class InForce(BaseModel):
    """What is in force for a device: of each setting every value that counts, the one in force first."""

    device: str
    site: str
    district: str
    settings: dict[str, list[ValueView]]
    twin: TwinView


class Change(BaseModel):
    """A wish to set a value; null clears it at that level."""

    level: Level
    target: NameOrNone = ""
    name: Name
    value: Any = None
    who: Name


class Changed(BaseModel):
    """What a wish did; no number where it was so already."""

    change: int | None


class Undo(BaseModel):
    """Who undoes."""

    who: Name


class SiteDistrict(BaseModel):
    """To which district a site belongs; an empty one takes it out."""

    site: Name
    district: NameOrNone


class BundleView(BaseModel):
    """A bundle's newest version for one place; `retired`: the name is out of use there since then."""

    name: str
    level: Level
    target: str
    version: str
    size: int
    expires_ms: int
    who: str
    at_ms: int
    retired: bool
    devices: int


class Publication(BaseModel):
    """A body to be published, in base64; for everyone, or for a district, a site or a device."""

    body: str = Field(min_length=1)
    expires_s: int
    who: Name
    level: Level = Level.CITY
    target: NameOrNone = ""


class Withdrawal(BaseModel):
    """For which place a bundle is to count no more."""

    level: Level
    target: NameOrNone


class Retirement(BaseModel):
    """Who takes a name out of use."""

    who: Name


class CommandWanted(BaseModel):
    """A command to be sent."""

    op: str = Field(min_length=1, max_length=32)
    args: dict[str, Any] = Field(default_factory=dict[str, Any])
    life_s: int = 300
    who: Name


def fleet_router(fleet: Fleet, writer: Writer) -> APIRouter:
    """Return the routes of settings, bundles and commands."""
    router = APIRouter()
    router.include_router(_settings_router(fleet), tags=["settings"])
    router.include_router(_bundles_router(fleet, writer), tags=["bundles"])
    router.include_router(_retiring_router(fleet), tags=["bundles"])
    router.include_router(_commands_router(fleet), tags=["commands"])
    return router


def bodies_router(writer: Writer, registry: Registry) -> APIRouter:
    """Return the route by which devices fetch bodies that do not travel in a notice."""
    router = APIRouter(tags=["devices"])

    @router.get(BUNDLES_PATH + "/{name}/{version}", response_class=Response, responses=_BODY)
    def body(
        name: str,
        version: str,
        authorization: Annotated[str, Header()] = "",
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """A bundle's body, to a device of this hub."""
        path = f"{BUNDLES_PATH}/{name}/{version}"
        check_authorization(authorization, path, registry.keys_of)
        tag = f'"{name}-{version}"'
        if if_none_match == tag:
            return Response(status_code=_NOT_MODIFIED, headers={"ETag": tag})
        with writer.read() as connection:
            found = BundleRepository(connection).body(name, parse_version(version))
        if found is None:
            raise NoSuchThingError(NoSuchThingError.__doc__)
        return Response(found, media_type="application/octet-stream", headers={"ETag": tag})

    return router


def _settings_router(fleet: Fleet) -> APIRouter:
    router = APIRouter(prefix="/settings")
    desk = fleet.settings

    @router.get("")
    def settings() -> SettingsView:
        """Every setting that there is, and every value that is set."""
        known = [
            SettingView(name=s.name, default=s.default, values=s.values, effect=s.effect)
            for s in SETTINGS.values()
        ]
        return SettingsView(settings=known, values=[_view(value) for value in desk.values()])

    @router.post("")
    def change(wish: Change) -> Changed:
        """Set a value for the city, a district, a site or a device, or clear it there."""
        wanted = Wish(level=wish.level, target=wish.target, name=wish.name, value=wish.value, who=wish.who)
        return Changed(change=desk.change(wanted))

    @router.get("/history")
    def history(after: After = 0, limit: Limit = 100) -> Page[ChangeRow]:
        """Every change, in its order."""
        return desk.history(after, limit)

    @router.post("/history/{number}/undo")
    def undo(number: Number, by: Undo) -> Changed:
        """Put back what was there before a change, if nobody has changed it since."""
        return Changed(change=desk.undo(number, by.who))

    @router.post("/sites")
    def site(wanted: SiteDistrict) -> dict[str, str]:
        """Say to which district a site belongs."""
        desk.put_site(wanted.site, wanted.district)
        return {"site": wanted.site, "district": wanted.district}

    @router.get("/devices/{device}")
    def in_force(device: DeviceId) -> InForce:
        """What is in force for a device, where each value comes from, and how far it has come."""
        found = desk.standing(device)
        twin = found.twin
        return InForce(
            device=device,
            site=found.place.site,
            district=found.place.district,
            settings={name: [_view(value) for value in chain] for name, chain in found.values.items()},
            twin=TwinView(
                given=str(twin.desired.version) if twin and twin.desired else None,
                reported=str(twin.reported) if twin and twin.reported else None,
                state=(twin.state if twin else None) or "as enrolled",
                why=twin.why if twin else None,
                reported_ms=twin.reported_ms if twin else None,
            ),
        )

    return router


def _bundles_router(fleet: Fleet, writer: Writer) -> APIRouter:
    router = APIRouter(prefix="/bundles")

    @router.get("")
    def bundles() -> dict[str, list[BundleView]]:
        """The newest version of every bundle, and how many devices hold it."""
        with writer.read() as connection:
            repository = BundleRepository(connection)
            newest, holders = repository.newest(), repository.holders()
        items = [
            BundleView(
                name=row.name,
                level=row.level,
                target=row.target,
                version=str(row.version),
                size=row.size,
                expires_ms=row.expires_ms,
                who=row.who,
                at_ms=row.at_ms,
                retired=row.retires,
                devices=holders.get((row.name, row.version), 0),
            )
            for row in newest.values()
        ]
        return {"items": items}

    @router.post("/{name}")
    def publish(name: str, wanted: Publication) -> dict[str, str]:
        """Publish a bundle under a new version; devices that are connected get it at once."""
        try:
            content = b64decode(wanted.body, validate=True)
        except ValueError as error:
            raise InputError("a bundle's body is sent as base64; encode it again") from error
        row = fleet.press.publish(
            name, content, wanted.expires_s, wanted.who, level=wanted.level, target=wanted.target
        )
        fleet.dispatch.changed()
        return {"name": row.name, "version": str(row.version)}

    @router.post("/{name}/withdraw")
    def withdraw(name: str, place: Withdrawal) -> dict[str, str]:
        """Take a bundle back from a place: there counts again what is published for a wider one."""
        fleet.press.withdraw(name, place.level, place.target)
        fleet.dispatch.changed()
        return {"name": name}

    return router


def _retiring_router(fleet: Fleet) -> APIRouter:
    router = APIRouter(prefix="/bundles")

    @router.post("/{name}/retire")
    def retire(name: str, by: Retirement) -> dict[str, str]:
        """Take a name out of use everywhere; devices drop it, publishing under it again brings it back."""
        row = fleet.press.retire(name, by.who)
        fleet.dispatch.changed()
        return {"name": row.name, "version": str(row.version)}

    return router


def _commands_router(fleet: Fleet) -> APIRouter:
    router = APIRouter()

    @router.post("/devices/{device}/commands")
    def send(device: DeviceId, wanted: CommandWanted) -> CommandRow:
        """Send a command to a device."""
        order = Order(op=wanted.op, args=wanted.args, life_s=wanted.life_s, who=wanted.who)
        return fleet.commands.send(device, order)

    @router.get("/devices/{device}/commands")
    def commands(device: DeviceId, limit: Limit = 100) -> dict[str, list[CommandRow]]:
        """A device's commands, the newest first."""
        return {"items": fleet.commands.of_device(device, limit)}

    @router.get("/commands/{command}")
    def command(command: CommandId) -> CommandRow:
        """How a command stands."""
        row = fleet.commands.row(command)
        if row is None:
            raise NoSuchThingError(NoSuchThingError.__doc__)
        return row

    return router


def _view(value: Value) -> ValueView:
    return ValueView(
        level=value.level,
        target=value.target,
        name=value.name,
        value=value.value,
        who=value.who,
        at_ms=value.at_ms,
        change=value.change,
    )
