"""What time it is on a device: its wall clock, and what has passed since the machine started.

Rules: order and durations come from the uptime, which goes on while the machine sleeps and which nobody can
set; the wall clock is only ever written down, together with how far it may be trusted.

Source: docs/PROTOCOL.md, section The device, Time; clock_gettime(2), CLOCK_BOOTTIME.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.edge.seam import Place
from shared.model.instants import to_rfc3339
from shared.protocol import limits
from shared.protocol.lines import Stamp

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_WALL_MAX_MS: Final = 253_402_300_799_999
"""The last instant that RFC 3339 can write; a clock beyond it was never set."""


@dataclass(frozen=True, slots=True)
class DeviceTime:
    """A device's clocks.

    Attributes:
        wall_ms: Unix epoch, by the device's own clock, right or wrong.
        uptime_ms: since the machine started.
    """

    wall_ms: Callable[[], int]
    uptime_ms: Callable[[], int]


def system_time() -> DeviceTime:
    """Return this machine's clocks."""
    return DeviceTime(
        wall_ms=lambda: time.time_ns() // 1_000_000,
        uptime_ms=lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000,
    )


def read_boot_id() -> str:
    """Return what names this start of the machine.

    Raises:
        OSError: this is no Linux.
    """
    return _BOOT_ID.read_text(encoding="ascii").strip()


def stamp(place: Place, clock: DeviceTime, at_ms: int | None = None) -> Stamp:
    """Date a line.

    Args:
        place: carries what the owner knows of the hub's time.
        clock: the device's clocks.
        at_ms: when it happened, if someone else dated it; the device's clock vouches for nothing then.
    """
    wall_ms, uptime_ms = clock.wall_ms(), clock.uptime_ms()
    age_s = None
    if at_ms is None and place.agreed_uptime_ms is not None and place.offset_ms is not None:
        strayed_ms = abs(wall_ms - place.offset_ms - uptime_ms)
        if strayed_ms <= limits.CLOCK_AGREE_MS:  # else it was set since: doubt favours the citizen
            age_s = max(0, uptime_ms - place.agreed_uptime_ms) // 1000
    said_ms = wall_ms if at_ms is None else at_ms
    return Stamp(
        time=to_rfc3339(min(max(said_ms, 0), _WALL_MAX_MS)),
        boot=place.boot,
        uptime_ms=uptime_ms,
        clock_age_s=age_s,
    )
