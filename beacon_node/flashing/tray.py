"""A tray of boards: the same is done to each, some at a time, and one that fails stops no other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from beacon_node.flashing import esptool
from beacon_node.flashing.errors import FlashDiffersError, OtherBoardError, SilentError
from beacon_node.flashing.images import Image


class Outcome(StrEnum):
    """What was done to a board."""

    WRITTEN = "written"
    ALREADY = "already"
    WOULD_WRITE = "would_write"
    VERIFIED = "verified"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of the board on a port; `status` is 0 or an error's."""

    port: str
    outcome: Outcome
    mac: str = ""
    said: str = ""
    status: int = 0


def flash(port: Path, image: Image, *, dry: bool = False) -> Done:
    """Bring an image onto a board, unless it is there.

    Args:
        port: where the board is.
        image: that was checked.
        dry: look only.

    Raises:
        SilentError: The board does not answer.
        OtherBoardError: It is not the board that the image is for.
        FlashDiffersError: The flash does not keep what is written.
    """
    chip = esptool.read_chip(port)
    esptool.check_chip(port, chip, image.board)
    try:
        esptool.verify(port, image)
        outcome = Outcome.ALREADY
    except FlashDiffersError:
        outcome = Outcome.WOULD_WRITE if dry else Outcome.WRITTEN
    if outcome is Outcome.WRITTEN:
        esptool.write(port, image)
    return Done(port=str(port), outcome=outcome, mac=chip.mac)


def verify(port: Path, image: Image) -> Done:
    """Hold a board against an image.

    Raises:
        SilentError: The board does not answer.
        OtherBoardError: It is not the board that the image is for.
        FlashDiffersError: It holds something else.
    """
    chip = esptool.read_chip(port)
    esptool.check_chip(port, chip, image.board)
    esptool.verify(port, image)
    return Done(port=str(port), outcome=Outcome.VERIFIED, mac=chip.mac)


def each(
    ports: tuple[Path, ...], work: Callable[[Path], Done], *, parallel: int, tell: Callable[[Done], None]
) -> tuple[Done, ...]:
    """Do the same on every port.

    Args:
        ports: where boards are.
        work: what is done on one.
        parallel: so many at a time.
        tell: hears of each board as it ends; called from several threads.

    Returns:
        What became of each, in the order of the ports.
    """
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        return tuple(pool.map(partial(_one, work, tell), ports))


def _one(work: Callable[[Path], Done], tell: Callable[[Done], None], port: Path) -> Done:
    try:
        done = work(port)
    except (SilentError, OtherBoardError, FlashDiffersError) as error:
        done = Done(port=str(port), outcome=Outcome.FAILED, said=str(error), status=error.status)
    tell(done)
    return done
