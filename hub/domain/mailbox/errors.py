"""What the mailbox refuses."""

from shared.model.errors import ConflictError


class MailReferenceTakenError(ConflictError):
    """Another event has given this reference to something else."""
