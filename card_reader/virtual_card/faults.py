"""A field in which a virtual card is held, with everything that happens to cards: torn, mute, slow, forged.

    field = Field(card)
    field.plan = Plan(tear_at=8, after=True)      # the eighth command is carried out, its answer is lost
    field.transmit(command)                       # None: nothing came back

A plan is for one presentation: who brings the card again holds it steadily, unless there is a new plan.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What goes wrong, by the number of the command; 0 is never.

    Attributes:
        tear_at: the card leaves the field.
        after: having carried it out; its answer is lost.
        mute_at: the card says nothing from here on, and stays.
        wrong_mac_at: the answer is changed on its way.
        replay_at: the answer is the one before.
        slow_s: each answer takes this long.
    """

    tear_at: int = 0
    after: bool = False
    mute_at: int = 0
    wrong_mac_at: int = 0
    replay_at: int = 0
    slow_s: float = 0.0


class Holdable(Protocol):
    """A card of any kind."""

    def power(self, *, on: bool) -> None:
        """Bring it into the field or take it out."""
        ...

    def transmit(self, command: bytes) -> bytes:
        """Answer a command."""
        ...


class Field:
    """Where a card is held.

    Args:
        card: which one.
        wait: lets so many seconds pass.

    Attributes:
        card: the same; another one may be put in its place.
        plan: what goes wrong with it.
        count: of commands in this presentation.
        is_torn: the card left this presentation.
    """

    def __init__(self, card: Holdable, wait: Callable[[float], None]) -> None:
        self.card = card
        self.plan = Plan()
        self._wait = wait
        self.present(Plan())

    def present(self, plan: Plan) -> None:
        """Bring the card into the field."""
        self.plan, self.count, self.is_torn, self._before = plan, 0, False, b""
        self.card.power(on=True)

    @property
    def is_mute(self) -> bool:
        """Whether the card says nothing any more."""
        return 0 < self.plan.mute_at <= self.count

    def transmit(self, command: bytes) -> bytes | None:
        """Give a command to the card; None where no answer comes."""
        self.count += 1
        plan = self.plan
        if self.is_torn or self.is_mute:
            return None
        if self.count == plan.tear_at and not plan.after:
            return self._torn()
        answer = self.card.transmit(command)
        if self.count == plan.tear_at:
            return self._torn()
        if plan.slow_s:
            self._wait(plan.slow_s)
        if self.count == plan.wrong_mac_at and len(answer) > 2:
            answer = bytes([answer[0] ^ 1]) + answer[1:]
        if self.count == plan.replay_at:
            answer = self._before or answer
        self._before = answer
        return answer

    def _torn(self) -> None:
        self.is_torn = True
        self.card.power(on=False)
