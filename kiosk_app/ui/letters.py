"""From a text to lines that fit a place. How wide letters are is asked of a ruler."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kiosk_app.ui.scene import ELLIPSIS, Face


class Ruler(Protocol):
    """Knows how wide letters are."""

    def width(self, text: str, face: Face, size: float) -> float:
        """Return the width of a text on one line, pixels."""
        ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """A text in lines.

    Attributes:
        lines: from the top.
        size: of the letters, pixels.
        cut: not all of it found room.
    """

    lines: tuple[str, ...]
    size: float
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """What a text may fill.

    Attributes:
        width: pixels.
        height: pixels.
        line_height: of a line, by the size of its letters.
    """

    width: float
    height: float
    line_height: float


def wrap(ruler: Ruler, text: str, face: Face, size: float, width: float) -> tuple[str, ...]:
    """Return a text in lines of a width at most; a word that is wider than a line goes on in the next."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if ruler.width(longer, face, size) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            *broken, line = _broken(ruler, word, face, size, width)
            lines += broken
        lines.append(line)
    return tuple(lines)


def fit(ruler: Ruler, text: str, face: Face, sizes: Sequence[float], room: Room) -> Fitted:
    """Return the lines in the largest of some sizes in which all of the text finds room.

    A word is not broken as long as a smaller size holds it whole. What finds no room even in the smallest one
    ends with an ellipsis.
    """
    whole = [size for size in sizes if _holds_words(ruler, text, face, size, room.width)]
    for size in whole or sizes[-1:]:
        lines = wrap(ruler, text, face, size, room.width)
        if len(lines) * size * room.line_height <= room.height + 1:
            return Fitted(lines, size)
    size = sizes[-1]
    lines = wrap(ruler, text, face, size, room.width)
    count = max(1, int((room.height + 1) / (size * room.line_height)))
    if len(lines) <= count:
        return Fitted(lines, size)
    kept = list(lines[:count])
    while kept[-1] and ruler.width(kept[-1] + ELLIPSIS, face, size) > room.width:
        kept[-1] = kept[-1][:-1]
    kept[-1] = kept[-1].rstrip() + ELLIPSIS
    return Fitted(tuple(kept), size, cut=True)


def _holds_words(ruler: Ruler, text: str, face: Face, size: float, width: float) -> bool:
    return all(ruler.width(word, face, size) <= width for word in text.split())


def _broken(ruler: Ruler, word: str, face: Face, size: float, width: float) -> list[str]:
    parts, rest = [], word
    while rest and ruler.width(rest, face, size) > width:
        end = len(rest) - 1
        while end > 1 and ruler.width(rest[:end], face, size) > width:
            end -= 1
        end = max(1, end)
        parts.append(rest[:end])
        rest = rest[end:]
        if len(parts) > len(word):
            break
    return [*parts, rest]
