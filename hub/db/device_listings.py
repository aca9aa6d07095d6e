"""What the hub knows of devices, for those who look after them: births, lanes, states.

Who is enrolled, fenced or revoked is in the key registry, not here.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from hub.db.tables import device, device_epoch, device_state, loss_record, quarantine
from shared.model.event import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a device said at its last confirmed birth.

    Attributes:
        waiting_ms: by stream, how long its oldest unacknowledged line had waited then.
    """

    device: str
    last_seen_ms: int | None
    firmware: str | None
    boot: int | None
    waiting_ms: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneEpoch:
    """How far the hub holds one epoch of a lane.

    Attributes:
        watermark: up to here everything is held or recorded as lost.
        heard: the highest number that the device has spoken of.
        listed: whether the device still has it.
    """

    stream: Stream
    epoch: str
    watermark: int
    heard: int
    last: int
    oldest: int
    by_id: bool
    forked: bool
    closed: bool
    listed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartState:
    """The newest word of a device on one of its parts."""

    key: str
    state: str
    detail: str | None
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unacknowledged:
    """A lane of which the hub has heard more than it holds."""

    device: str
    epoch: str
    watermark: int
    heard: int


def sightings(connection: Connection, devices: list[str] | None = None) -> dict[str, Sighting]:
    """The last births, by device.

    Args:
        connection: any.
        devices: of these alone; None: of all.
    """
    query = select(
        device.c.id,
        device.c.last_seen_ms,
        device.c.firmware,
        device.c.last_birth_boot,
        device.c.waiting_ms,
    )
    if devices is not None:
        query = query.where(device.c.id.in_(devices))
    return {
        row.id: Sighting(
            device=row.id,
            last_seen_ms=row.last_seen_ms,
            firmware=row.firmware,
            boot=row.last_birth_boot,
            waiting_ms=dict(row.waiting_ms or {}),
        )
        for row in connection.execute(query)
    }


def lane_epochs(connection: Connection, name: str) -> list[LaneEpoch]:
    """Every epoch of a device that the hub knows, oldest first within its stream."""
    query = select(device_epoch).where(device_epoch.c.device == name)
    rows = connection.execute(query.order_by(device_epoch.c.stream, device_epoch.c.position))
    return [
        LaneEpoch(
            stream=Stream(row.stream),
            epoch=row.epoch,
            watermark=row.watermark,
            heard=row.heard,
            last=row.last,
            oldest=row.oldest,
            by_id=row.by_id,
            forked=row.forked,
            closed=row.closed,
            listed=row.position >= 0,
        )
        for row in rows
    ]


def part_states(connection: Connection, name: str) -> list[PartState]:
    """What a device says of its parts."""
    query = select(device_state).where(device_state.c.device == name).order_by(device_state.c.key)
    return [
        PartState(key=row.key, state=row.state, detail=row.detail, time_ms=row.time_ms)
        for row in connection.execute(query)
    ]


def waiting_in_quarantine(connection: Connection, name: str) -> int:
    """How many lines of a device wait in quarantine."""
    waiting = (quarantine.c.device == name, quarantine.c.state == "waiting")
    return connection.execute(select(func.count()).select_from(quarantine).where(*waiting)).scalar_one()


def unresolved_losses(connection: Connection, name: str) -> int:
    """How many loss records of a device are not resolved."""
    unresolved = (loss_record.c.device == name, loss_record.c.resolved.is_(False))
    return connection.execute(select(func.count()).select_from(loss_record).where(*unresolved)).scalar_one()


def unacknowledged(connection: Connection, stream: Stream) -> list[Unacknowledged]:
    """The epochs of a stream of which the hub has heard more than it holds."""
    behind = (device_epoch.c.stream == stream.value, device_epoch.c.closed.is_(False))
    query = select(
        device_epoch.c.device, device_epoch.c.epoch, device_epoch.c.watermark, device_epoch.c.heard
    )
    rows = connection.execute(query.where(*behind, device_epoch.c.heard > device_epoch.c.watermark))
    return [
        Unacknowledged(device=row.device, epoch=row.epoch, watermark=row.watermark, heard=row.heard)
        for row in rows
    ]
