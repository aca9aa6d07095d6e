"""Pictures that are drawn: photographs of the session, the town's mark, QR codes."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import segno
from kivy.core.image import Image
from kivy.graphics.texture import Texture


class Pictures:
    """Makes textures.

    Args:
        photo: gives the JPEG body of a photograph.
    """

    def __init__(self, photo: Callable[[str], bytes]) -> None:
        self._photo = photo

    def picture(self, token: str) -> Texture | None:
        """Return a photograph, or a PNG file by its path; None where it cannot be shown."""
        is_file = token.endswith(".png")
        try:
            body = Path(token).read_bytes() if is_file else self._photo(token)
            return Image(BytesIO(body), ext="png" if is_file else "jpg", nocache=True).texture
        except (KeyError, OSError, ValueError):
            return None

    def code(self, text: str) -> Texture:
        """Return a QR code, a quiet zone around it, each of its squares one dot."""
        rows = list(
            segno.make(text, error="m", boost_error=False, micro=False).matrix_iter(scale=1, border=4)
        )
        side = len(rows)
        dots = bytes(0 if dot else 255 for row in reversed(rows) for dot in row)
        texture = Texture.create(size=(side, side), colorfmt="luminance")
        texture.blit_buffer(dots, colorfmt="luminance", bufferfmt="ubyte")
        texture.mag_filter = "nearest"
        texture.min_filter = "nearest"
        return texture
