"""What the register of cards refuses."""

from shared.model.errors import ConflictError, InputError


class CardUnknownError(InputError):
    """The register has no such card; look at its number and its issue."""


class CardTakenError(ConflictError):
    """The register has this card, or its number belongs to another one in use; read the card first."""


class CardStateError(ConflictError):
    """A card that was replaced or refunded stays so; issue another one."""
