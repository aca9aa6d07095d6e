"""Sentences for citizens, by their Spanish text; who shows or speaks them looks up the session's language.

    say("Aviso {number} de {count}", number=2, count=4)

Rules:
- The Spanish sentence is the key of its translations; what is put into it is named, so that a translation may
  use another order.
- A part may be a sentence of its own, or a text that the town wrote in its languages. What a citizen typed is
  a part, never a key.
- Where a number decides between two sentences, both are keys: each language of the face tells one from many.
"""

from dataclasses import dataclass
from datetime import date
from typing import Protocol, Union

from shared.model.money import Money
from shared.model.wording import Language, Wording


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, to be said as people say it, in the town's time.

    Attributes:
        at_ms: Unix epoch.
    """

    at_ms: int


Part = Union[str, int, date, Instant, Money, "Words", Wording]


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence that is not yet in any language.

    Attributes:
        key: the Spanish sentence, with the names of its parts in braces.
        parts: what is put into it, by name.
    """

    key: str
    parts: tuple[tuple[str, Part], ...] = ()

    def spoken_by(self, speaker: "Speaker") -> str:
        """Return the sentence in a language."""
        parts = {name: _plain(part, speaker) for name, part in self.parts}
        return speaker.translate(self.key).format_map(parts) if parts else speaker.translate(self.key)


class Speaker(Protocol):
    """Who knows a language: the session's."""

    @property
    def language(self) -> Language:
        """Which one."""
        ...

    def translate(self, key: str) -> str:
        """Return a key's translation, or the key where there is none."""
        ...

    def instant(self, at_ms: int) -> str:
        """Say a moment as people say it there: `sábado 21 de noviembre, 10:15`."""
        ...

    def day(self, day: date) -> str:
        """Say a day as people say it there: `21 de noviembre de 2026`."""
        ...


def say(key: str, **parts: Part) -> Words:
    """Make a sentence; the tool that collects what is to be translated looks for this name."""
    return Words(key, tuple(sorted(parts.items())))


def say_counted(count: int, one: str, many: str, **parts: Part) -> Words:
    """Make the sentence that a number asks for; `{count}` is that number.

    Args:
        count: how many.
        one: the sentence for one.
        many: the sentence for none, two and more.
        parts: what else is put into it.
    """
    return say(one if count == 1 else many, count=count, **parts)


def written(text: str | Wording) -> Words:
    """Put a name, what somebody typed or what the town wrote where a sentence is expected."""
    return Words("{text}", (("text", text),))


def _plain(part: Part, speaker: Speaker) -> str | int:
    match part:
        case Words():
            return part.spoken_by(speaker)
        case Wording():
            return part.in_language(speaker.language)
        case Instant(at_ms=at_ms):
            return speaker.instant(at_ms)
        case date():
            return speaker.day(part)
        case Money():
            return str(part)
        case _:
            return part
