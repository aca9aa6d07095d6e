"""What a node measures of itself: numbers for the hub, and the few that fit into the air's telemetry.

Rules:
- What a board cannot measure is left out; nothing is guessed.
- The names are those of the event that carries them, units last.
"""

import gc

NO_TEMPERATURE = -0x8000
COUNTS = "/starts"
_CAUSES = ("PWRON_RESET", "HARD_RESET", "WDT_RESET", "DEEPSLEEP_RESET", "SOFT_RESET")
_DIVIDER_MV = 3300
_FULL_SCALE = 65535


class Telemetry:
    """What one node measures.

    Args:
        machine: the board's module.
        board: its data: `battery_pin`, `battery_divider`.
        stalled: where the guard keeps who stalled.
        counts: where the number of starts is kept.

    Attributes:
        starts: how often this board has started.
    """

    def __init__(self, machine, board: dict, stalled: str = "/stalled", counts: str = COUNTS) -> None:
        self._machine = machine
        self._board = board
        self._stalled = _taken(stalled)
        self.starts = _counted(counts)

    def measured(self, air, clock) -> dict:
        """Return everything that can be measured now, once what can be freed is freed.

        Args:
            air: the node's.
            clock: the node's.
        """
        gc.collect()
        values = {
            "starts": self.starts,
            "start_cause": self.cause(),
            "heap_free": gc.mem_free(),
            "heap_used": gc.mem_alloc(),
            "rearmed": air.rearmed,
            "time_trusted": clock.trusted,
        }
        if self._stalled:
            values["stalled"] = self._stalled
        celsius = self.celsius()
        if celsius is not None:
            values["temperature_c"] = celsius
        battery_mv = self.battery_mv()
        if battery_mv:
            values["battery_mv"] = battery_mv
        return values

    def cause(self) -> str:
        """Return why the board started, in words; `unknown` where it does not say."""
        cause = self._machine.reset_cause()
        for name in _CAUSES:
            if getattr(self._machine, name, None) == cause:
                return name[:-6].lower()
        return "unknown"

    def celsius(self) -> "float | None":
        """Return the chip's temperature, or None."""
        try:
            import esp32

            return float(esp32.mcu_temperature())
        except (ImportError, AttributeError):
            return None

    def battery_mv(self) -> int:
        """Return the battery's voltage, 0 where the board has none."""
        pin = self._board.get("battery_pin")
        if not isinstance(pin, int):
            return 0
        raw = self._machine.ADC(self._machine.Pin(pin)).read_u16()
        return int(raw * _DIVIDER_MV * self._board.get("battery_divider", 1) // _FULL_SCALE)

    def aired(self, air) -> None:
        """Give the air what fits into its frame."""
        celsius = self.celsius()
        air.told(self.battery_mv(), NO_TEMPERATURE if celsius is None else int(celsius * 256))


def _taken(path: str) -> str:
    """Read who stalled before this start; it is told once."""
    import os

    try:
        with open(path) as file:
            name = file.read(32)
        os.remove(path)
    except (OSError, ValueError):
        return ""
    return name


def _counted(path: str) -> int:
    import os

    try:
        with open(path) as file:
            starts = int(file.read(12)) + 1
    except (OSError, ValueError):
        starts = 1
    try:
        with open(path + ".new", "w") as file:
            file.write(str(starts))
        os.rename(path + ".new", path)
    except OSError:
        pass
    return starts
