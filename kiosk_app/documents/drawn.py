"""Letters as dots, for what a printer's own letters lack."""

from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

_AIR_DOTS: Final = 6
_SIZE_MIN: Final = 10
"""A millimetre and a quarter; what is still too wide then is cut at the edge."""


def drawn_rows(text: str, typeface: Path, dots: int, height: int) -> list[bytes]:
    """Return a line of text as rows of dots, eight a byte, the first one in the highest bit.

    Args:
        text: of one line.
        typeface: a TrueType file.
        dots: side by side; a multiple of eight.
        height: rows.
    """
    size = height - _AIR_DOTS
    while size > _SIZE_MIN and _face(typeface, size).getlength(text) > dots:
        size -= 2
    row = Image.new("1", (dots, height), 0)
    ImageDraw.Draw(row).text((0, height // 2), text, fill=1, font=_face(typeface, size), anchor="lm")
    data, width = row.tobytes(), dots // 8
    return [data[at : at + width] for at in range(0, len(data), width)]


@cache
def _face(typeface: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(typeface, size)
