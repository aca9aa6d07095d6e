"""Devices: who is enrolled, how far the hub holds each lane, release of a fenced one, end of a stolen one."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hub.api.parts import Parts
from hub.db.device_listings import (
    LaneEpoch,
    PartState,
    Sighting,
    lane_epochs,
    part_states,
    sightings,
    unresolved_losses,
    waiting_in_quarantine,
)
from hub.db.paging import PAGE_MAX
from hub.keys.entries import Device

DeviceId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,32}$")]
REASON_LENGTH_MAX: Final = 200
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


class DeviceView(BaseModel):
    """A device: what the registry says of it, and what it said at its last birth."""

    id: str
    kind: str
    site: str
    state: str
    fence_reason: str | None
    enrolled_ms: int
    certificate_expires_ms: int | None
    link_key: str
    connected: bool
    last_seen_ms: int | None
    firmware: str | None
    boot: int | None
    waiting_ms: dict[str, int]


class DevicePage(BaseModel):
    """Some devices, by id."""

    items: list[DeviceView]
    next: str | None


class DeviceDetail(DeviceView):
    """A device with its lanes."""

    lanes: list[LaneEpoch]
    states: list[PartState]
    quarantine_waiting: int
    losses_unresolved: int


class Revoked(BaseModel):
    """A device that is out."""

    id: str
    state: str


class SealedKeys(BaseModel):
    """Card keys for a terminal, sealed under its link key, in hexadecimal."""

    sealed: str


class Reason(BaseModel):
    """Why something was decided, in the operator's words."""

    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX)


class Released(BaseModel):
    """What a release did."""

    events_taken: int
    events_waiting: int


def devices_router(parts: Parts) -> APIRouter:
    """Return the routes of devices."""
    router = APIRouter(prefix="/devices", tags=["devices"])
    registry = parts.room.registry

    def view(device: Device, seen: Sighting | None) -> DeviceView:
        return DeviceView(
            id=device.id,
            kind=device.kind,
            site=device.site,
            state=device.state.value,
            fence_reason=device.fence_reason,
            enrolled_ms=device.enrolled_ms,
            certificate_expires_ms=max((c.expires_ms for c in device.certificates), default=None),
            link_key=device.link_key,
            connected=parts.is_connected(device.id),
            last_seen_ms=seen.last_seen_ms if seen else None,
            firmware=seen.firmware if seen else None,
            boot=seen.boot if seen else None,
            waiting_ms=seen.waiting_ms if seen else {},
        )

    @router.get("")
    def devices(after: str = "", limit: Limit = 100) -> DevicePage:
        """Every device that was ever enrolled, by id."""
        later = [device for device in registry.devices() if device.id > after]
        shown = later[:limit]
        with parts.writer.read() as connection:
            seen = sightings(connection, [device.id for device in shown])
        items = [view(device, seen.get(device.id)) for device in shown]
        return DevicePage(items=items, next=shown[-1].id if len(later) > limit else None)

    @router.get("/{device}")
    def device(device: DeviceId) -> DeviceDetail:
        """One device: its lanes, and what waits because of it."""
        entry = registry.device(device)
        with parts.writer.read() as connection:
            return DeviceDetail(
                **view(entry, sightings(connection, [device]).get(device)).model_dump(),
                lanes=lane_epochs(connection, device),
                states=part_states(connection, device),
                quarantine_waiting=waiting_in_quarantine(connection, device),
                losses_unresolved=unresolved_losses(connection, device),
            )

    @router.post("/{device}/release")
    def release(device: DeviceId) -> Released:
        """Let a fenced device go on, and take what it sent meanwhile; it is told at once."""
        decided = parts.clerk.release_device(device)
        return Released(events_taken=decided.taken, events_waiting=decided.waiting)

    @router.get("/{device}/card-keys")
    def card_keys(device: DeviceId) -> SealedKeys:
        """The tap's key for a terminal, in each version that is not retired; it opens there alone."""
        sealed = parts.room.card_keys.sealed_for(device, registry.up_key(device).key)
        return SealedKeys(sealed=sealed.hex())

    @router.post("/{device}/revoke")
    def revoke(device: DeviceId, why: Reason) -> Revoked:
        """End a device's keys and certificates at once and for good: stolen, lost or retired."""
        registry.revoke(device, why.reason)
        parts.admit()
        return Revoked(id=device, state=registry.device(device).state.value)

    return router
