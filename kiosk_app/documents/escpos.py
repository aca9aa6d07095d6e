"""What a ticket printer understands: text in its letters, rules, QR codes as pictures, the cut.

    strip = Strip(PAPER_80)
    strip.line("KDPX 2M4T", large=True); strip.qr(proof); strip.cut(); strip.data

Rules:
- Text is written in code page 858, which has every letter of the face's languages and the euro; what it lacks
  is written as people would without it, never left out.
- The QR code is a picture that we draw: printers differ in what they make of the command for one.

Source: Epson, ESC/POS Command Reference (ESC @, ESC t, ESC E, ESC d, GS !, GS v 0, GS V); ISO/IEC 18004.
"""

import textwrap
import unicodedata
from dataclasses import dataclass
from typing import Final

import segno

_START: Final = b"\x1b@"
_CODEC: Final = "cp858"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A roll, and the letters of its printer.

    Attributes:
        columns: characters in a line.
        dots: that can be printed, side by side; eight to a millimetre.
        code_page: the number under which the printer has code page 858.
    """

    columns: int
    dots: int
    code_page: int = 19


PAPER_80: Final = Paper(columns=48, dots=576)
PAPER_58: Final = Paper(columns=32, dots=384)
PAPERS: Final = {"80mm": PAPER_80, "58mm": PAPER_58}


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
        for row in textwrap.wrap(text, columns) or [""]:
            self._parts.append(printable(row) + b"\n")

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


def printable(text: str) -> bytes:
    """Return a text in the printer's letters; no command is among them."""
    plain = unicodedata.normalize("NFC", text).translate(_SIMPLER)
    return b"".join(_letter(letter) for letter in plain if letter.isprintable())


def _letter(letter: str) -> bytes:
    try:
        return letter.encode(_CODEC)
    except UnicodeEncodeError:
        bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore")
        return bare or b"?"


def _packed(dots: list[bool]) -> bytes:
    """Return eight dots a byte, the first one in the highest bit."""
    dots += [False] * (-len(dots) % 8)
    bits = int("".join("1" if dot else "0" for dot in dots), 2)
    return bits.to_bytes(len(dots) // 8, "big")
