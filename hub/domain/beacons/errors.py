"""What the registers of places and notices refuse."""

from shared.model.errors import ConflictError, InputError


class PlaceUnknownError(InputError):
    """There is no such place; `ventanilla hub places list` has them."""


class PlaceTakenError(ConflictError):
    """There is a place of this code already; choose another code."""


class NoBeaconError(InputError):
    """Only a beacon stands at a place; enrol it with `ventanilla hub enrol DEVICE --kind beacon`."""


class NoticeUnknownError(InputError):
    """There is no such notice in this state; `ventanilla hub notices list` has them."""


class NoticeStateError(ConflictError):
    """This notice is not waiting for approval any more; look at it, and draft a correction."""


class SamePersonError(InputError):
    """Another person than who drafted a notice approves it; ask a colleague, or see `notices_approval`."""


class InterestUnknownError(InputError):
    """The town's list has no such interest; `ventanilla hub interests list` has them."""
