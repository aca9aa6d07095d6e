"""The outbox of a device: SQLite, one file, one owner.

`outbox` is the page to read first; it uses `schema` (tables), `disk` (the file and its durability), `lane`
(the state in memory), `appending`, `reading`, `retention`, `room` and `ballast` (full disks), `loading` and
`salvage` (process start). Its vocabulary is in `values`, what can go wrong in `errors`.

Source: docs/PROTOCOL.md, sections Streams, Lines and frames, The device, Failure table.
"""

from shared.adapters.outbox.errors import (
    DiskFullError,
    ForeignOutboxError,
    LaneFullError,
    OutboxBrokenError,
    OutboxInUseError,
    StaleSlotError,
)
from shared.adapters.outbox.outbox import Outbox
from shared.adapters.outbox.values import Entry, Expiry, OutboxLimits, Slot, Whereabouts

__all__ = [
    "DiskFullError",
    "Entry",
    "Expiry",
    "ForeignOutboxError",
    "LaneFullError",
    "Outbox",
    "OutboxBrokenError",
    "OutboxInUseError",
    "OutboxLimits",
    "Slot",
    "StaleSlotError",
    "Whereabouts",
]
