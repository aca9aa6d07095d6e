"""What the screen's process must be started with: Kivy reads its settings from the environment alone.

Whoever starts that process puts these into its environment before Python begins. Nothing here imports Kivy.

Source: Kivy 2.3.1, "Configure Kivy" and "Controlling the environment".
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ACTIVE_FPS: Final = 60
"""Frames a second, at most, while something moves; the screen lowers it by itself when nothing does."""

_MEMORY: Final = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
"""What a page's pictures took is given back to the machine as soon as they are gone (mallopt(3))."""
_OF_NO_USE: Final = ("Input: ", "Config: Older configuration", "Config: Upgrading configuration")
"""How Kivy begins what it says of ways to touch that it tries and this kiosk does not take, and of settings
that it fills up."""


def hush_kivy() -> None:
    """Keep Kivy from telling of what this kiosk does not use; call it before anything imports Kivy.

    Kivy tries every way to touch that it knows and tells with a traceback of each whose library is missing.
    The screen takes the display's mouse events alone (`app`).
    """
    logging.getLogger("kivy").addFilter(_is_of_use)


def _is_of_use(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_OF_NO_USE)


def screen_environment(
    size: tuple[int, int], home: Path, *, offscreen: bool = False, fullscreen: bool = False
) -> Mapping[str, str]:
    """Return the variables.

    Args:
        size: of the screen, pixels.
        home: a folder of its own, where Kivy may write; nothing of a session gets there.
        offscreen: draw without a display, for tests and the demonstration.
        fullscreen: fill the display.
    """
    found = {
        "KIVY_NO_ARGS": "1",
        "KIVY_NO_FILELOG": "1",
        "KIVY_LOG_MODE": "PYTHON",
        "KIVY_HOME": str(home),
        "KIVY_USE_DEFAULTCONFIG": "1",
        "KCFG_KIVY_EXIT_ON_ESCAPE": "0",
        "KCFG_KIVY_LOG_LEVEL": "warning",
        "KCFG_KIVY_WINDOW_ICON": "",
        "KCFG_GRAPHICS_WIDTH": str(size[0]),
        "KCFG_GRAPHICS_HEIGHT": str(size[1]),
        "KCFG_GRAPHICS_MAXFPS": str(ACTIVE_FPS),
        "KCFG_GRAPHICS_MULTISAMPLES": "0",
        "KCFG_GRAPHICS_RESIZABLE": "0",
        "KCFG_GRAPHICS_SHOW_CURSOR": "0",
        "KCFG_GRAPHICS_BORDERLESS": "1",
        "KCFG_GRAPHICS_FULLSCREEN": "auto" if fullscreen else "0",
        "KCFG_INPUT_MOUSE": "mouse,disable_multitouch",
        **_MEMORY,
    }
    if offscreen:
        found |= {"SDL_VIDEODRIVER": "offscreen", "EGL_PLATFORM": "surfaceless"}
    return found
