"""What leaves a device is the upright picture and nothing else."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from shared.adapters.photographs import SIDE_PIXELS_MAX, PhotographError, take_photograph
from tests.support.photographs import make_photograph, opened, phone_photographs


@pytest.mark.sentence("M-1")
def test_photograph_that_lies_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    taken = take_photograph(make_photograph(tmp_path / "photo.jpg"))
    picture = opened(taken.jpeg)
    assert picture.size == (taken.width_px, taken.height_px) == (480, 640)
    above, below = picture.getpixel((240, 40)), picture.getpixel((240, 600))
    assert isinstance(above, tuple)
    assert isinstance(below, tuple)
    assert above[0] > above[2]
    assert below[2] > below[0]


@pytest.mark.sentence("M-1")
def test_photograph_keeps_no_word_of_who_took_it_or_where(tmp_path: Path) -> None:
    for path in [make_photograph(tmp_path / "photo.jpg"), *phone_photographs(tmp_path)]:
        jpeg = take_photograph(path).jpeg
        picture = opened(jpeg)
        assert not dict(picture.getexif())
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert not any(word in jpeg for word in (b"Exif", b"http:", b"ICC_PROFILE", b"Photoshop"))


def test_photograph_larger_than_needed_is_made_smaller(tmp_path: Path) -> None:
    path = make_photograph(tmp_path / "photo.jpg", width_px=5_000, height_px=3_000)
    taken = take_photograph(path)
    assert max(taken.width_px, taken.height_px) == SIDE_PIXELS_MAX


def test_photograph_with_transparency_or_few_colours_is_taken(tmp_path: Path) -> None:
    for mode in ("RGBA", "P", "L", "1"):
        path = tmp_path / f"{mode}.png"
        Image.new(mode, (30, 20)).save(path)
        assert take_photograph(path).jpeg.startswith(b"\xff\xd8")


def bomb(path: Path) -> Path:
    """A PNG that says it has 40,000 by 40,000 pixels."""
    size = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", size), (b"IDAT", zlib.compress(bytes(1_000))), (b"IEND", b""))
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def test_file_that_is_no_photograph_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("<html>")
    (tmp_path / "empty.jpg").write_bytes(b"")
    whole = make_photograph(tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    bad = [tmp_path / name for name in ("text.jpg", "empty.jpg", "half.jpg", "missing.jpg")]
    for path in [*bad, bomb(tmp_path / "bomb.png"), tmp_path]:
        with pytest.raises(PhotographError, match="give another one"):
            take_photograph(path)
