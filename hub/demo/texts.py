"""Every text that the demonstration shows, in Spanish and English: one table, Spanish first.

Rules: what a viewer reads stands here and nowhere else; a text that lacks a language does not start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Language(StrEnum):
    """What the demonstration speaks."""

    ES = "es"
    EN = "en"


TEXTS: Final[Mapping[str, tuple[str, str]]] = {}


@dataclass(frozen=True, slots=True)
class Speech:
    """The table in one language."""

    language: Language

    def __call__(self, name: str, **values: object) -> str:
        """Return the text of that name with its values filled in."""
        return TEXTS[name][list(Language).index(self.language)].format(**values)
