"""A card as the town's register knows it: its names, its keys' versions, its state.

A card has three names. Its *number* is what it says in the air, and what its keys are made from. Its *id*
with its *issue* stands in its holder file and on the deny list. Its *subject* is the pseudonym under which
every line and the books name it. The register is the only place where the three stand together.

Rules:
- A card is in the register before it is written: a terminal never meets one that the town does not know.
- `replaced` and `refunded` are for ever; a blocked card may be unblocked.
- Whose card it is does not stand here: only whether it is somebody's.
"""

from dataclasses import dataclass
from enum import StrEnum

from hub.domain.cards.errors import CardStateError


class CardState(StrEnum):
    """How a card stands."""

    ISSUED = "issued"
    BLOCKED = "blocked"
    """It rides nowhere until it is unblocked."""
    REPLACED = "replaced"
    """Another issue of it is in use."""
    REFUNDED = "refunded"
    """Its money was given back."""


FINAL = frozenset({CardState.REPLACED, CardState.REFUNDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card.

    Attributes:
        subject: its pseudonym.
        card_id: drawn at issue, 8 bytes.
        issue: counts its replacements, 0 to 255.
        uid: its number in the air, 7 bytes.
        category: of the rider; 0 is everybody.
        is_anonymous: it is nobody's in particular.
        key_version: of the town's keys, which its application holds.
        seal_version: of the key with which it signs; that one is never changed on a card.
        state: how it stands.
        issued_ms: when it came into the register, Unix epoch.
        state_ms: when it came into its state.
        who: by whom.
    """

    subject: str
    card_id: bytes
    issue: int
    uid: bytes
    category: int
    is_anonymous: bool
    key_version: int
    seal_version: int
    state: CardState
    issued_ms: int
    state_ms: int
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardChange:
    """What was done with a card in the register.

    Attributes:
        state: how it stood afterwards.
        key_version: of its keys afterwards.
        why: in the clerk's words, which name nobody.
        who: by whom.
        at_ms: when, Unix epoch.
    """

    state: CardState
    key_version: int
    why: str
    who: str
    at_ms: int


def check_step(before: CardState, after: CardState) -> None:
    """Make sure that a card may come from one state into another.

    Raises:
        CardStateError: the one it is in is for ever.
    """
    if before in FINAL and after is not before:
        raise CardStateError(CardStateError.__doc__)
