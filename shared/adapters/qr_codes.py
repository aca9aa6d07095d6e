"""Reading QR codes from a picture, for whoever checks a receipt on paper."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from PIL import Image, UnidentifiedImageError
from pyzbar import pyzbar  # pyright: ignore[reportMissingTypeStubs]  it comes without types

from shared.adapters.photographs import FILE_BYTES_MAX, PhotographError


def read_qr_codes(path: Path) -> list[str]:
    """Return the texts of every QR code in a picture.

    Raises:
        PhotographError: it is no picture.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise PhotographError(PhotographError.__doc__)
        with Image.open(path) as picture:
            codes = _decode(picture.convert("L"))
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PhotographError(PhotographError.__doc__) from error
    return [bytes(code.data).decode("utf-8", "replace") for code in codes]


def _decode(picture: Image.Image) -> list[Any]:
    decode = cast("Callable[[Image.Image], list[Any]]", vars(pyzbar)["decode"])  # it comes without types
    return decode(picture)
