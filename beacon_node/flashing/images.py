"""Boards that are flashed through esptool, and the images of MicroPython that fit them.

Source: Espressif, "Firmware image format" (esptool documentation): magic byte, chip's number at byte 12.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import beacon_node.firmware
from beacon_node.flashing.errors import OtherBoardError
from shared.model.errors import InputError

BOARDS: Final = Path(beacon_node.firmware.__file__).parent / "boards"
FILES_BEGIN: Final = 0x200000
"""Where MicroPython keeps a board's files: an image ends before it."""
_MAGIC: Final = 0xE9
_HEADER_BYTES: Final = 24
_CHIP_AT: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardKind:
    """What a board of this name is.

    Args:
        name: as in `beacon_node/firmware/boards`.
        chip: as esptool names it.
        chip_id: as an image's header counts it.
        offset: where on the flash its first program lies, bytes.
        flash_mb: at least so much flash.
    """

    name: str
    chip: str
    chip_id: int
    offset: int
    flash_mb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A file that was checked: it is the one that was meant, and of this board."""

    path: Path
    board: BoardKind
    sha256: str


def board_kind(name: str) -> BoardKind:
    """Return what a board is.

    Raises:
        InputError: No board has this name, or it is not flashed through esptool.
    """
    kinds = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in BOARDS.glob("*.toml")}
    named = sorted(kind for kind, told in kinds.items() if "chip" in told)
    if name not in named:
        raise InputError(f"{name} is no board that is flashed by cable; name one of {', '.join(named)}")
    told = kinds[name]
    chip: dict[str, Any] = told["chip"]
    return BoardKind(
        name=name, chip=chip["name"], chip_id=chip["id"], offset=chip["offset"], flash_mb=told["flash_mb"]
    )


def check_image(path: Path, board: BoardKind, sha256: str) -> Image:
    """Check an image before any board is touched.

    Args:
        path: the file.
        board: what it is for.
        sha256: of the file, in hex, as the town wrote it down when it chose this MicroPython.

    Raises:
        InputError: The file is not there, or is not the one that was meant.
        OtherBoardError: It is no image, of another chip, or so long that it would reach the board's files.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read; correct --firmware") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256.strip().lower():
        raise InputError(f"{path} has the SHA-256 {found}, which is not --sha256; fetch the image again")
    if len(content) < _HEADER_BYTES or content[0] != _MAGIC:
        raise OtherBoardError(f"{path} is no image for esptool; take MicroPython's .bin file")
    if int.from_bytes(content[_CHIP_AT : _CHIP_AT + 2], "little") != board.chip_id:
        raise OtherBoardError(f"{path} is of another chip than {board.chip}; take the image of {board.name}")
    if board.offset + len(content) > FILES_BEGIN:
        raise OtherBoardError(
            f"{path} would reach into the board's files; take an image of MicroPython alone"
        )
    return Image(path=path.resolve(), board=board, sha256=found)
