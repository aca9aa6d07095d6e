"""How keys, codes and numbers sound: every key has a name, what would be read as a word or a sum is spelled.

Source: EN 301 549 5.1.3.15 and 5.1.3.16: what was typed and what a receipt says can be understood by ear.
"""

import re
from collections.abc import Mapping
from typing import Final

from kiosk_app.core.keyboard import ERASE, LETTERS, SHIFT, SIGNS, SPACE
from kiosk_app.core.words import Words, say, written

_KEYS: Final[Mapping[str, Words]] = {
    SHIFT: say("Mayúscula"),
    ERASE: say("Borrar"),
    SPACE: say("Espacio"),
    SIGNS: say("Números y signos"),
    LETTERS: say("Letras"),
    "´": say("Acento agudo"),
    "`": say("Acento grave"),
    "¨": say("Diéresis"),
    "l·l": say("Ele geminada"),
    ".": say("Punto"),
    ",": say("Coma"),
    "-": say("Guion"),
    "+": say("Signo más"),
    "@": say("Arroba"),
    "/": say("Barra"),
    ":": say("Dos puntos"),
    "(": say("Abrir paréntesis"),
    ")": say("Cerrar paréntesis"),
    "€": say("Euro"),
    "&": say("Signo y"),
    "¿": say("Abrir pregunta"),
    "?": say("Cerrar pregunta"),
    "¡": say("Abrir exclamación"),
    "!": say("Cerrar exclamación"),
    "·": say("Punto volado"),
    "º": say("O volada"),
    "ª": say("A volada"),
    "'": say("Apóstrofo"),
    '"': say("Comillas"),
}
_DIGITS_IN_GROUP: Final = 3
_SPELLED: Final = re.compile(r"\+?[\d ]{5,}|[0-9A-Z]{4}([- ][0-9A-Z]{4})+")
"""A telephone number, or a code in groups of four."""


def key_name(key: str) -> Words:
    """Return how a key sounds: its name, or what it writes."""
    return _KEYS.get(key) or written(key)


def spelled(code: str) -> str:
    """Return a code or a number as it is spelled: sign by sign, with a pause after each group."""
    groups = code.replace("-", " ").split()
    if len(groups) == 1 and groups[0].isdecimal():
        digits = groups[0]
        starts = range(0, len(digits), _DIGITS_IN_GROUP)
        groups = [digits[start : start + _DIGITS_IN_GROUP] for start in starts]
    return ". ".join(", ".join(group) for group in groups)


def plainly(words: Words) -> Words:
    """Return words as they are read aloud: a text that is a number or a code is spelled."""
    match words:
        case Words(key="{text}", parts=(("text", str(text)),)) if _SPELLED.fullmatch(text.strip()):
            return written(spelled(text))
        case _:
            return words
