"""What can go wrong with the outbox, told apart by what its owner should do."""

from shared.model.errors import CapacityError, DeviceError, TransientError


class StaleSlotError(TransientError):
    """Another append took this number; ask for the next slot and compose the line again."""


class LaneFullError(CapacityError):
    """The lane holds as many unacknowledged lines as it may; take nothing more until the hub answers."""


class DiskFullError(CapacityError):
    """The disk is full and the ballast is given up; free space on the device."""


class OutboxBrokenError(DeviceError):
    """The disk failed to read, write or sync, so what it holds is unknown; restart the outbox's owner."""


class OutboxInUseError(DeviceError):
    """Another process owns this outbox; stop it, or ask it instead."""


class ForeignOutboxError(DeviceError):
    """This outbox belongs to another device; give the device its own data folder."""


class DamagedError(OutboxBrokenError):
    """The file's structure is broken; restart the owner of the outbox, which then saves what can be read."""
