"""What can be wrong with a terminal's keys; no sentence here ever carries one."""

from shared.model.errors import DeviceError


class CardKeysError(DeviceError):
    """The card keys on this device cannot be opened; load them again."""


class NoCardKeyError(DeviceError):
    """This device holds no such card key; load the town's keys for it."""
