"""What a technician prints: which letters the printer has, whether its head has gaps and its cutter cuts."""

from datetime import datetime
from typing import Final

from kiosk_app.documents.escpos import Paper, Strip

LETTERS: Final = "ñ Ñ ç Ç l·l à è é í ï ó ò ú ü ¿ ¡ € º ª « »"
"""What the face's languages need besides the plain alphabet."""
_PATTERNS: Final = (b"\xff", b"\xaa", b"\x55", b"\xf0\x0f")
_BAR_ROWS: Final = 24


def paper_test(name: str, at: datetime, paper: Paper) -> bytes:
    """Return a test sheet in the printer's language: two slips.

    Args:
        name: of the kiosk, or where it stands.
        at: now.
        paper: what it is printed on.
    """
    strip = Strip(paper)
    strip.line("Paper test", large=True, bold=True)
    strip.line(name)
    strip.line(f"{at:%Y-%m-%d %H:%M}")
    strip.rule()
    strip.line(f"1. Letters: {paper.codec} under number {paper.code_page}. The printer's own:")
    strip.line(LETTERS)
    if paper.typeface is not None:
        strip.line("The same, drawn. If they differ, correct --letters:")
        strip.drawn(LETTERS)
    strip.space()
    strip.line("2. Head: a white line from top to bottom of a bar is a dot that is dead.")
    for pattern in _PATTERNS:
        strip.bar(pattern, _BAR_ROWS)
    strip.space()
    strip.line("3. Cutter: this slip is cut off, and a second one after it.")
    strip.cut()
    strip.line("The second slip. Nothing hangs on it.")
    strip.cut()
    return strip.data
