"""The devices of a kiosk as the rest of it knows them: opened, closed, asked how they are.

Rules:
- Every call is bounded in time. A device that does not answer has failed.
- A device says in one sentence what whoever serves the machine has to do, and in another, for citizens, what
  cannot be done meanwhile.
- A device that comes back is used again; nobody has to restart anything.
- No device keeps what passed through it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Event
from typing import Final, Protocol, TypeVar

from card_reader.transport.port import Transport
from kiosk_app.core.words import Words
from shared.model.errors import TransientError

T = TypeVar("T")


class NoCardHeldError(TransientError):
    """No card was held to the reader; hold it there, and begin again."""


class MuteCardError(TransientError):
    """Something lies on the reader that does not answer as one card; hold a single card there."""


class State(StrEnum):
    """How a device is."""

    WORKS = "works"
    SOON = "soon"  #: it works, and wants a hand soon
    BROKEN = "broken"
    AWAY = "away"  #: nothing is plugged in


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a device is at this moment.

    Attributes:
        state: works, or why not.
        remedy: for whoever serves the machine: what is wrong and what to do; empty where nothing is.
        why: for citizens; None while it can be used.
    """

    state: State
    remedy: str = ""
    why: Words | None = None

    @property
    def is_usable(self) -> bool:
        """Whether it can be used now."""
        return self.state in {State.WORKS, State.SOON}


WORKS: Final = Health(state=State.WORKS)


class Device(Protocol):
    """A device."""

    def open(self) -> None:
        """Take it into use.

        Raises:
            DeviceError: it is not there or does not answer; the sentence says what to do.
        """
        ...

    def close(self) -> None:
        """Give it back; again has no effect."""
        ...

    def health(self) -> Health:
        """Ask how it is; never raises."""
        ...


class Camera(Device, Protocol):
    """Takes photographs."""

    def take(self) -> bytes:
        """Return a photograph as JPEG; it never lies on a disk.

        Raises:
            DeviceError: there is none; the sentence says what to do.
        """
        ...


class TicketPrinter(Device, Protocol):
    """Prints tickets."""

    def print_ticket(self, ticket: bytes) -> None:
        """Print, and return when the ticket is on paper.

        Args:
            ticket: in the printer's own language.

        Raises:
            DeviceError: it is not on paper; the sentence says what to do.
        """
        ...


class CardReader(Device, Protocol):
    """Waits for a card, and lets somebody speak to it."""

    def serve(self, talk: Callable[[bytes, Transport], T], given_up: Event, wait_s: float) -> T:
        """Wait for a card and hold one talk with it; a card that lies there already has come.

        Args:
            talk: is given the card's number in the air, and the way to it; what it raises is raised here.
            given_up: nobody waits any more.
            wait_s: how long a card is waited for.

        Returns:
            What the talk returned.

        Raises:
            NoCardHeldError: none came in time, or nobody waited.
            MuteCardError: one came, and nothing could be said to it.
            DeviceError: the reader is gone; the sentence says what to do.
        """
        ...


class Jack(Device, Protocol):
    """The socket for a headset."""

    def is_plugged(self) -> bool:
        """Tell whether a headset is in it now; False where nobody knows."""
        ...
