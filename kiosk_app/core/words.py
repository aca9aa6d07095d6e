"""Sentences for citizens, by their Spanish text; who shows or speaks them looks up the session's language.

    say("Aviso {number} de {count}", number=2, count=4)

Rules:
- The Spanish sentence is the key of its translations; what is put into it is named, so that a translation may
  use another order.
- A part may be a sentence of its own, or a text that the town wrote in its languages. What a citizen typed is
  a part, never a key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Union

from shared.model.wording import Language, Wording

Part = Union[str, int, "Words", Wording]


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence that is not yet in any language.

    Attributes:
        key: the Spanish sentence, with the names of its parts in braces.
        parts: what is put into it, by name.
    """

    key: str
    parts: tuple[tuple[str, Part], ...] = ()

    def in_language(self, language: Language, translate: Callable[[str], str]) -> str:
        """Return the sentence in a language.

        Args:
            language: the session's.
            translate: gives a key's translation into it, or the key where there is none.
        """
        parts = {name: _plain(part, language, translate) for name, part in self.parts}
        return translate(self.key).format_map(parts) if parts else translate(self.key)


def say(key: str, **parts: Part) -> Words:
    """Make a sentence; the tool that collects what is to be translated looks for this name."""
    return Words(key, tuple(sorted(parts.items())))


def written(text: str | Wording) -> Words:
    """Put a name, what somebody typed or what the town wrote where a sentence is expected."""
    return Words("{text}", (("text", text),))


def _plain(part: Part, language: Language, translate: Callable[[str], str]) -> str | int:
    match part:
        case Words():
            return part.in_language(language, translate)
        case Wording():
            return part.in_language(language)
        case _:
            return part
