"""What stands around the screen: camera and printer, as the machine needs them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from kiosk_app.core.draft import Ability
from kiosk_app.core.words import Words
from kiosk_app.devices.attendant import Attendant
from kiosk_app.devices.port import Camera, CardReader, TicketPrinter
from kiosk_app.machine.reasons import MISSING
from shared.adapters.photographs import fit_photograph
from shared.model.errors import DeviceError
from shared.model.event import EventType
from shared.model.wording import Language


class NotThereError(DeviceError):
    """This kiosk has no such part; it is not offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWanted:
    """What is printed for a citizen.

    Attributes:
        type: what was taken.
        reference: what the citizen takes home.
        proof: what the QR code holds; may be empty.
        language: of the citizen.
    """

    type: EventType
    reference: str
    proof: str
    language: Language = Language.ES


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

    def print_test(self) -> None:
        """Print a technician's test. Raises VentanillaError."""
        ...

    def health(self) -> Mapping[str, str]:
        """Return how its parts do, by name: `ok`, or what is to be done."""
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

    def print_test(self) -> None:
        """There is no printer."""
        raise NotThereError(NotThereError.__doc__)

    def health(self) -> Mapping[str, str]:
        """Nothing can break."""
        return {}


@dataclass(frozen=True, slots=True)
class Papers:
    """What is printed, written in the printer's own language.

    Attributes:
        ticket: for a citizen.
        test: for a technician.
    """

    ticket: Callable[[TicketWanted], bytes]
    test: Callable[[], bytes]


class AttendedEquipment:
    """Camera and printer, looked after by an attendant. Implements `Equipment`.

    Args:
        attendant: asks every device how it is.
        camera: None where there is none.
        printer: None where there is none.
        papers: writes what is printed.
        cards: None where no card can be read.

    Attributes:
        cards: the same.
    """

    def __init__(
        self,
        attendant: Attendant,
        camera: Camera | None,
        printer: TicketPrinter | None,
        papers: Papers,
        cards: CardReader | None = None,
    ) -> None:
        self.cards = cards
        self._attendant = attendant
        self._camera = camera
        self._printer = printer
        self._papers = papers

    def why_not(self, ability: Ability) -> Words | None:
        """Return why an ability is missing now; None where it works."""
        parts = {
            Ability.CAMERA: self._camera,
            Ability.PRINTER: self._printer,
            Ability.CARDS: self.cards,
        }
        is_there = parts[ability] is not None
        return self._attendant.closed().get(ability) if is_there else MISSING[ability]

    def take_photograph(self) -> bytes:
        """Take a photograph, upright and without metadata."""
        if self._camera is None:
            raise NotThereError(NotThereError.__doc__)
        try:
            return fit_photograph(self._camera.take()).jpeg
        except DeviceError:
            self._attendant.look_soon()
            raise

    def print_ticket(self, ticket: TicketWanted) -> None:
        """Print a ticket."""
        self._print(lambda: self._papers.ticket(ticket))

    def print_test(self) -> None:
        """Print a technician's test."""
        self._print(self._papers.test)

    def _print(self, write: Callable[[], bytes]) -> None:
        if self._printer is None:
            raise NotThereError(NotThereError.__doc__)
        try:
            self._printer.print_ticket(write())
        except DeviceError:
            self._attendant.look_soon()
            raise

    def health(self) -> Mapping[str, str]:
        """Return how every device was in the last round: `ok`, or what is to be done."""
        return {name: one.remedy or "ok" for name, one in self._attendant.health().items()}
