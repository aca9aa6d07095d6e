"""What the ledger refuses to book. All are input errors: the event goes to quarantine, for a clerk."""

from shared.model.errors import ConflictError, InputError


class PaymentConflictError(ConflictError):
    """An event id that is booked already came again with another content."""


class UnknownPaymentError(InputError):
    """A reversal names a payment that this device never reported."""


class NotReversibleError(InputError):
    """A reversal names an entry that moved nothing, is a reversal itself, or is reversed already."""
