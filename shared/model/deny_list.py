"""The deny list: cards that are not to be taken, by their pseudonyms (bundle `deny-list`).

    {"subjects":["5f1d…","91c2…"]}

A card stands here as it stands on every line: its own number is never given out. A list names every card that
is denied; one that is not named is taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from shared.model import fields

SUBJECT_LENGTH_MAX = 128
SUBJECTS_MAX = 50_000
"""More do not fit into a bundle; a longer list is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyList:
    """Cards that are not to be taken.

    Attributes:
        subjects: their pseudonyms.
        extra: what this version does not know.
    """

    subjects: frozenset[str]
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

    def to_data(self) -> dict[str, object]:
        """The bundle's body, unknown fields included."""
        return {"subjects": sorted(self.subjects), **self.extra}


_FIELDS = frozenset({"subjects"})
