"""The kiosk's own keyboard: which keys there are, and what a press makes of a text.

    rows = rows_of(Keyboard.TEXT, Language.ES, hand)
    hand = strike(hand, "´"); hand = strike(hand, "a")          # "á"

Rules:
- Accents compose: the accent first, then the letter, as on a typewriter of these languages. An accent before
  a letter that does not take it stands before it, as typed.
- The first letter of a text and of a sentence is a capital by itself; shift is for one letter.
- ñ, ç, l·l, ¿ and ¡ have keys of their own where the language has them.

Source: the layouts of Spanish and Catalan keyboards (ISO/IEC 9995); Unicode, canonical composition.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from kiosk_app.core.pages import Keyboard
from shared.model.wording import Language

SHIFT: Final = "shift"
ERASE: Final = "erase"
SPACE: Final = " "
SIGNS: Final = "signs"
LETTERS: Final = "letters"
_ACCENTS: Final[Mapping[str, str]] = {"´": "\u0301", "`": "\u0300", "¨": "\u0308"}
_SENTENCE_ENDS: Final = (". ", "? ", "! ", "\n")

_LETTERS: Final[Mapping[Language, Sequence[str]]] = {
    Language.ES: ("qwertyuiop", "asdfghjklñ", "zxcvbnm´¨"),
    Language.CA: ("qwertyuiop", "asdfghjklç", "zxcvbnm´`¨"),
    Language.EN: ("qwertyuiop", "asdfghjkl", "zxcvbnm'"),
}
_SIGNS: Final[Mapping[Language, Sequence[str]]] = {
    Language.ES: ("1234567890", "-/:()€@+&", "\"'¿?¡!ºª"),
    Language.CA: ("1234567890", "-/:()€@+&", "\"'?!·ºª"),
    Language.EN: ("1234567890", "-/:()€@+&", "\"'?!ºª"),
}
_DIGITS: Final = ("123", "456", "789")
_CODE: Final = ("23456789", "CDFHJKMN", "PRTVWXY")
_CATALAN_GEMINATE: Final = "l·l"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A text under somebody's hand.

    Attributes:
        text: what stands there.
        shift: the next letter is a capital.
        signs: digits and signs are shown in place of letters.
        accent: waits for its letter; empty for none.
    """

    text: str = ""
    shift: bool = False
    signs: bool = False
    accent: str = ""

    @property
    def is_capital(self) -> bool:
        """Whether the next letter is a capital: by shift, or because a sentence begins."""
        begins = not self.text.strip() or self.text.endswith(_SENTENCE_ENDS)
        return self.shift is not begins


def rows_of(keyboard: Keyboard, language: Language, hand: Hand) -> Sequence[Sequence[str]]:
    """Return the keys, row by row; a key is what it writes, or one of the named ones."""
    match keyboard:
        case Keyboard.PHONE:
            return [*map(tuple, _DIGITS), ("+", "0", ERASE)]
        case Keyboard.DIGITS:
            return [*map(tuple, _DIGITS), ("0", ERASE)]
        case Keyboard.CODE:
            return [*map(tuple, _CODE[:-1]), (*_CODE[-1], ERASE)]
        case Keyboard.TEXT:
            first, second, third = _SIGNS[language] if hand.signs else _LETTERS[language]
            if hand.is_capital and not hand.signs:
                first, second, third = first.upper(), second.upper(), third.upper()
            geminate = (_CATALAN_GEMINATE,) if language is Language.CA and not hand.signs else ()
            last = (LETTERS if hand.signs else SIGNS, ",", SPACE, ".", ERASE)
            return [tuple(first), (*second, *geminate), (SHIFT, *third), last]


def strike(hand: Hand, key: str, length_max: int) -> Hand:
    """Return what a press makes of a text.

    Args:
        hand: before.
        key: one of `rows_of`, or any text at all where a real keyboard is attached.
        length_max: characters; what does not fit has no effect.
    """
    match key:
        case "shift":
            return replace(hand, shift=not hand.shift)
        case "signs" | "letters":
            return replace(hand, signs=key == SIGNS)
        case "erase":
            return replace(hand, accent="") if hand.accent else replace(hand, text=hand.text[:-1])
        case _ if key in _ACCENTS and not hand.accent:
            return replace(hand, accent=key)
        case _:
            return _write(hand, key, length_max)


def _write(hand: Hand, key: str, length_max: int) -> Hand:
    written = _composed(hand.accent, key)
    if len(hand.text) + len(written) > length_max:
        return hand
    return replace(hand, text=hand.text + written, shift=False, accent="", signs=hand.signs and key != SPACE)


def _composed(accent: str, key: str) -> str:
    """Put an accent on a letter; beside it where there is no such letter in these languages."""
    if not accent:
        return key
    letter = unicodedata.normalize("NFC", key + _ACCENTS[accent])
    return letter if len(letter) == 1 and letter.casefold() in "áéíóúàèìòùïüöë" else accent + key
