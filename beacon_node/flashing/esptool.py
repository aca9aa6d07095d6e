"""esptool, run as a program: what chip is there, writing an image, and holding the flash against it.

The ROM of the chip is spoken to (`--no-stub`): nothing runs on a board but its maker's and the town's.
Source: Espressif, esptool documentation 5, "Basic commands".
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from beacon_node.flashing.errors import FlashDiffersError, OtherBoardError, SilentError
from beacon_node.flashing.images import BoardKind, Image

RUN_S: Final = 300.0
_BAUD: Final = "460800"
_CHIP: Final = re.compile(r"^Connected to (\S+) on ", re.MULTILINE)
_MAC: Final = re.compile(r"^MAC:\s+([0-9a-f:]{17})$", re.MULTILINE)
_FLASH: Final = re.compile(r"^Detected flash size: (\d+)MB$", re.MULTILINE)
_DIFFERS: Final = ("MD5 of file does not match", "Verification failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """What a board says of itself."""

    name: str
    mac: str
    flash_mb: int


def is_installed() -> bool:
    """Return whether esptool can be run here."""
    return find_spec("esptool") is not None


def read_chip(port: Path) -> Chip:
    """Return what the board on a port says of itself.

    Raises:
        SilentError: It does not answer.
    """
    told = _run(port, "flash-id")
    found = [pattern.search(told) for pattern in (_CHIP, _MAC, _FLASH)]
    if not all(found):
        raise SilentError(f"{port} says neither chip nor flash; plug the board in again")
    name, mac, flash_mb = (match[1] for match in found if match)
    return Chip(name=name, mac=mac, flash_mb=int(flash_mb))


def check_chip(port: Path, chip: Chip, board: BoardKind) -> None:
    """Compare what is there with what was named.

    Raises:
        OtherBoardError: It is another chip, or has less flash.
    """
    if chip.name != board.chip:
        raise OtherBoardError(f"{port} is an {chip.name}, not an {board.chip}; correct --board")
    if chip.flash_mb < board.flash_mb:
        raise OtherBoardError(
            f"{port} has {chip.flash_mb} MB of flash, and {board.name} has {board.flash_mb}; take another"
        )


def write(port: Path, image: Image) -> None:
    """Write an image, and hold the flash against it. The board's files stay.

    Raises:
        SilentError: The board was unplugged or does not answer: repeat, nothing else is needed.
        FlashDiffersError: The flash does not keep what is written to it.
    """
    _run(port, "write-flash", f"{image.board.offset:#x}", str(image.path))


def verify(port: Path, image: Image) -> None:
    """Hold the flash against an image.

    Raises:
        SilentError: The board does not answer.
        FlashDiffersError: It is not the same.
    """
    _run(port, "verify-flash", f"{image.board.offset:#x}", str(image.path))


def _run(port: Path, *words: str) -> str:
    command = [sys.executable, "-m", "esptool", "--no-stub", "--baud", _BAUD, "--port", str(port), *words]
    try:  # in a folder where nobody has left settings for esptool
        done = subprocess.run(command, capture_output=True, timeout=RUN_S, check=False, text=True, cwd="/")
    except subprocess.TimeoutExpired as error:
        raise SilentError(f"{port} has not ended after {RUN_S:.0f} s; plug the board in again") from error
    said = done.stdout + done.stderr
    if done.returncode == 0:
        return said
    if any(sign in said for sign in _DIFFERS):
        raise FlashDiffersError(
            f"{port} holds something else than the image; flash it, or take another board"
        )
    raise SilentError(f"{port} does not answer; look at the cable, hold BOOT while plugging in, then repeat")
