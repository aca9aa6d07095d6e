"""Translations: texts of a face that the town writes itself, by key (bundle `translations`).

    {"texts":{"home.title":{"es":"¿Qué necesita?","ca":"Què necessita?"}}}

A key that is not here has the face's own text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from shared.model import fields
from shared.model.errors import InputError
from shared.model.wording import Language, Wording, wording

KEYS_MAX = 5_000
KEY_LENGTH_MAX = 128
TEXT_LENGTH_MAX = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Translations:
    """Texts by key.

    Attributes:
        texts: each in its languages.
        extra: what this version does not know.
    """

    texts: Mapping[str, Wording]
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the bundle's body.

        Raises:
            InputError: a text is wrong, or its key too long; the sentence names the place.
        """
        return cls(
            texts=fields.nested(data, "texts", _texts),
            extra=fields.unknown(data, _FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The bundle's body, unknown fields included."""
        return {"texts": {key: text.to_data() for key, text in self.texts.items()}, **self.extra}

    def text(self, key: str, language: Language) -> str | None:
        """The text of a key, in Spanish where it lacks the language; None where the key is not here."""
        found = self.texts.get(key)
        return None if found is None else found.in_language(language)


def _texts(data: Mapping[str, object]) -> Mapping[str, Wording]:
    if len(data) > KEYS_MAX or not all(0 < len(key) <= KEY_LENGTH_MAX for key in data):
        raise InputError(
            f"keys are at most {KEYS_MAX} texts of 1 to {KEY_LENGTH_MAX} characters; correct the sender"
        )
    return {key: wording(data, key, TEXT_LENGTH_MAX) for key in data}


_FIELDS = frozenset({"texts"})
