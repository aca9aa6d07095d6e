"""What comes out of a ticket printer: the bytes of a ticket read as the printer reads them, and drawn.

    sheet = read_ticket(data)             # its lines, whether it was cut
    picture = draw(data, PAPER_80)        # black on white, 203 dots to the inch

`python -m tests.support.ticket_paper` draws the ticket of docs/images.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from kiosk_app.documents.escpos import PAPER_80, Paper
from kiosk_app.documents.ticket import Ticket, ticket_data
from kiosk_app.languages.speaker import Speakers
from shared.model.event import EventType
from shared.model.wording import Language
from tests.architecture.tree import ROOT

PICTURE: Final = ROOT / "docs/images/ticket.png"
LETTER_DOTS: Final = 12
LINE_DOTS: Final = 30
_MARGIN_DOTS: Final = 32
_FACES: Final = ("DejaVuSansMono.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")


@dataclass
class Line:
    """Letters side by side."""

    text: str
    large: bool
    bold: bool


@dataclass
class Raster:
    """A picture: rows of dots, eight a byte."""

    width_bytes: int
    rows: list[bytes]


@dataclass
class Sheet:
    """What came out.

    Attributes:
        parts: lines and pictures, from top to bottom.
        is_cut: it was cut off.
        code_page: that was asked for.
    """

    parts: list[Line | Raster] = field(default_factory=list[Line | Raster])
    is_cut: bool = False
    code_page: int = 0

    @property
    def lines(self) -> list[str]:
        return [part.text for part in self.parts if isinstance(part, Line)]

    @property
    def large(self) -> list[str]:
        return [part.text for part in self.parts if isinstance(part, Line) and part.large]


def read_ticket(data: bytes) -> Sheet:
    """Read a ticket; a command that no printer of ours knows is an error."""
    sheet, row, large, bold, at = Sheet(), bytearray(), False, False, 0
    while at < len(data):
        two = data[at : at + 2]
        match two:
            case b"\x1b@":
                at += 2
            case b"\x1bt":
                sheet.code_page, at = data[at + 2], at + 3
            case b"\x1bE":
                bold, at = data[at + 2] == 1, at + 3
            case b"\x1d!":
                large, at = data[at + 2] == 0x11, at + 3
            case b"\x1bd":
                sheet.parts += [Line("", large=False, bold=False)] * data[at + 2]
                at += 3
            case b"\x1dV":
                sheet.is_cut, at = True, at + 4
            case b"\x1dv":
                width, height = (int.from_bytes(data[at + n : at + n + 2], "little") for n in (4, 6))
                at += 8
                rows = [data[at + n * width : at + (n + 1) * width] for n in range(height)]
                sheet.parts.append(Raster(width, rows))
                at += width * height
            case _ if data[at] == 0x0A:
                sheet.parts.append(Line(row.decode("cp858"), large, bold))
                row, at = bytearray(), at + 1
            case _:
                assert data[at] >= 0x20, f"an unknown command at {at}: {two!r}"
                row.append(data[at])
                at += 1
    assert not row
    return sheet


def draw(data: bytes, paper: Paper) -> Image.Image:
    """Draw a ticket as its printer would, black on white."""
    parts = [*_drawn(read_ticket(data), paper)]
    height = sum(part.height for part in parts) + 2 * _MARGIN_DOTS
    picture = Image.new("L", (paper.dots + 2 * _MARGIN_DOTS, height), 255)
    at = _MARGIN_DOTS
    for part in parts:
        picture.paste(part, (_MARGIN_DOTS, at))
        at += part.height
    return picture


def _drawn(sheet: Sheet, paper: Paper) -> Iterator[Image.Image]:
    for part in sheet.parts:
        match part:
            case Line(text=text, large=large, bold=bold):
                scale = 2 if large else 1
                strip = Image.new("L", (paper.dots, LINE_DOTS * scale), 255)
                pen = ImageDraw.Draw(strip)
                for place, letter in enumerate(text):
                    at = (place * LETTER_DOTS * scale, 2 * scale)
                    pen.text(at, letter, fill=0, font=_face(20 * scale), stroke_width=int(bold))
                yield strip
            case Raster(width_bytes=width, rows=rows):
                dots = Image.frombytes("1", (width * 8, len(rows)), b"".join(rows))
                yield dots.convert("L").point([255 - value for value in range(256)])


def _face(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    for name in _FACES:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def example(language: Language = Language.ES, paper: Paper = PAPER_80) -> bytes:
    """Return the ticket of the documents."""
    at = datetime(2026, 11, 21, 9, 15, tzinfo=UTC)
    ticket = Ticket(
        town="Ayuntamiento de Puerto Sereno",
        type=EventType.INCIDENT_REPORTED,
        reference="7KXM-2PRT-94VW",
        proof="VT1:kiosk-7/7KXM-2PRT-94VW/incident.reported/2026-11-21T09:15:00Z/cases/9f3c2a1b/1041/"
        + "k" * 240,
        at_ms=int(at.timestamp() * 1000),
    )
    return ticket_data(ticket, Speakers().of(language), paper)


if __name__ == "__main__":
    Path(PICTURE).parent.mkdir(exist_ok=True)
    draw(example(), PAPER_80).convert("1").save(PICTURE, optimize=True)
