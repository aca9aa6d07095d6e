"""Photographs as a phone makes them: turned by a note in EXIF, with the place where they were taken."""

from io import BytesIO
from pathlib import Path

from PIL import Image

ORIENTATION = 0x0112
GPS = 0x8825
PHONE = Path(__file__).parents[3] / "shared" / "data" / "photos"
"""Three real ones, where they exist."""


def make_photograph(path: Path, *, width_px: int = 640, height_px: int = 480, seed: int = 0) -> Path:
    """Write a photograph that lies on its side: red above, blue below, once it is upright."""
    noise = Image.effect_noise((width_px, height_px), 60 + seed).convert("RGB")
    colours = Image.new("RGB", (width_px, height_px), "blue")
    colours.paste("red", (0, 0, width_px // 2, height_px))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[GPS] = {1: "N", 2: (40.0, 25.0, 1.0), 3: "W", 4: (3.0, 42.0, 1.0)}
    picture = Image.blend(colours, noise, 0.2)
    picture.save(path, "JPEG", quality=95, exif=exif.tobytes())
    return path


def phone_photographs(folder: Path) -> list[Path]:
    """The three real ones; where they are missing, three that are made."""
    real = sorted(PHONE.glob("*.jpg")) if PHONE.is_dir() else []
    return real or [make_photograph(folder / f"photo-{n}.jpg", seed=n) for n in range(3)]


def opened(jpeg: bytes) -> Image.Image:
    """Read a picture's bytes."""
    picture = Image.open(BytesIO(jpeg))
    picture.load()
    return picture
