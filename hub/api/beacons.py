"""Places, interests and notices, for clerks: entered, drafted, approved, withdrawn, and who did it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hub.api.clerk import After, Limit
from hub.api.errors import NoSuchThingError
from hub.api.parts import Parts
from hub.db.beacon_notice_repository import NoticeRepository
from hub.db.beacon_repository import BeaconChange, ChangedKind, InterestRepository, list_changes
from hub.db.paging import Page
from hub.domain.beacons.notices import NoticeState, NoticeVersion
from hub.domain.beacons.places import Place
from hub.fleet.beacon_desk import BeaconDesk
from shared.model.instants import from_rfc3339
from shared.model.said import WHO_LENGTH_MAX, WHY_LENGTH_MAX

Code = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,32}$")]
NoticeId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
Who = Annotated[str, Field(min_length=1, max_length=WHO_LENGTH_MAX, pattern=r"^[^\x00]+$")]
Why = Annotated[str, Field(max_length=WHY_LENGTH_MAX, pattern=r"^[^\x00]*$")]


class Written(BaseModel):
    """What a clerk wrote, as its file has it, and who it was."""

    data: dict[str, Any]
    who: Who


class By(BaseModel):
    """Who does it, and why."""

    who: Who
    why: Why = ""


class Assignment(BaseModel):
    """Which device stands at a place; null: none. `since` as RFC 3339; null: now."""

    device: Annotated[str, Field(max_length=32)] | None
    since: Annotated[str, Field(max_length=40)] | None = None
    who: Who
    why: Why = ""


class PlaceView(BaseModel):
    """A place, and the device that stands there."""

    code: str
    district: str
    site: str
    name: dict[str, Any]
    lat: float | None
    long: float | None
    position: str
    withdrawn: bool
    device: str | None


class StandView(BaseModel):
    """Which device stood at a place since when."""

    device: str | None
    since_ms: int
    who: str


class PlaceHistory(BaseModel):
    """A place, and what stood there, in order."""

    place: PlaceView
    history: list[StandView]


class NoticeView(BaseModel):
    """A version of a notice."""

    id: str
    version: int
    state: NoticeState
    districts: list[str]
    notice: dict[str, Any]
    drafted_by: str
    drafted_ms: int
    decided_by: str | None
    decided_ms: int | None


def beacons_router(parts: Parts) -> APIRouter:
    """Return the routes of a clerk's work about beacons."""
    router = APIRouter(tags=["beacons"])
    router.include_router(_places_router(parts.beacons))
    router.include_router(_interests_router(parts))
    router.include_router(_notices_router(parts))

    @router.get("/beacon-changes")
    def changes(
        kind: ChangedKind | None = None,
        name: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")] = None,
        after: After = 0,
        limit: Limit = 100,
    ) -> Page[BeaconChange]:
        """Who did what with places, interests and notices, in order."""
        with parts.writer.read() as connection:
            return list_changes(connection, after, limit, kind, name)

    return router


def _places_router(desk: BeaconDesk) -> APIRouter:
    router = APIRouter(prefix="/places")

    @router.get("")
    def places(
        district: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")] = None,
    ) -> dict[str, list[PlaceView]]:
        """Every place, or those of a district."""
        return {"items": [_place(place, device) for place, device in desk.places(district)]}

    @router.post("")
    def add(wanted: Written) -> PlaceView:
        """Enter a place."""
        return _place(desk.add_place(wanted.data, wanted.who), None)

    @router.get("/{code}")
    def place(code: Code) -> PlaceHistory:
        """A place, and which devices stood there."""
        found = desk.place(code)
        history = [StandView(device=s.device, since_ms=s.since_ms, who=s.who) for s in found.history]
        return PlaceHistory(place=_place(found.place, found.device), history=history)

    @router.post("/{code}/assign")
    def assign(code: Code, wanted: Assignment) -> dict[str, bool]:
        """Say which device stands at a place from an instant on."""
        since_ms = None if wanted.since is None else from_rfc3339(wanted.since)
        return {"changed": desk.assign(code, wanted.device, since_ms, wanted.who, wanted.why)}

    @router.post("/{code}/withdraw")
    def withdraw(code: Code, by: By) -> dict[str, str]:
        """Take a place out of use."""
        desk.withdraw_place(code, by.who, by.why)
        return {"code": code}

    return router


def _interests_router(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/interests")

    @router.get("")
    def interests() -> dict[str, list[dict[str, Any]]]:
        """What people may choose from."""
        with parts.writer.read() as connection:
            found = InterestRepository(connection).all()
        return {"items": [interest.to_data() for interest in found]}

    @router.post("")
    def put(wanted: Written) -> dict[str, Any]:
        """Enter an interest, or give it another name."""
        return parts.beacons.put_interest(wanted.data, wanted.who).to_data()

    @router.post("/{code}/withdraw")
    def withdraw(code: Code, by: By) -> dict[str, str]:
        """Offer an interest no more."""
        parts.beacons.withdraw_interest(code, by.who, by.why)
        return {"code": code}

    return router


def _notices_router(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/notices")

    @router.get("")
    def notices(state: NoticeState | None = None) -> dict[str, list[NoticeView]]:
        """Versions of notices, the newest first."""
        with parts.writer.read() as connection:
            found = NoticeRepository(connection).listed(state)
        return {"items": [_notice(version) for version in found]}

    @router.post("")
    def draft(wanted: Written) -> dict[str, Any]:
        """Keep a draft of a notice, or of a correction."""
        drafted = parts.beacons.draft(wanted.data, wanted.who)
        return {"id": drafted.id, "version": drafted.version}

    @router.get("/{notice}")
    def versions(notice: NoticeId) -> dict[str, list[NoticeView]]:
        """Every version of a notice, in order."""
        with parts.writer.read() as connection:
            found = NoticeRepository(connection).versions(notice)
        if not found:
            raise NoSuchThingError(NoSuchThingError.__doc__)
        return {"items": [_notice(version) for version in found]}

    @router.post("/{notice}/{version}/approve")
    def approve(notice: NoticeId, version: Annotated[int, Path(ge=1, le=10**6)], by: By) -> dict[str, Any]:
        """Let a draft be said, in the place of the version before."""
        parts.beacons.approve(notice, version, by.who)
        return {"id": notice, "version": version}

    @router.post("/{notice}/withdraw")
    def withdraw(notice: NoticeId, by: By) -> dict[str, str]:
        """Say a notice no more."""
        parts.beacons.withdraw(notice, by.who, by.why)
        return {"id": notice}

    return router


def _place(place: Place, device: str | None) -> PlaceView:
    return PlaceView(
        code=place.code,
        district=place.district,
        site=place.site,
        name=place.name.to_data(),
        lat=place.lat,
        long=place.long,
        position=place.position,
        withdrawn=place.is_withdrawn,
        device=device,
    )


def _notice(version: NoticeVersion) -> NoticeView:
    return NoticeView(
        id=version.notice.id,
        version=version.notice.version,
        state=version.state,
        districts=list(version.districts),
        notice=version.notice.to_data(),
        drafted_by=version.drafted_by,
        drafted_ms=version.drafted_ms,
        decided_by=version.decided_by,
        decided_ms=version.decided_ms,
    )
