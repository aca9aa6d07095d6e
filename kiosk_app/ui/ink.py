"""Letters as Kivy draws them: how wide they are, and a texture of each line."""

from typing import Final

from kivy.core.text import Label, LabelBase
from kivy.graphics.texture import Texture

from kiosk_app.ui.assets import Assets
from kiosk_app.ui.scene import Face

_WIDTHS_MAX: Final = 4_000
"""Widths that are kept; they are forgotten with the session."""


class Ink:
    """A ruler, and a maker of textures.

    Args:
        assets: typefaces and icons.
    """

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self._widths: dict[tuple[str, Face, float], float] = {}

    def width(self, text: str, face: Face, size: float) -> float:
        """Return the width of a text on one line, pixels."""
        key = text, face, size
        found = self._widths.get(key)
        if found is None:
            if len(self._widths) >= _WIDTHS_MAX:
                self._widths.clear()
            found = self._widths[key] = float(self._label(face, size).get_extents(text)[0])
        return found

    def texture(self, text: str, face: Face, size: float) -> Texture | None:
        """Return a line of white letters; None where there is nothing to see."""
        if face is Face.ICONS:
            text = self._assets.letter(text)
        if not text.strip():
            return None
        label = self._label(face, size)
        label.text = text
        label.refresh()
        return label.texture

    def forget(self) -> None:
        """Forget every text that was measured."""
        self._widths.clear()

    def _label(self, face: Face, size: float) -> LabelBase:
        return Label(font_name=str(self._assets.files[face]), font_size=round(size), padding=(0, 0))
