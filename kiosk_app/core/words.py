"""Sentences for citizens, by their Spanish text; who shows or speaks them looks up the session's language.

    say("Aviso {number} de {count}", number=2, count=4)

Rules:
- The Spanish sentence is the key of its translations; what is put into it is named, so that a translation may
  use another order.
- A part may be a sentence of its own, which is translated too. What a citizen typed is a part, never a key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Union

Part = Union[str, int, "Words"]


class Language(StrEnum):
    """What the kiosk speaks, by its tag of BCP 47."""

    SPANISH = "es"
    CATALAN = "ca"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence that is not yet in any language.

    Attributes:
        key: the Spanish sentence, with the names of its parts in braces.
        parts: what is put into it, by name.
    """

    key: str
    parts: tuple[tuple[str, Part], ...] = ()

    def in_language(self, translate: Callable[[str], str]) -> str:
        """Return the sentence in a language.

        Args:
            translate: gives a key's translation, or the key where there is none.
        """
        parts = {
            name: part.in_language(translate) if isinstance(part, Words) else part
            for name, part in self.parts
        }
        return translate(self.key).format_map(parts) if parts else translate(self.key)


def say(key: str, **parts: Part) -> Words:
    """Make a sentence; the tool that collects what is to be translated looks for this name."""
    return Words(key, tuple(sorted(parts.items())))


def typed(text: str) -> Words:
    """Put what somebody typed, or a name that has no translation, where a sentence is expected."""
    return Words("{text}", (("text", text),))
