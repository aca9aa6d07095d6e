"""What the terminal shows: a port for lamp, sounder and display, and a view for a terminal of letters.

A validator's own hardware is a further class beside `Lines`. A face never waits: the card's thread calls it.
"""

import threading
from typing import Final, Protocol, TextIO

from card_reader.core.display import Light, Shown
from shared.model.wording import Language

_LAMPS: Final = {Light.GREEN: "● green", Light.AMBER: "◐ amber", Light.RED: "○ red  "}
"""The lamp's form says the same as its colour."""


class Face(Protocol):
    """Lamp, sounder and display."""

    def show(self, shown: Shown) -> None:
        """Show it at once; from any thread."""
        ...


class Lines:
    """Writes a line for each thing that is shown; implements `Face`.

    Args:
        out: takes the lines.
        language: of the words.
    """

    def __init__(self, out: TextIO, language: Language) -> None:
        self._out = out
        self._language = language
        self._lock = threading.Lock()

    def show(self, shown: Shown) -> None:
        """Write lamp, tone and the two lines of the display."""
        head, more = shown.lines(self._language)
        with self._lock:
            lamp = _LAMPS[shown.sign.light]
            self._out.write(f"{lamp}  ♪ {shown.sign.sound.value:<5}  {head:<24}  {more}".rstrip() + "\n")
            self._out.flush()
