"""How a device's word on itself is kept: the newest by the order of its lane, never by a clock."""

from hub.domain.devices.ports import Board
from shared.model.day_count import TapsCounted
from shared.model.event import Event
from shared.model.health import DeviceCounters, DeviceState


class Devices:
    """Keeps what devices say of themselves."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def note_state(self, event: Event, state: DeviceState, now_ms: int) -> None:
        """Notes the state of a part; a later one replaces it."""
        self._board.put_state(event.device, state, event.time_ms, now_ms)

    def note_counters(self, event: Event, counters: DeviceCounters, now_ms: int) -> None:
        """Notes a device's counters; later ones replace them."""
        self._board.put_counters(event.device, counters, event.time_ms, now_ms)

    def note_day(self, event: Event, counted: TapsCounted, now_ms: int) -> None:
        """Notes what a terminal counted on a day; a later word replaces it."""
        self._board.put_day(event.device, counted, now_ms)
