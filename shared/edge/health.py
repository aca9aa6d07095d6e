"""What the owner says of the device's own storage, on the `health` lane: only what has changed.

- `lane.payments`, `lane.cases`: degraded from 80 % on, failed from 95 % on, ok again below 75 %.
- `keep.<stream>`: acknowledged lines went before their keep window had passed.
- `storage`: the owner had to begin a new life, or the file was damaged; ok again after ten quiet minutes.

Not here: what else a device reports of itself; that comes from its face as `device.state` events.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from shared.adapters.outbox import Expiry, Outbox
from shared.model.health import DETAIL_LENGTH_MAX, Condition, DeviceState
from shared.protocol import limits
from shared.protocol.delivery import LANES, PROMISED

QUIET_MS: Final = 600_000
_CALM: Final = 0.05
"""How far a lane must fall below the alarm before it counts as well again: it does not flutter."""


@dataclass(slots=True)
class HealthWatch:
    """What was said last, by key."""

    said: dict[str, Condition] = field(default_factory=dict[str, Condition])
    storage_troubled_ms: int | None = None

    def trouble(self, uptime_ms: int, detail: str) -> DeviceState:
        """Say that the storage is not what it was, and begin to wait for quiet."""
        self.storage_troubled_ms = uptime_ms
        return _state("storage", Condition.DEGRADED, detail)

    def look(self, outbox: Outbox, uptime_ms: int) -> Iterator[DeviceState]:
        """Say what has changed since the last look."""
        for stream in LANES:
            if stream in PROMISED:
                key, fill = f"lane.{stream}", outbox.fill(stream)
                before = self.said.get(key, Condition.OK)
                condition = _condition(fill, before)
                if condition is not before:
                    self.said[key] = condition
                    yield _state(key, condition, f"{fill:.0%} full of what the hub has not acknowledged")
        troubled_ms = self.storage_troubled_ms
        if troubled_ms is not None and uptime_ms - troubled_ms >= QUIET_MS:
            self.storage_troubled_ms = None
            yield _state("storage", Condition.OK, None)

    def after_expiry(self, expiry: Expiry) -> Iterator[DeviceState]:
        """Say which lanes could not keep their lines for the whole keep window."""
        for stream, kept_ms in expiry.shortened.items():
            yield _state(
                f"keep.{stream}", Condition.DEGRADED, f"lines were kept for {kept_ms // 3_600_000} h only"
            )


def _condition(fill: float, before: Condition) -> Condition:
    if fill >= limits.LANE_REFUSE:
        return Condition.FAILED
    if fill >= limits.LANE_ALARM:
        return Condition.DEGRADED
    calm = before is Condition.OK or fill < limits.LANE_ALARM - _CALM
    return Condition.OK if calm else Condition.DEGRADED


def _state(key: str, condition: Condition, detail: str | None) -> DeviceState:
    return DeviceState(key=key, state=condition, detail=detail and detail[:DETAIL_LENGTH_MAX], extra={})
