"""What the devices service needs: a board with the newest word of every device."""

from typing import Protocol

from shared.model.day_count import TapsCounted
from shared.model.health import DeviceCounters, DeviceState


class Board(Protocol):
    """The newest state of each part and the newest counters of each device."""

    def put_state(self, device: str, state: DeviceState, time_ms: int, now_ms: int) -> None:
        """Replaces the state of a part."""
        ...

    def put_counters(self, device: str, counters: DeviceCounters, time_ms: int, now_ms: int) -> None:
        """Replaces a device's counters."""
        ...

    def put_day(self, device: str, counted: TapsCounted, now_ms: int) -> None:
        """Replaces what a terminal counted on a day."""
        ...
