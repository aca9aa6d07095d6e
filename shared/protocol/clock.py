"""What a device knows of the time: its own clock, and when that last agreed with the hub's. Pure.

Source: docs/PROTOCOL.md, section The device, Time.
"""

from dataclasses import dataclass

from shared.protocol import limits


@dataclass(slots=True)
class Clock:
    """The welcomes of this boot, as far as they matter.

    Attributes:
        agreed_uptime_ms: when the device's clock last agreed with the hub's; None if not in this boot.
        offset_ms: the hub's time minus the device's uptime at the last welcome; None before the first.
    """

    agreed_uptime_ms: int | None = None
    offset_ms: int | None = None

    def heard(self, hub_ms: int, wall_ms: int, uptime_ms: int) -> None:
        """Take the hub's time from a welcome or an acknowledgement of this boot.

        Args:
            hub_ms: the hub's clock, Unix epoch.
            wall_ms: the device's clock at the same moment.
            uptime_ms: monotonic time since the boot.
        """
        self.offset_ms = hub_ms - uptime_ms
        if abs(hub_ms - wall_ms) <= limits.CLOCK_AGREE_MS:
            self.agreed_uptime_ms = uptime_ms
        else:
            self.agreed_uptime_ms = None  # it went astray since: doubt favours the citizen

    def age_s(self, uptime_ms: int) -> int | None:
        """Return the seconds since the clock last agreed; None where it never did in this boot."""
        return None if self.agreed_uptime_ms is None else (uptime_ms - self.agreed_uptime_ms) // 1000
