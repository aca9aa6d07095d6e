"""Pictures of repairs: which of the core's pictures is one, what becomes of it, and what it never stops."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.core.open311_updates import NotToldError
from hub.db.engine import sqlite_url
from hub.db.question_repository import find_case, find_picture
from shared.protocol.questions import PICTURE_BYTES_MAX
from tests.support.photographs import make_photograph, opened
from tests.unit.hub.jobs.test_report_updates import CLOSED, OPEN, Register

URL = "https://core.example.org/repairs/41.jpg"
MENDED = replace(CLOSED, picture_url=URL)


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    register = Register(sqlite_url(tmp_path / "hub.db"))
    register.file("R-1", "41")
    register.file("R-2", "42")
    yield register
    register.writer.close()


def picture(register: Register, reference: str = "R-1") -> bytes | None:
    with register.writer.read() as connection:
        found, case = find_picture(connection, reference), find_case(connection, reference)
    assert case is not None
    assert case.has_picture is (found is not None)
    return found


@pytest.mark.sentence("Q-5")
def test_picture_of_a_closed_report_is_kept_small_without_metadata_and_fetched_once(
    register: Register, tmp_path: Path
) -> None:
    photo = make_photograph(tmp_path / "p.jpg", width_px=1600, height_px=1200)
    register.core.pictures = {URL: photo.read_bytes()}
    register.core.words = {"41": MENDED}
    register.turn()
    register.turn()
    found = picture(register)
    assert found is not None
    assert len(found) <= PICTURE_BYTES_MAX
    assert max(opened(found).size) <= 640
    assert not opened(found).getexif()
    assert register.core.fetched == [URL]
    assert picture(register, "R-2") is None


def test_picture_that_was_there_while_the_report_was_open_is_the_citizen_s_and_is_shown_to_nobody(
    register: Register, tmp_path: Path
) -> None:
    register.core.pictures = {URL: make_photograph(tmp_path / "p.jpg").read_bytes()}
    register.core.words = {"41": replace(OPEN, picture_url=URL)}
    register.turn()
    register.core.words = {"41": MENDED}
    register.turn()
    assert (picture(register), register.core.fetched) == (None, [])


def test_report_that_is_opened_again_shows_no_picture_until_it_is_closed(
    register: Register, tmp_path: Path
) -> None:
    register.core.pictures = {URL: make_photograph(tmp_path / "p.jpg").read_bytes()}
    for word, is_shown in ((MENDED, True), (replace(OPEN, picture_url=URL), False), (MENDED, True)):
        register.core.words = {"41": word}
        register.turn()
        assert (picture(register) is not None) is is_shown


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xd8\xff\xe0 half", b"GIF89a"])
def test_what_is_no_picture_is_not_kept_and_not_fetched_again(register: Register, content: bytes) -> None:
    register.core.pictures = {URL: content}
    register.core.words = {"41": MENDED}
    register.turn()
    register.turn()
    assert (picture(register), register.core.fetched) == (None, [URL])


def test_picture_that_cannot_be_had_now_comes_later_and_keeps_no_word_back(
    register: Register, tmp_path: Path
) -> None:
    register.core.words = {"41": MENDED, "42": CLOSED}
    register.core.picture_fails = NotToldError("later")
    register.turn()
    assert (register.state("R-1"), register.state("R-2")) == ("closed", "closed")
    register.core.picture_fails = None
    register.core.pictures = {URL: make_photograph(tmp_path / "p.jpg").read_bytes()}
    register.turn()
    assert picture(register) is not None


def test_no_more_pictures_are_fetched_in_a_turn_than_it_has_left(register: Register, tmp_path: Path) -> None:
    register.core.pictures = {URL: make_photograph(tmp_path / "p.jpg").read_bytes()}
    register.core.words = {"41": MENDED, "42": MENDED}
    register.core.pictures_left = 1
    register.turn()
    assert register.core.fetched == [URL]
    register.core.pictures_left = 1
    register.turn()
    assert register.core.fetched == [URL, URL]
