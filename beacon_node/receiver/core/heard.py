"""One advertisement, as a radio hands it over."""

from dataclasses import dataclass
from typing import Final

UNKNOWN_DBM: Final = 127
"""How a radio says that it measured no strength (Bluetooth Core, LE Advertising Report)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An advertisement.

    Attributes:
        address: of the sender, as the radio tells it; it changes, and a decision never looks at it.
        service_data: what stands under Eddystone's service number; None where the sender has no such thing.
        rssi_dbm: how strong it came in.
    """

    address: str
    service_data: bytes | None
    rssi_dbm: int
