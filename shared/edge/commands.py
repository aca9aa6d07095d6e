"""What the owner's thread is asked to do. Everything it reacts to comes through one queue, in order."""

from concurrent.futures import Future
from dataclasses import dataclass

from shared.adapters.mqtt_link import LinkEvent
from shared.edge.seam import Place, SealedLine, Taken
from shared.edge.standing import Status
from shared.model.event import Stream


@dataclass(frozen=True, slots=True, eq=False)
class AskPlace:
    """Where does the next line of a stream stand?"""

    stream: Stream
    answer: Future[Place]


@dataclass(frozen=True, slots=True, eq=False)
class Append:
    """Store a line."""

    line: SealedLine
    answer: Future[Taken]


@dataclass(frozen=True, slots=True, eq=False)
class AskStatus:
    """How does the device stand?"""

    answer: Future[Status]


@dataclass(frozen=True, slots=True, eq=False)
class FromLink:
    """The link of one life tells something."""

    life: int
    event: LinkEvent


@dataclass(frozen=True, slots=True)
class Stop:
    """End."""


Request = AskPlace | Append | AskStatus
Command = Request | FromLink | Stop
