"""What the bundles for phones need: beacons' keys of some days, and never what those are made from."""

from collections.abc import Sequence
from typing import Protocol


class AirKeys(Protocol):
    """The keys by which beacons are recognised."""

    def temporary_keys(self, device: str, first_period: int, count: int) -> Sequence[bytes]:
        """Return a beacon's keys of some periods of 65,536 s, 16 bytes each; none where it has none."""
        ...
