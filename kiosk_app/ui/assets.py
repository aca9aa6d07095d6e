"""Typefaces and icons: where they lie on this machine, and what each icon's letter is.

They are no part of the product: `.ci/look` installs them below the environment, in the versions of
`requirements/look.lock`. Another folder can be named.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk_app.ui.scene import Face
from shared.model.errors import DeviceError

FOLDER: Final = Path(sys.prefix, "share", "ventanilla", "look")
"""Where they are looked for when no folder is named."""
_FILES: Final = {
    Face.TEXT: "AtkinsonHyperlegibleNext_400Regular.ttf",
    Face.BOLD: "AtkinsonHyperlegibleNext_600SemiBold.ttf",
    Face.ICONS: "tabler-icons.ttf",
}
_NAMES: Final = "tabler-icons.css"
_ICON: Final = re.compile(r'\.ti-([a-z0-9-]+):before\s*\{\s*content:\s*"\\([0-9a-f]+)"')
_STAND_IN: Final = "help"
"""For an icon that a town names and that is not in the set."""


@dataclass(frozen=True, slots=True)
class Assets:
    """What is drawn with.

    Attributes:
        files: the file of each typeface.
        icons: the letter of each icon, by its name.
    """

    files: Mapping[Face, Path]
    icons: Mapping[str, str]

    def letter(self, icon: str) -> str:
        """Return the letter of an icon; of one that stands in where there is none of that name."""
        return self.icons.get(icon) or self.icons[_STAND_IN]


def find_assets(folder: Path | None = None) -> Assets:
    """Find typefaces and icons.

    Args:
        folder: where they lie; below the environment where none is named.

    Raises:
        DeviceError: they are missing or cannot be read; says how to install them.
    """
    place = folder or FOLDER
    files = {face: place / name for face, name in _FILES.items()}
    missing = [path.name for path in (*files.values(), place / _NAMES) if not path.is_file()]
    if missing:
        raise DeviceError(
            f"The screen's typefaces and icons are not in {place}: {', '.join(missing)}. "
            "Run `make look`, or name their folder."
        )
    names = _ICON.findall((place / _NAMES).read_text(encoding="utf-8", errors="replace"))
    icons = {name: chr(int(code, 16)) for name, code in names}
    if _STAND_IN not in icons:
        raise DeviceError(f"{place / _NAMES} names no icons. Run `make look` again.")
    return Assets(files, icons)
