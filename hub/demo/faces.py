"""What a kiosk of the demonstration shows itself on: a window, a drawing that nobody sees, or nothing.

The first kiosk has the real screen wherever this machine can draw one; the others are the same program
without it, so that two cores are enough.
"""

import ctypes
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from shared.model.errors import InputError

LIBRARIES: Final = ("libGL.so.1", "libEGL.so.1")
DRIVERS: Final = ("dri/swrast_dri.so", "*/dri/swrast_dri.so", "libgallium-*.so", "*/libgallium-*.so")
LOOK: Final = Path(sys.prefix, "share", "ventanilla", "look", "tabler-icons.ttf")
WINDOW_SIZE: Final = "540x960"


class Face(StrEnum):
    """What is asked for by name."""

    WINDOW = "window"
    OFFSCREEN = "offscreen"
    FACELESS = "faceless"


def choose_face(wished: Face | None, display: str) -> Face:
    """Return the first kiosk's face: what is wished, else the screen where it can be drawn.

    Args:
        wished: by name; None: whatever there can be.
        display: the X display; empty where there is none.

    Raises:
        InputError: a window is wished, and there is no display or nothing to draw with.
    """
    if wished is None:
        return Face.OFFSCREEN if can_draw() else Face.FACELESS
    if wished is Face.WINDOW and not display:
        raise InputError("there is no display for a window; set DISPLAY, or leave KIOSK out")
    if wished is not Face.FACELESS and not can_draw():
        raise InputError("this machine cannot draw the kiosk's screen; run make setup, or leave KIOSK out")
    return wished


def can_draw() -> bool:
    """Whether libraries, a driver and the screen's typefaces are here."""
    return LOOK.is_file() and all(map(_loads, LIBRARIES)) and any(_found(name) for name in DRIVERS)


def words_of(face: Face) -> Sequence[str]:
    """Return the words of `ventanilla kiosk run` for a face; the path of its door follows them."""
    match face:
        case Face.WINDOW:
            return "--window", WINDOW_SIZE, "--driven"
        case Face.OFFSCREEN:
            return "--offscreen", "--driven"
        case Face.FACELESS:
            return ("--faceless",)


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _found(name: str) -> bool:
    return any(any(Path(folder).glob(name)) for folder in ("/usr/lib", "/usr/lib64"))
