"""The kiosk's sentences in a language, as translators left them in `ca.po` and `en.po` beside this file.

    catalogue(Language.CA)["¿Qué necesita?"]          # "Què necessita?"

Rules:
- The Spanish sentence is the key; Spanish has no file.
- The files are read as they are: nothing is compiled that could be older. Of the format is read what
  our own tool writes: one sentence, one translation.
- A sentence that lacks its translation is not here; who looks for it shows the Spanish one.

Source: GNU gettext manual, "The Format of PO Files".
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from string import Formatter
from typing import Final

from shared.model.wording import Language

_KEYWORDS: Final = ("msgid ", "msgstr ")


def catalogue(language: Language) -> Mapping[str, str]:
    """Return every translation into a language, by its Spanish sentence."""
    if language is Language.ES:
        return {}
    text = files("kiosk_app.languages").joinpath(f"{language}.po").read_text(encoding="utf-8")
    return {key: translation for key, translation in _pairs(text) if key and translation}


def parts_of(text: str) -> frozenset[str] | None:
    """Return the names of a sentence's parts; None where its braces are not a part's."""
    try:
        fields = [field for field in Formatter().parse(text) if field[1] is not None]
    except ValueError:
        return None
    plain = all(name and name.isidentifier() and not spec and not how for _, name, spec, how in fields)
    return frozenset(name for _, name, _, _ in fields if name) if plain else None


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Give sentences and translations; each stands in quotes on one line or on several."""
    key, strings = "", [""]
    for line in text.splitlines():
        if line.startswith(_KEYWORDS[0]):
            yield key, strings[-1]
            strings = [json.loads(line.removeprefix(_KEYWORDS[0]))]
        elif line.startswith(_KEYWORDS[1]):
            key, strings = strings[-1], [json.loads(line.removeprefix(_KEYWORDS[1]))]
        elif line.startswith('"'):
            strings[-1] += json.loads(line)
    yield key, strings[-1]
