"""What only the API refuses."""

from shared.model.errors import CapacityError, InputError


class NoSuchThingError(InputError):
    """There is nothing under this name or number; list what there is, and take it from there."""


class BodyTooLongError(CapacityError):
    """The body is longer than this call takes; send less in one."""
