"""The deny list: cards that are not to be taken, by their pseudonyms (bundle `deny-list`), in two forms.

    {"subjects":["5f1d…","91c2…"]}              read by people; some twenty thousand cards

     0  4  "VTDL"                                packed; a hundred thousand cards
     4  1  form: 1
     5  3  room to grow
     8  4  how many cards there are: n
    12  7n the first seven bytes of each pseudonym, sorted

A card stands here as it stands on every line: its own number is never given out. A list names every card that
is denied; one that is not named is taken.

Rules:
- A pseudonym is 16 bytes that look drawn at random; seven of them tell cards apart: that a card which is not
  denied begins as one of 100,000 that are happens once in 700 billion cards. Nobody can look for such a card:
  its pseudonym needs the fleet's key, and its id was drawn when it was issued.
- A packed list is used as it lies, and nothing is made of it: a new one takes the old one's place by one
  assignment, and delays nobody.
- Who packs a list sorts it, and the hub looks before it signs (`is_sorted`). A device looks at its head.
"""

import struct
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

from shared.model import fields
from shared.model.errors import InputError

SUBJECT_LENGTH_MAX: Final = 128
SUBJECTS_MAX: Final = 100_000
"""A town with more denied cards than this changes its key."""
MARK: Final = b"VTDL"
FORM: Final = 1
PSEUDONYM_BYTES: Final = 16
_KEPT_BYTES: Final = 7
_HEAD: Final = struct.Struct(">4sB3sI")
_WRONG: Final = "this is no packed list of denied cards; publish it again"


class PackedSubjects:
    """Pseudonyms of a packed list.

    Args:
        body: the list as it was published.

    Raises:
        InputError: it is none, or not for this version, or too long.
    """

    __slots__ = ("_body", "_count")

    def __init__(self, body: bytes) -> None:
        if len(body) < _HEAD.size:
            raise InputError(_WRONG)
        mark, form, _, self._count = _HEAD.unpack_from(body)
        length = _HEAD.size + self._count * _KEPT_BYTES
        if mark != MARK or form != FORM or self._count > SUBJECTS_MAX or len(body) != length:
            raise InputError(_WRONG)
        self._body = body

    @classmethod
    def of(cls, subjects: Iterable[str]) -> Self:
        """Pack pseudonyms, given in any order.

        Raises:
            InputError: one is no pseudonym of 16 bytes in hexadecimal, or there are too many.
        """
        kept: set[bytes] = set()
        for subject in subjects:
            start = _start_of(subject)
            if start is None:
                raise InputError("a pseudonym is 16 bytes in hexadecimal; correct the list")
            kept.add(start)
        if len(kept) > SUBJECTS_MAX:
            raise InputError(f"at most {SUBJECTS_MAX} cards are denied; change the cards' key instead")
        return cls(_HEAD.pack(MARK, FORM, bytes(3), len(kept)) + b"".join(sorted(kept)))

    def to_bytes(self) -> bytes:
        """The list as it is published."""
        return self._body

    def is_sorted(self) -> bool:
        """Tell whether each entry is above the one before: in another list a card may be missed."""
        return all(one < next_one for one, next_one in pairwise(map(self._at, range(self._count))))

    def __len__(self) -> int:
        return self._count

    def __contains__(self, subject: object) -> bool:
        wanted = _start_of(subject) if isinstance(subject, str) else None
        if wanted is None:
            return False
        place = bisect_left(range(self._count), wanted, key=self._at)
        return place < self._count and self._at(place) == wanted

    def _at(self, number: int) -> bytes:
        start = _HEAD.size + number * _KEPT_BYTES
        return self._body[start : start + _KEPT_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyList:
    """Cards that are not to be taken.

    Attributes:
        subjects: their pseudonyms.
        extra: what this version does not know.
    """

    subjects: frozenset[str] | PackedSubjects
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the bundle's body.

        Raises:
            InputError: the list is missing, or an entry is no pseudonym; the sentence names its place.
        """
        return cls(
            subjects=frozenset(fields.texts(data, "subjects", SUBJECTS_MAX, SUBJECT_LENGTH_MAX)),
            extra=fields.unknown(data, _FIELDS),
        )

    @classmethod
    def from_packed(cls, body: bytes) -> Self:
        """Reads the bundle's body where it is packed: it begins with `MARK`.

        Raises:
            InputError: it is no such list.
        """
        return cls(subjects=PackedSubjects(body), extra={})

    def packed(self) -> bytes:
        """The bundle's body, packed.

        Raises:
            InputError: an entry is no pseudonym of 16 bytes, there are too many, or more than entries.
        """
        if self.extra:
            raise InputError("a list that long says nothing but subjects; leave the rest away")
        subjects = self.subjects
        return (subjects if isinstance(subjects, PackedSubjects) else PackedSubjects.of(subjects)).to_bytes()

    def to_data(self) -> dict[str, object]:
        """The bundle's body in JSON, unknown fields included.

        Raises:
            InputError: it is packed: of its entries only the start is known.
        """
        if isinstance(self.subjects, PackedSubjects):
            raise InputError("a packed list cannot be written out; take the list that it was made of")
        return {"subjects": sorted(self.subjects), **self.extra}


def _start_of(subject: str) -> bytes | None:
    if len(subject) != 2 * PSEUDONYM_BYTES:
        return None
    try:
        return bytes.fromhex(subject)[:_KEPT_BYTES]
    except ValueError:
        return None


_FIELDS = frozenset({"subjects"})
