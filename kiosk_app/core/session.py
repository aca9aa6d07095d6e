"""One citizen's time at the kiosk: where it is, what was said, how it is shown, how long nobody came.

A session is a value. It begins empty and ends forgotten; only `Flow` makes new ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kiosk_app.core.draft import Draft
from kiosk_app.core.effects import Submit, Taken
from kiosk_app.core.tasks.task import AnyTask, Asking, Taking
from kiosk_app.core.words import Words
from shared.model.wording import Language

LOUDNESS_USUAL: Final = 3
LOUDNESS_MAX: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the kiosk waits.

    Attributes:
        idle_ms: without a touch, before it asks whether somebody is there.
        warning_ms: that it then waits; EN 301 549 wants twenty seconds at least.
        receipt_ms: that a receipt stays.
        sending_ms: for the disk, before it says that it does not know.
        factor: by how much a citizen who asked for more time has more.
    """

    idle_ms: int = 60_000
    warning_ms: int = 30_000
    receipt_ms: int = 60_000
    sending_ms: int = 15_000
    factor: int = 3


@dataclass(frozen=True, slots=True)
class Attract:
    """Nobody is there."""


@dataclass(frozen=True, slots=True)
class Languages:
    """Somebody is, and chooses a language of those that are offered."""

    offered: tuple[Language, ...]


@dataclass(frozen=True, slots=True)
class Home:
    """What can be done; `more` is the page of what does not fit on the first."""

    more: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a task, by the name of its step.

    Attributes:
        task: whose question it is.
        step: the name of its step.
        answered: the steps that were, where something is changed from the review; otherwise none.
    """

    task: AnyTask
    step: str
    answered: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Review:
    """Everything that was said, before it is sent."""

    task: Taking


@dataclass(frozen=True, slots=True)
class Sending:
    """It is being taken, since `since_ms`."""

    task: Taking
    submit: Submit
    since_ms: int


@dataclass(frozen=True, slots=True)
class Unsure:
    """Nobody knows whether it was taken. The same may be tried again: it counts once."""

    task: Taking
    submit: Submit


@dataclass(frozen=True, slots=True)
class Receipt:
    """It was taken; `printed` says whether it is on paper, None while nobody asked for that."""

    task: Taking
    taken: Taken
    printed: bool | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The hub is asked; `step` is the question from which it was."""

    task: Asking
    step: str


@dataclass(frozen=True, slots=True)
class Told:
    """The hub answered."""

    task: Asking
    answer: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Somebody wants to leave a task; `before` is where they were."""

    before: Question | Review


Moment = (
    Attract | Languages | Home | Question | Review | Sending | Unsure | Receipt | Waiting | Told | Leaving
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comfort:
    """How a citizen wants it.

    Attributes:
        language: of everything that is shown and spoken.
        speech: pages are read aloud.
        contrast: high contrast.
        large: large text.
        reach: everything in the lower half.
        more_time: every wait is longer.
        loudness: of speech, from 1 to `LOUDNESS_MAX`.
    """

    language: Language = Language.ES
    speech: bool = False
    contrast: bool = False
    large: bool = False
    reach: bool = False
    more_time: bool = False
    loudness: int = LOUDNESS_USUAL

    @property
    def is_slow(self) -> bool:
        """Whether every wait is longer: somebody asked for it, or a page has to be heard to its end."""
        return self.more_time or self.speech


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One citizen's time at the kiosk.

    Attributes:
        moment: where it is.
        draft: what was said so far.
        comfort: how it is shown and spoken.
        touched_ms: the last sign of somebody.
        question: the number of what the machine is asked; 0 for nothing.
        error: what has to be mended.
        personal: something of somebody's own was given.
    """

    moment: Moment = field(default_factory=Attract)
    draft: Draft = field(default_factory=Draft)
    comfort: Comfort = field(default_factory=Comfort)
    touched_ms: int = 0
    question: int = 0
    error: Words | None = None
    personal: bool = False

    def left_ms(self, patience: Patience, now_ms: int) -> int | None:
        """Return how long until the session ends by itself; None while nobody need be asked."""
        if isinstance(self.moment, Attract | Sending):
            return None
        factor = patience.factor if self.comfort.is_slow else 1
        idle_ms = patience.receipt_ms if isinstance(self.moment, Receipt) else patience.idle_ms
        warning_ms = patience.warning_ms * factor
        left_ms = self.touched_ms + idle_ms * factor + warning_ms - now_ms
        return left_ms if left_ms <= warning_ms else None
