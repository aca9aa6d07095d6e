"""Cards that ride nowhere: up to a hundred thousand of them, found in a few millionths of a second.

    denied = DeniedCards.from_bytes(body)
    denied.names(card_id, issue)

     0  4  "VTDC"                       8   4  how many cards there are: n
     4  1  form: 1                     12  8n  their ids, sorted
     5  3  room to grow           12 + 8n   n  their issues, in the same order

Rules:
- A card is named with its issue: whoever replaces a lost card is not locked out with it.
- A list is one value. A new one takes the old one's place by one assignment, and delays nobody.
- Who makes a list sorts it (`of`); who reads one looks at its head and its length, as a signature stands
  behind the rest. In a list that is not sorted a card may be missed; no card is found that is not in it.
"""

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final, Self

from card_reader.citizen_card.errors import CardDataError
from card_reader.citizen_card.holder import CARD_ID_BYTES

CARDS_MAX: Final = 100_000
"""Some nine hundred kilobytes. A town with more blocked cards than this changes its key."""
FORM: Final = 1
ISSUES: Final = 256
_MARK: Final = b"VTDC"
_HEAD: Final = struct.Struct(">4sB3sI")
_WRONG: Final = "this is no list of denied cards; publish it again"


class DeniedCards:
    """A list of cards; `names` implements `core.decision.Denied`.

    Args:
        ids: of the cards, as numbers, sorted; a card that is denied in two issues stands there twice.
        issues: of each, a byte.
    """

    __slots__ = ("_ids", "_issues")

    def __init__(self, ids: "array[int]", issues: bytes) -> None:
        self._ids = ids
        self._issues = issues

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Take a list as it was published.

        Raises:
            CardDataError: it is none, or not for this version, or too long.
        """
        if len(body) < _HEAD.size:
            raise CardDataError(_WRONG)
        mark, form, _, count = _HEAD.unpack_from(body)
        end = _HEAD.size + count * CARD_ID_BYTES
        if mark != _MARK or form != FORM or count > CARDS_MAX or len(body) != end + count:
            raise CardDataError(_WRONG)
        ids = array("Q", body[_HEAD.size : end])
        return cls(_turned(ids), body[end:])

    @classmethod
    def of(cls, cards: Iterable[tuple[bytes, int]]) -> Self:
        """Make a list.

        Args:
            cards: card id (8 bytes) and issue of each, in any order.

        Raises:
            CardDataError: an id has another length, an issue is no byte, or there are too many.
        """
        entries: set[tuple[int, int]] = set()
        for card_id, issue in cards:
            if len(card_id) != CARD_ID_BYTES or issue not in range(ISSUES):
                raise CardDataError("a card is denied by its id of 8 bytes and its issue; correct the entry")
            entries.add((int.from_bytes(card_id, "big"), issue))
        if len(entries) > CARDS_MAX:
            raise CardDataError(f"at most {CARDS_MAX} cards are denied; change the key instead")
        ordered = sorted(entries)
        return cls(array("Q", (card for card, _ in ordered)), bytes(issue for _, issue in ordered))

    def to_bytes(self) -> bytes:
        """The list as it is published."""
        head = _HEAD.pack(_MARK, FORM, bytes(3), len(self))
        return head + _turned(self._ids[:]).tobytes() + self._issues

    def __len__(self) -> int:
        return len(self._ids)

    def names(self, card_id: bytes, issue: int) -> bool:
        """Tell whether a card is on it."""
        wanted = int.from_bytes(card_id, "big")
        place = bisect_left(self._ids, wanted)
        while place < len(self._ids) and self._ids[place] == wanted:
            if self._issues[place] == issue:
                return True
            place += 1
        return False


def _turned(ids: "array[int]") -> "array[int]":
    """Between the order of the bytes in a list, big-endian, and this machine's; in place."""
    if sys.byteorder == "little":
        ids.byteswap()
    return ids
