"""What a citizen has said so far, and what the machine around can do now.

A draft is a value: each press makes a new one, and Back is the draft as it stands, one step earlier. It lives
in memory alone and ends with the session.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol, Self

from kiosk_app.core.words import Words
from shared.model.agenda import Item
from shared.model.catalogue import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something is.

    Attributes:
        lat: degrees.
        long: degrees.
        address: how people call it.
    """

    lat: float
    long: float
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Answers by the name of what was asked.

    Attributes:
        answers: as the steps keep them.
        photos: tokens of photographs.
    """

    answers: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    photos: tuple[str, ...] = ()

    def with_answer(self, name: str, value: object) -> Self:
        """Return a draft in which something is answered."""
        return replace(self, answers=MappingProxyType({**self.answers, name: value}))

    def text(self, name: str) -> str:
        """Return what was typed or chosen; nothing where that was not asked yet."""
        return str(self.answers.get(name, ""))


class Ability(StrEnum):
    """What a task may need of the machine."""

    REPORTS = "reports"  #: the lane of cases takes more
    CATALOGUE = "catalogue"  #: the town has said what can be reported
    NETWORK = "network"  #: the hub can be asked
    CAMERA = "camera"
    PRINTER = "printer"
    CARDS = "cards"  #: a card can be read


class Gazetteer(Protocol):
    """Streets and landmarks, on the machine itself."""

    def streets(self, text: str) -> Sequence[Place]:
        """Find addresses that begin as somebody types; the best first, a handful."""
        ...

    def landmarks(self) -> Sequence[Place]:
        """Places that everybody knows, those near this kiosk first."""
        ...

    def nearest(self, lat: float, long: float) -> str | None:
        """Name a position by the nearest door; None where none is near."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The machine and its town, as they are now.

    Attributes:
        here: where this kiosk stands.
        closed: why an ability is missing now, in a sentence for citizens; what is not in it works.
        services: what can be reported, in the order in which it is shown.
        announcements: agenda and notices that are current.
        gazetteer: streets and landmarks.
        age: how old what came from the hub is, in a sentence; None while it is fresh.
        office: that the counter is closed, and when it opens; None while it is open or nobody says.
    """

    here: Place
    closed: Mapping[Ability, Words]
    services: Sequence[Service]
    announcements: Sequence[Item]
    gazetteer: Gazetteer
    age: Words | None = None
    office: Words | None = None

    def why_not(self, needs: Sequence[Ability]) -> Words | None:
        """Return why something cannot be done now; None where it can."""
        return next((self.closed[need] for need in needs if need in self.closed), None)
