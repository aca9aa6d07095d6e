"""Cards of the town's register, for tests."""

from dataclasses import replace
from typing import Any

from hub.domain.cards.register import Card, CardState
from hub.keys.card_names import card_names
from tests.support.hub_database import NOW_MS

FLEET_KEY = bytes(range(32))
NAMES = card_names(FLEET_KEY)


def some_card(n: int = 1, issue: int = 1, **other: Any) -> Card:  # noqa: ANN401  fields of several types
    """The n-th card of a town."""
    card_id, uid = n.to_bytes(8, "big"), b"\x04" + n.to_bytes(6, "big")
    plain = Card(
        subject=NAMES(card_id, issue),
        card_id=card_id,
        issue=issue,
        uid=uid,
        category=0,
        is_anonymous=True,
        key_version=1,
        seal_version=1,
        state=CardState.ISSUED,
        issued_ms=NOW_MS,
        state_ms=NOW_MS,
        who="clerk",
    )
    return replace(plain, **other)
