"""What only the API refuses."""

from shared.model.errors import CapacityError, InputError


class NoSuchThingError(InputError):
    """There is nothing under this name or number; list what there is, and take it from there."""


class TooManyQuestionsError(CapacityError):
    """This device has asked too much, or about too many wrong codes; ask again in some minutes."""


class TooManyPhonesError(CapacityError):
    """Too many phones and browsers ask at once; ask again in a minute."""


class BodyTooLongError(CapacityError):
    """The body is longer than this call takes; send less in one."""
