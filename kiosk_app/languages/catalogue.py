"""The kiosk's sentences in a language, as translators left them in `ca.po` and `en.po` beside this file.

    catalogue(Language.CA)["¿Qué necesita?"]          # "Què necessita?"

Rules:
- The Spanish sentence is the key; Spanish has no file.
- The files are read as they are: nothing is compiled that could be older than they.
- A sentence that lacks its translation is not here; who looks for it shows the Spanish one.

Source: GNU gettext manual, "The Format of PO Files".
"""

from collections.abc import Mapping
from importlib.resources import files
from io import BytesIO
from string import Formatter

from babel.messages.pofile import read_po

from shared.model.wording import Language


def catalogue(language: Language) -> Mapping[str, str]:
    """Return every translation into a language, by its Spanish sentence."""
    if language is Language.ES:
        return {}
    with BytesIO(files("kiosk_app.languages").joinpath(f"{language}.po").read_bytes()) as file:
        return {
            key: text
            for message in read_po(file, locale=str(language))
            if isinstance(key := message.id, str) and isinstance(text := message.string, str) and key and text
        }


def parts_of(text: str) -> frozenset[str] | None:
    """Return the names of a sentence's parts; None where its braces are not a part's."""
    try:
        fields = [field for field in Formatter().parse(text) if field[1] is not None]
    except ValueError:
        return None
    plain = all(name and name.isidentifier() and not spec and not how for _, name, spec, how in fields)
    return frozenset(name for _, name, _, _ in fields if name) if plain else None
