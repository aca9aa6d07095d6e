"""The hub's time: what its parts are given as their clock."""

import time


def now_ms() -> int:
    """Return the hub's time: Unix epoch in milliseconds."""
    return time.time_ns() // 1_000_000
