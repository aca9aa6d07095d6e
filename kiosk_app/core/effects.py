"""What the flow asks of the machine, and what it hears back.

Every question has a number of its own. An answer to a question of an earlier session, or one that was given
up, has no effect: nobody sees what was meant for the person before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.model.event import EventType
from shared.model.wording import Language

UNKNOWN: Final = "unknown"
"""The reason of a `Failed` after which nobody knows whether it took place."""
CARD: Final = "card"
"""What is asked of the hub through the reader; the machine waits for a card first."""
LOST: Final = "lost"
"""That a card is to be blocked whose number and PIN are told; sealed to the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is taken: an event without its number, time and photographs' bodies.

    Attributes:
        type: what happened.
        data: its own fields.
        photos: tokens of the photographs that go with it.
    """

    type: EventType
    data: Mapping[str, Any] = field(repr=False)
    photos: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TakePhoto:
    """Take a photograph; the answer is `PhotoTaken` or `Failed`."""

    number: int


@dataclass(frozen=True, slots=True)
class DropPhotos:
    """Forget photographs for good."""

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the hub; the answer is `Heard` or `Failed`.

    Attributes:
        number: of this question.
        what: `case` (by its code), `nearby` (open reports of a service around a place), `CARD` (what
            stands on the card that somebody holds to the reader) or `LOST`.
        about: the code, `lat,long,service_code`, the card's PIN, empty for none, or its number and PIN.
    """

    number: int
    what: str
    about: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Submit:
    """Seal it and put it into the outbox; the answer is `Taken` or `Failed`.

    Attributes:
        number: of this attempt.
        submission: what is taken.
        once: number of the first attempt: all attempts of one `once` give their event the same id, so that it
            counts once.
    """

    number: int
    submission: Submission
    once: int


@dataclass(frozen=True, slots=True)
class Print:
    """Print the receipt that is on the page; the answer is `Printed` or `Failed`.

    Attributes:
        number: of this question.
        language: of the citizen.
    """

    number: int
    language: Language = Language.ES


@dataclass(frozen=True, slots=True)
class Wipe:
    """Forget the session.

    Attributes:
        personal: somebody's own data was in it: this process is replaced, so that none of it is left.
    """

    personal: bool


Effect = TakePhoto | DropPhotos | Ask | Submit | Print | Wipe


@dataclass(frozen=True, slots=True)
class PhotoTaken:
    """A photograph is there."""

    number: int
    token: str


@dataclass(frozen=True, slots=True)
class Heard:
    """The hub answered.

    Attributes:
        answer: its members; a `picture` is a token whose body the machine holds, as of a photograph.
    """

    number: int
    answer: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """It is in the outbox, and will be done once.

    Attributes:
        reference: what the citizen takes home; empty where there is nothing to follow.
        proof: what the QR code holds; empty with it.
    """

    number: int
    reference: str
    proof: str


@dataclass(frozen=True, slots=True)
class Printed:
    """The receipt is on paper."""

    number: int


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be done.

    Attributes:
        reason: the key of a sentence for citizens that says why; or `UNKNOWN`, or what a task's `failure`
            knows.
    """

    number: int
    reason: str


Answer = PhotoTaken | Heard | Taken | Printed | Failed
