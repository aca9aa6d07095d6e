"""What stands around the screen: camera and printer, as the machine needs them."""

from dataclasses import dataclass
from typing import Protocol

from kiosk_app.core.draft import Ability
from kiosk_app.core.words import Words
from kiosk_app.machine.reasons import MISSING
from shared.model.errors import DeviceError
from shared.model.event import EventType


class NotThereError(DeviceError):
    """This kiosk has no such part; it is not offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWanted:
    """What is printed for a citizen.

    Attributes:
        type: what was taken.
        reference: what the citizen takes home.
        proof: what the QR code holds; may be empty.
    """

    type: EventType
    reference: str
    proof: str


class Equipment(Protocol):
    """Camera and printer."""

    def why_not(self, ability: Ability) -> Words | None:
        """Return why an ability is missing now, in a sentence for citizens; None where it works."""
        ...

    def take_photograph(self) -> bytes:
        """Take a photograph; returns a JPEG, upright and without metadata. Raises VentanillaError."""
        ...

    def print_ticket(self, ticket: TicketWanted) -> None:
        """Print a ticket. Raises VentanillaError."""
        ...


class NoEquipment:
    """A kiosk with a screen and nothing else. Implements `Equipment`."""

    def why_not(self, ability: Ability) -> Words | None:
        """Nothing is there."""
        return MISSING[ability]

    def take_photograph(self) -> bytes:
        """There is no camera."""
        raise NotThereError(NotThereError.__doc__)

    def print_ticket(self, ticket: TicketWanted) -> None:  # noqa: ARG002 - of the port
        """There is no printer."""
        raise NotThereError(NotThereError.__doc__)
