"""A text for people in the town's languages: always Spanish, Catalan and English where they were written.

Rule: what lacks a language is shown in Spanish. A screen is never empty, and no text is translated by guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from shared.model import fields


class Language(StrEnum):
    """The languages of a face."""

    ES = "es"
    CA = "ca"
    EN = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One text.

    Attributes:
        es: Spanish.
        ca: Catalan; None where nobody wrote it.
        en: English; the same.
        extra: further languages, which this version does not show.
    """

    es: str
    ca: str | None
    en: str | None
    extra: Mapping[str, object] = field(hash=False)

    @classmethod
    def from_data(cls, data: Mapping[str, object], length_max: int) -> Self:
        """Reads a text by language.

        Args:
            data: text by `es`, `ca`, `en`.
            length_max: characters of each.

        Raises:
            InputError: Spanish is missing, or one is no text, empty or too long.
        """
        return cls(
            es=fields.text(data, "es", length_max),
            ca=fields.text_or_none(data, "ca", length_max),
            en=fields.text_or_none(data, "en", length_max),
            extra=fields.unknown(data, _FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The text by language, unknown ones included."""
        return {"es": self.es, **fields.present(ca=self.ca, en=self.en), **self.extra}

    def in_language(self, language: Language) -> str:
        """The text in a language, in Spanish where that is missing."""
        found = {Language.ES: self.es, Language.CA: self.ca, Language.EN: self.en}[language]
        return self.es if found is None else found


def wording(data: Mapping[str, object], name: str, length_max: int) -> Wording:
    """The text `name` in its languages.

    Raises:
        InputError: it is missing, or a language of it is no such text.
    """
    return fields.nested(data, name, lambda inner: Wording.from_data(inner, length_max))


def wording_or_none(data: Mapping[str, object], name: str, length_max: int) -> Wording | None:
    """The same, or None where the field is absent or null.

    Raises:
        InputError: it is there and is no such text.
    """
    return None if data.get(name) is None else wording(data, name, length_max)


_FIELDS = frozenset(Language)
