"""What can be wrong with what stands on a card."""

from shared.model.errors import InputError


class CardDataError(InputError):
    """What stands on the card is nothing that the town writes; have a clerk look at the card."""


class CardVersionError(InputError):
    """The card is of a later version than this terminal; update the terminal."""
