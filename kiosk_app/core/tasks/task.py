"""What every task is: a tile, questions, and an end: something taken, an answer, or something read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.effects import Submission
from kiosk_app.core.pages import Fact, Page
from kiosk_app.core.steps import Step
from kiosk_app.core.words import Words

CHANNEL: Final = "kiosk"
"""Where a citizen said it, in every event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A task on the home page.

    Attributes:
        id: of the task.
        words: what it does, as a verb.
        icon: a name of the icon set.
        needs: without one of these it cannot be begun, and says why.
    """

    id: str
    words: Words
    icon: str
    needs: tuple[Ability, ...] = ()


class Task(Protocol):
    """Something a citizen can do; a value without a state of its own. It ends in one of three ways."""

    @property
    def tile(self) -> Tile:
        """How it stands on the home page."""
        ...

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Return the questions, as far as they follow from the answers so far."""
        ...


@runtime_checkable
class Taking(Task, Protocol):
    """It ends with something taken, after a review and with a receipt."""

    @property
    def send(self) -> Words:
        """What the last press does."""
        ...

    @property
    def next(self) -> Words:
        """What happens with it, for the receipt."""
        ...

    def review(self, draft: Draft, around: Around) -> Sequence[Fact]:
        """Return what the citizen is asked to confirm."""
        ...

    def submission(self, draft: Draft, around: Around) -> Submission:
        """Return what is taken."""
        ...


@runtime_checkable
class Asking(Task, Protocol):
    """It ends with an answer of the hub."""

    @property
    def is_personal(self) -> bool:
        """Whether what is heard is somebody's own, whatever was typed."""
        ...

    @property
    def waiting(self) -> Page | None:
        """What is shown until the answer is there; None for the usual page."""
        ...

    def question(self, draft: Draft) -> tuple[str, str]:
        """Return what is asked, and about what; see `effects.Ask`."""
        ...

    def answer(self, answer: Mapping[str, Any], around: Around) -> Page:
        """Show what the hub said; a malformed answer is shown as none."""
        ...

    def onward(self, draft: Draft, answer: Mapping[str, Any], action: str) -> "tuple[AnyTask, Draft] | None":
        """Return the task that a press on the answer begins, and what is known for it already."""
        ...

    def failure(self, reason: str) -> Words:
        """Say what a failure means, and what to do."""
        ...


class Reading(Task, Protocol):
    """It ends when it was read: after its last question the one before comes again."""


AnyTask = Taking | Asking | Reading
