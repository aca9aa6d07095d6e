"""What the register of service requests refuses."""

from shared.model.errors import ConflictError


class ReferenceTakenError(ConflictError):
    """Another event has given this reference to another report."""
