"""What a ticket printer understands: text in its letters, rules, QR codes as pictures, the cut.

    strip = Strip(PAPER_80)
    strip.line("KDPX 2M4T", large=True); strip.qr(proof); strip.cut(); strip.data

Rules:
- Text is written in a code page of the printer: 858 or 1252, which have every letter of the face's languages
  and the euro. A line with a sign that it lacks is drawn as a picture, where there is a typeface for it; else
  the sign is written as people would without it, never left out.
- The QR code is a picture that we draw: printers differ in what they make of the command for one.

Source: Epson, ESC/POS Command Reference (ESC @, ESC t, ESC E, ESC d, GS !, GS v 0, GS V); ISO/IEC 18004.
"""

import textwrap
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import segno

from kiosk_app.documents.drawn import drawn_rows
from shared.model.errors import InputError

_START: Final = b"\x1b@"
_SIMPLER: Final = str.maketrans(
    {
        "’": "'",
        "\u2018": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        "\u00a0": " ",
        "\u202f": " ",
    }
)
_QUIET_MODULES: Final = 4
_MODULE_DOTS_MAX: Final = 6
_FEED_LINES: Final = 4
_RULE_DOTS: Final = 2


CODE_PAGES: Final[Mapping[str, int]] = {"cp858": 19, "cp1252": 16}
"""What text can be written in, and the number under which most printers have it."""
_CODE_PAGE_MAX: Final = 255
_ROW_DOTS: Final = 30
"""A line of the printer's letters, its air included; a large one has twice that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A roll, and the letters of its printer.

    Attributes:
        columns: characters in a line.
        dots: that can be printed, side by side; eight to a millimetre.
        codec: of the printer's code page, one of `CODE_PAGES`.
        code_page: the number under which the printer has it.
        typeface: draws what the code page lacks; None where there is none.
    """

    columns: int
    dots: int
    codec: str = "cp858"
    code_page: int = CODE_PAGES["cp858"]
    typeface: Path | None = None


PAPER_80: Final = Paper(columns=48, dots=576)
PAPER_58: Final = Paper(columns=32, dots=384)
PAPERS: Final = {"80mm": PAPER_80, "58mm": PAPER_58}


def paper_of(name: str, letters: str = "", typeface: Path | None = None) -> Paper:
    """Return what is printed on, as an operator named it.

    Args:
        name: of the paper, one of `PAPERS`.
        letters: the code page, such as `cp1252`; with a number where the printer has it under another one
            than most, such as `cp858:5`; empty for `cp858`.
        typeface: draws what the code page lacks.

    Raises:
        InputError: there is no such paper, code page or number.
    """
    paper = PAPERS.get(name)
    if paper is None:
        raise InputError(f"paper is {' or '.join(PAPERS)}; correct --paper")
    codec, _, number = letters.partition(":")
    codec = codec or paper.codec
    page = number or str(CODE_PAGES.get(codec, ""))
    if codec not in CODE_PAGES or not page.isdecimal() or int(page) > _CODE_PAGE_MAX:
        raise InputError(
            f"the printer's letters are {' or '.join(CODE_PAGES)}, with a number up to {_CODE_PAGE_MAX} "
            "after a colon where it has another one; correct --letters"
        )
    return replace(paper, codec=codec, code_page=int(page), typeface=typeface)


class Strip:
    """A ticket on its way to paper.

    Args:
        paper: what it is printed on.
    """

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._parts = [_START, b"\x1bt", bytes([paper.code_page])]

    @property
    def data(self) -> bytes:
        """What is sent to the printer."""
        return b"".join(self._parts)

    def line(self, text: str, *, large: bool = False, bold: bool = False) -> None:
        """Write a text, in as many lines as it takes."""
        columns = self._paper.columns // 2 if large else self._paper.columns
        self._parts += [b"\x1d!", b"\x11" if large else b"\x00", b"\x1bE", bytes([bold])]
        for row in map(plain, textwrap.wrap(text, columns) or [""]):
            if self._paper.typeface is not None and lacks(row, self._paper.codec):
                self.drawn(row, large=large)
            else:
                self._parts.append(printable(row, self._paper.codec) + b"\n")

    def drawn(self, text: str, *, large: bool = False) -> None:
        """Write a text of one line as a picture, whatever letters the printer has.

        Raises:
            InputError: there is no typeface to draw with.
        """
        if self._paper.typeface is None:
            raise InputError("Nothing can be drawn without a typeface; name its folder with --assets.")
        height = _ROW_DOTS * (2 if large else 1)
        self._picture(drawn_rows(text, self._paper.typeface, self._paper.dots, height))

    def bar(self, pattern: bytes, rows: int) -> None:
        """Draw a pattern across the paper, for so many rows of dots."""
        width = self._paper.dots // 8
        self._picture([(pattern * width)[:width]] * rows)

    def space(self, lines: int = 1) -> None:
        """Leave some room."""
        self._parts += [b"\x1d!\x00", b"\n" * lines]

    def rule(self) -> None:
        """Draw a line across."""
        width = self._paper.dots // 8
        self._picture([b"\xff" * width] * _RULE_DOTS)
        self.space()

    def qr(self, text: str) -> None:
        """Draw a QR code, as large as the paper takes, up to three quarters of a millimetre a module."""
        code = segno.make(text, error="m", micro=False)
        modules = int(code.symbol_size(1, _QUIET_MODULES)[0])
        scale = max(1, min(_MODULE_DOTS_MAX, self._paper.dots // modules))
        rows = [
            _packed([bool(dot) for dot in row for _ in range(scale)])
            for row in code.matrix_iter(scale=1, border=_QUIET_MODULES)
        ]
        self._picture([row for row in rows for _ in range(scale)])

    def cut(self) -> None:
        """Feed and cut."""
        self._parts += [b"\x1bd", bytes([_FEED_LINES]), b"\x1dV\x42\x00"]

    def _picture(self, rows: list[bytes]) -> None:
        width, height = len(rows[0]), len(rows)
        self._parts += [b"\x1dv0\x00", width.to_bytes(2, "little"), height.to_bytes(2, "little"), *rows]


def plain(text: str) -> str:
    """Return a text without what is no letter, its signs as every typeface has them."""
    simple = unicodedata.normalize("NFC", text).translate(_SIMPLER)
    return "".join(letter for letter in simple if letter.isprintable())


def lacks(text: str, codec: str) -> bool:
    """Tell whether a code page lacks a sign of a text."""
    return text.encode(codec, "ignore").decode(codec) != text


def printable(text: str, codec: str = "cp858") -> bytes:
    """Return a text in the printer's letters; no command is among them."""
    return b"".join(_letter(letter, codec) for letter in plain(text))


def _letter(letter: str, codec: str) -> bytes:
    try:
        return letter.encode(codec)
    except UnicodeEncodeError:
        bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore")
        return bare or b"?"


def _packed(dots: list[bool]) -> bytes:
    """Return eight dots a byte, the first one in the highest bit."""
    dots += [False] * (-len(dots) % 8)
    bits = int("".join("1" if dot else "0" for dot in dots), 2)
    return bits.to_bytes(len(dots) // 8, "big")
