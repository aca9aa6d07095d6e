"""What can go wrong when something is taken, told apart by what the face should do."""

from shared.model.errors import CapacityError, DeviceError, InputError, TransientError


class FencedError(CapacityError):
    """This device is fenced and takes no new payment; ask the town hall to release it."""


class StoppedError(CapacityError):
    """The device is being stopped and takes nothing more; start it again."""


class BusyError(CapacityError):
    """Too much waits to be stored; take the next event a moment later."""


class StorageDownError(DeviceError):
    """The device's storage has failed and nothing can be taken; service the device."""


class NotTakenError(TransientError):
    """The event could not be stored in time and was not taken; try again."""


class OutcomeUnknownError(TransientError):
    """Whether the event was stored is not known yet; give it again with the same id, and it counts once."""


class HomeInUseError(DeviceError):
    """Another process runs this device; ask it with `ventanilla device status`, or stop it first."""


class ClosedBySettingsError(CapacityError):
    """The town hall has closed this service on this device; use another one, or ask the town hall."""


class DeniedCardError(InputError):
    """This card is on the town's deny list and is not taken; use another card, or ask the town hall."""


class OfflineLimitError(CapacityError):
    """The deny list is too old, and this card has spent what it may without one; look at the network."""


class UnknownServiceError(InputError):
    """The town takes no reports of this service; use one of its catalogue."""
