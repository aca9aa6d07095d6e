"""What the register of responses refuses."""

from shared.model.errors import InputError


class NobodyRespondedError(InputError):
    """A consent or a subscription names nobody."""
