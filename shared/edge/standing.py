"""How a device stands, as the owner tells it: to the status command, to the live view, to a technician.

Nothing personal is in it: counts, ages and states.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from shared.adapters.outbox import Outbox
from shared.edge.lanes import OutboxLanes
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.birth import LaneState


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStatus:
    """An epoch of a lane: what is there, and up to where the hub has it."""

    epoch: str
    oldest: int
    last: int
    acked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """A lane.

    Attributes:
        unacknowledged: durable lines that the hub has not acknowledged.
        waiting_ms: age of the oldest of them.
        bytes: what they are charged.
        capacity: the lane's quota.
        fill: bytes by capacity.
        alarm: the fill is beyond the alarm.
        refusal: why nothing more is taken; None where it is.
        epochs: oldest first.
    """

    unacknowledged: int
    waiting_ms: int
    bytes: int
    capacity: int
    fill: float
    alarm: bool
    refusal: str | None
    epochs: Sequence[EpochStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """The connection to the broker.

    Attributes:
        up: it stands.
        address: of the broker, while it stands.
        detail: why it does not, for a person.
    """

    up: bool = False
    address: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a device stands.

    Attributes:
        device: its id.
        running: an owner answers; otherwise this was read from what it left behind.
        state: of the session with the hub.
        recognised: the hub answers this device's births.
        fenced: it takes no new payment.
        hub_on: what the hub's state hint says; None if nothing was heard.
        incarnation: the highest of the hub that was heard.
        boot: the boot counter.
        clock_age_s: since the clock last agreed with the hub's; None if not in this boot.
        hub_offset_ms: the hub's time less this machine's uptime; None if the hub was not heard in this boot.
        life: how many times the owner began, in this process.
        trouble: why the last life ended; None if this is the first.
        damaged_lines: unacknowledged lines that were found damaged at the start.
        oldest_unacknowledged_payment_ms: the headline.
        unacknowledged: lines of all lanes that the hub has not acknowledged.
        link: to the broker.
        lanes: by stream.
        wanted: how settings, bundles and commands of the hub stand.
    """

    device: str
    running: bool
    state: str
    recognised: bool = True
    fenced: bool = False
    hub_on: bool | None = None
    incarnation: int = 0
    boot: int = 0
    clock_age_s: int | None = None
    hub_offset_ms: int | None = None
    life: int = 0
    trouble: str | None = None
    damaged_lines: int = 0
    oldest_unacknowledged_payment_ms: int = 0
    unacknowledged: int = 0
    link: LinkStatus
    lanes: Mapping[Stream, LaneStatus]
    wanted: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def members(self) -> dict[str, Any]:
        """Return it as a JSON object's members."""
        return asdict(self)


def lane_status(
    outbox: Outbox, lanes: OutboxLanes, refusals: Mapping[Stream, str | None], uptime_ms: int
) -> dict[Stream, LaneStatus]:
    """Look at every lane of an open outbox.

    Args:
        outbox: the outbox.
        lanes: what is said of it.
        refusals: why nothing is taken, by stream.
        uptime_ms: now.
    """
    return {
        stream: _lane(lane, outbox.fill(stream), refusals.get(stream))
        for stream, lane in lanes.look(uptime_ms).items()
    }


def _lane(lane: LaneState, fill: float, refusal: str | None) -> LaneStatus:
    return LaneStatus(
        unacknowledged=sum(e.last - lane.acked[e.epoch] for e in lane.epochs),
        waiting_ms=lane.waiting_ms,
        bytes=lane.bytes,
        capacity=lane.capacity,
        fill=round(fill, 4),
        alarm=fill >= limits.LANE_ALARM,
        refusal=refusal,
        epochs=[
            EpochStatus(epoch=e.epoch, oldest=e.oldest, last=e.last, acked=lane.acked[e.epoch])
            for e in lane.epochs
        ],
    )
