"""What the owner's thread is asked to do. Everything it reacts to comes through one queue, in order."""

from collections.abc import Callable
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
    link: int = 0
    """Counts the links of that life: settings may ask for another one."""


@dataclass(frozen=True, slots=True, eq=False)
class Resume:
    """Go on with what was begun elsewhere, on the owner's thread."""

    act: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Stop:
    """End."""


Request = AskPlace | Append | AskStatus
Command = Request | FromLink | Resume | Stop
