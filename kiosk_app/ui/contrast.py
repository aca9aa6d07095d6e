"""Colours, and how well one is read on another.

Source: WCAG 2.1, relative luminance and contrast ratio (1.4.3).
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from shared.model.errors import InputError

TEXT_MIN: Final = 4.5
"""The contrast that text needs on its ground (WCAG 2.1, 1.4.3)."""
SIGN_MIN: Final = 3.0
"""The contrast that the edge of something that can be pressed needs (WCAG 2.1, 1.4.11)."""
_FORM: Final = re.compile(r"#[0-9A-Fa-f]{6}")
_LINEAR_BELOW: Final = 0.03928


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour, each part between 0 and 1 (sRGB)."""

    red: float
    green: float
    blue: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `#RRGGBB`.

        Raises:
            InputError: it is written in another way.
        """
        if not _FORM.fullmatch(text):
            raise InputError(f"{text!r} is no colour. Write it as #RRGGBB.")
        red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return cls(red, green, blue)

    @property
    def luminance(self) -> float:
        """Between 0 for black and 1 for white."""
        red, green, blue = (
            part / 12.92 if part <= _LINEAR_BELOW else ((part + 0.055) / 1.055) ** 2.4
            for part in (self.red, self.green, self.blue)
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def mixed(self, other: "Colour", share: float) -> "Colour":
        """Return a colour between this one (share 0) and another (share 1)."""
        return Colour(
            self.red + (other.red - self.red) * share,
            self.green + (other.green - self.green) * share,
            self.blue + (other.blue - self.blue) * share,
        )


def contrast(one: Colour, other: Colour) -> float:
    """Return the ratio of contrast: 1 for the same, 21 for black on white."""
    dark, light = sorted((one.luminance, other.luminance))
    return (light + 0.05) / (dark + 0.05)
