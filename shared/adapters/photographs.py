"""Photographs: made upright, made small enough, and stripped of everything but the picture.

A phone writes where it stood and who made it into every photograph, and turns the picture by a note instead
of by its pixels. What leaves a device is a JPEG of the upright pixels and nothing else: no EXIF, no position,
no thumbnail, no maker's notes, no colour profile (colours are brought to sRGB first).

Rules: a picture's size is looked at before a pixel is read, so a file that would unpack to gigabytes is
refused. The plain picture stays in memory, bounded; it is never written.

Source: JEITA CP-3451 (EXIF), tag Orientation.
"""

import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from shared.model.errors import InputError

SIDE_PIXELS_MAX: Final = 2_560
"""A defect in the street is seen well at this size; the file has one to two megabytes."""
PIXELS_MAX: Final = 64_000_000
"""A JPEG is read at a fraction of its size; any phone's photograph is below this."""
PIXELS_WHOLE_MAX: Final = 24_000_000
"""Other kinds are unpacked whole: 72 MB of memory."""
FILE_BYTES_MAX: Final = 40 * 1024 * 1024
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_QUALITY: Final = 85


SMALL_SIDE_PIXELS: Final = 640
SMALL_QUALITIES: Final = (80, 65, 50, 35)
SMALLER: Final = 0.7


class PhotographError(InputError):
    """This file is no photograph that can be taken (JPEG, PNG or WebP, of usual size); give another one."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """An upright JPEG without metadata."""

    jpeg: bytes
    width_px: int
    height_px: int


def take_photograph(path: Path) -> Photograph:
    """Read a photograph, and make it fit to leave the device.

    Args:
        path: the file as the camera or the phone left it; it stays as it is.

    Raises:
        PhotographError: it cannot be read, is no photograph, or is larger than any.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise PhotographError(PhotographError.__doc__)
        return fit_photograph(path.read_bytes())
    except OSError as error:
        raise PhotographError(PhotographError.__doc__) from error


def fit_photograph(raw: bytes) -> Photograph:
    """Make a photograph that is in memory fit to leave the device.

    Args:
        raw: the file as the camera gave it.

    Raises:
        PhotographError: it is no photograph, or is larger than any.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF, which is dropped anyway
            with Image.open(BytesIO(raw), formats=_FORMATS) as picture:
                return _made_fit(picture)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PhotographError(PhotographError.__doc__) from error


def small_picture(content: bytes, bytes_max: int) -> bytes:
    """Make a picture from elsewhere small: a JPEG without metadata, 640 pixels wide or high at most.

    Args:
        content: a JPEG, PNG or WebP; looked at before a pixel is read, as every photograph is.
        bytes_max: what the JPEG may have; quality, and then size, go down until it fits.

    Raises:
        PhotographError: it is none of these, or larger than any photograph.
    """
    if len(content) > FILE_BYTES_MAX:
        raise PhotographError(PhotographError.__doc__)
    with Image.open(BytesIO(fit_photograph(content).jpeg)) as picture:
        side = float(SMALL_SIDE_PIXELS)
        while side >= 1:
            picture.thumbnail((round(side), round(side)))
            for quality in SMALL_QUALITIES:
                written = BytesIO()
                picture.save(written, "JPEG", quality=quality, optimize=True)
                if written.tell() <= bytes_max:
                    return written.getvalue()
            side *= SMALLER
    raise PhotographError(PhotographError.__doc__)


def _made_fit(picture: Image.Image) -> Photograph:
    pixels = picture.width * picture.height
    if pixels > (PIXELS_MAX if picture.format == "JPEG" else PIXELS_WHOLE_MAX):
        raise PhotographError(PhotographError.__doc__)
    picture.draft("RGB", (SIDE_PIXELS_MAX, SIDE_PIXELS_MAX))
    upright = ImageOps.exif_transpose(picture)
    upright = _in_srgb(upright)
    upright.thumbnail((SIDE_PIXELS_MAX, SIDE_PIXELS_MAX))
    bare = Image.new("RGB", upright.size)
    bare.paste(upright)
    written = BytesIO()
    bare.save(written, "JPEG", quality=_QUALITY, optimize=True)
    return Photograph(written.getvalue(), bare.width, bare.height)


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Bring colours to what a picture without a profile is taken for."""
    profile = picture.info.get("icc_profile")
    plain = picture.convert("RGB")
    if not profile or picture.mode != "RGB":
        return plain
    try:
        srgb = ImageCms.ImageCmsProfile(ImageCms.core.createProfile("sRGB"))
        converted = ImageCms.profileToProfile(plain, BytesIO(profile), srgb)
    except (ImageCms.PyCMSError, OSError):
        return plain
    return converted or plain
