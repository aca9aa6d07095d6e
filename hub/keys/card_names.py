"""The pseudonym of a card: the name under which every line, the deny list and the books speak of it.

It is an HMAC under the fleet key, as terminals make it (`shared.edge.pseudonyms`): whoever has the key, the
hub and its devices, knows which card is meant; nobody else does.
"""

from collections.abc import Callable
from typing import Final

from shared.edge.pseudonyms import Pseudonyms

KIND: Final = "card"


def card_names(fleet_key: bytes) -> Callable[[bytes, int], str]:
    """Return what names cards.

    Args:
        fleet_key: of the town (`HubKeys.fleet`).

    Returns:
        A function of card id (8 bytes) and issue.
    """
    pseudonyms = Pseudonyms(fleet_key)
    return lambda card_id, issue: pseudonyms.of(KIND, f"{card_id.hex()}-{issue}")
