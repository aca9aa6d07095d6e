"""The ticket, byte by byte and as a picture."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyzbar.pyzbar import decode

from kiosk_app.documents.escpos import PAPER_58, PAPER_80, PAPERS, Paper, Strip, paper_of, printable
from kiosk_app.documents.paper_test import LETTERS, paper_test
from kiosk_app.documents.ticket import Ticket, grouped, ticket_data
from kiosk_app.languages.speaker import Speakers
from kiosk_app.ui.assets import find_assets
from kiosk_app.ui.scene import Face
from shared.model.errors import InputError
from shared.model.event import EventType
from shared.model.wording import Language
from shared.protocol.receipts import RECEIPT_LENGTH_MAX
from tests.support.ticket_paper import PICTURE, Line, Raster, draw, example, read_ticket

PROOF = "VT1:" + "Ab3_" * 110
TITLES = {
    Language.ES: "Hemos recibido su aviso",
    Language.CA: "Hem rebut el seu avís",
    Language.EN: "We have received your report",
}


def test_ticket_is_these_bytes() -> None:
    ticket = Ticket(town="Vila-seca · Ñ", type=EventType.INCIDENT_REPORTED, reference="KDPX2M4T")
    data = ticket_data(ticket, Speakers().of(Language.ES), PAPER_58)
    assert data.startswith(
        b"\x1b@\x1bt\x13\x1d!\x00\x1bE\x01Vila-seca \xfa \xa5\n\x1dv0\x00\x30\x00\x02\x00" + b"\xff" * 96
    )
    assert b"\x1d!\x11\x1bE\x01KDPX 2M4T\n" in data
    assert data.endswith(b"\n\x1bd\x04\x1dV\x42\x00")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_ticket_is_in_the_citizen_s_language_and_within_its_paper(language: Language, paper: Paper) -> None:
    sheet = read_ticket(example(language, paper))
    assert " ".join(sheet.large) == f"{TITLES[language]} 7KXM 2PRT 94VW"
    assert (sheet.is_cut, sheet.code_page) == (True, 19)
    for part in sheet.parts:
        match part:
            case Line(text=text, large=large):
                assert len(text) <= paper.columns // (2 if large else 1)
            case Raster(width_bytes=width):
                assert width * 8 <= paper.dots


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
@pytest.mark.parametrize("proof", [PROOF, "V" * RECEIPT_LENGTH_MAX, "ñ"])
def test_code_on_the_ticket_is_read_from_its_picture(paper: Paper, proof: str) -> None:
    ticket = Ticket(town="Vila", type=EventType.SUGGESTION_MADE, reference="KDPX2M4T", proof=proof)
    picture = draw(ticket_data(ticket, Speakers().of(Language.CA), paper), paper)
    (found,) = decode(picture)
    assert found.data.decode() == proof


def test_code_is_read_from_a_photograph_of_a_creased_ticket() -> None:
    picture = draw(example(), PAPER_80).rotate(4, fillcolor=255).resize((480, 900))
    file = io.BytesIO()
    picture.point([60 + value // 2 for value in range(256)]).save(file, "JPEG", quality=40)
    assert decode(Image.open(file))


@pytest.mark.parametrize("type_", EventType)
def test_every_kind_of_event_has_a_ticket(type_: EventType) -> None:
    ticket = Ticket(town="Vila", type=type_, reference="")
    sheet = read_ticket(ticket_data(ticket, Speakers().of(Language.EN)))
    assert sheet.is_cut
    assert "Su código" not in sheet.lines


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (
            "ñÑçÇ·€àèéíòóúïü¿¡ºª",
            b"\xa4\xa5\x87\x80\xfa\xd5\x85\x8a\x82\xa1\x95\xa2\xa3\x8b\x81\xa8\xad\xa7\xa6",
        ),
        ("l’home – «sí»…", b"l'home - \xaes\xa1\xaf..."),
        ("Łódź", b"?\xa2dz"),
        ("a\u0301", b"\xa0"),
        ("x\x1b@\x1dV\x00y\n", b"x@Vy"),
        ("ok 🙂", b"ok ?"),
    ],
)
def test_text_is_in_the_printer_s_letters_and_no_command_hides_in_it(text: str, data: bytes) -> None:
    assert printable(text) == data


@given(text=st.text(max_size=80), paper=st.sampled_from([PAPER_58, PAPER_80]), large=st.booleans())
def test_whatever_the_town_is_called_the_ticket_stays_one(text: str, paper: Paper, large: bool) -> None:
    strip = Strip(paper)
    strip.line(text, large=large)
    strip.cut()
    sheet = read_ticket(strip.data)
    assert sheet.is_cut
    assert all(len(line) <= 3 * paper.columns for line in sheet.lines)


@pytest.mark.parametrize(
    ("letters", "page", "written"),
    [
        ("", 19, b"\xa4 \x87 l\xfal \xd5"),
        ("cp858:5", 5, b"\xa4 \x87 l\xfal \xd5"),
        ("cp1252", 16, b"\xf1 \xe7 l\xb7l \x80"),
    ],
)
def test_letters_are_those_of_the_printer_s_own_code_page(letters: str, page: int, written: bytes) -> None:
    strip = Strip(paper_of("58mm", letters))
    strip.line("ñ ç l·l €")
    assert strip.data.endswith(written + b"\n")
    assert strip.data[:5] == b"\x1b@\x1bt" + bytes([page])


@pytest.mark.parametrize("letters", ["cp437", "cp858:x", "cp858:256"])
def test_letters_that_no_printer_has_are_refused_with_the_remedy(letters: str) -> None:
    with pytest.raises(InputError, match="--letters"):
        paper_of("80mm", letters)


@pytest.mark.parametrize("letters", ["cp858", "cp1252"])
def test_line_with_a_sign_that_the_printer_lacks_is_drawn(letters: str) -> None:
    strip = Strip(paper_of("80mm", letters, find_assets().files[Face.BOLD]))
    strip.line("Miasto Łódź", large=True)
    strip.line("Vila-seca · €")
    (drawn, line) = read_ticket(strip.data).parts
    assert isinstance(drawn, Raster)
    assert sum(byte.bit_count() for row in drawn.rows for byte in row) > 1_000
    assert isinstance(line, Line)


def test_paper_test_shows_letters_twice_the_whole_head_and_two_cuts() -> None:
    paper = paper_of("58mm", "", find_assets().files[Face.BOLD])
    data = paper_test("kiosk-7", datetime(2026, 11, 21, 10, tzinfo=UTC), paper)
    sheet = read_ticket(data)
    assert LETTERS in " ".join(sheet.lines)
    pictures = [part for part in sheet.parts if isinstance(part, Raster)]
    assert any(set(picture.rows) == {b"\xff" * (paper.dots // 8)} for picture in pictures[1:])
    burnt = [0] * (paper.dots // 8)
    for picture in pictures[2:]:
        burnt = [old | new for old, new in zip(burnt, picture.rows[0], strict=True)]
    assert set(burnt) == {0xFF}
    assert data.count(b"\x1dV") == 2


def test_reference_stands_in_groups_of_four() -> None:
    assert grouped("7KXM-2PRT-94VW") == grouped("7KXM2PRT94VW") == "7KXM 2PRT 94VW"


def test_picture_in_the_documents_is_that_of_the_code() -> None:
    with Image.open(PICTURE) as picture:
        (found,) = decode(picture.convert("L"))
    (ours,) = decode(draw(example(), PAPER_80))
    assert found.data == ours.data
