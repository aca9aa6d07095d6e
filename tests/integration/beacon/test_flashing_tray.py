"""A tray of boards at once: each is flashed, and a bad one stops no other."""

import hashlib
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from beacon_node.flashing import tray
from beacon_node.flashing.images import board_kind, check_image
from beacon_node.flashing.tray import Done, Outcome
from tests.integration.beacon.test_flashing import IMAGE
from tests.support.boot_rom import BootRom


def test_tray_with_a_bad_board_has_the_others_flashed(tmp_path: Path) -> None:
    path = tmp_path / "micropython.bin"
    path.write_bytes(IMAGE)
    image = check_image(path, board_kind("esp32s3"), hashlib.sha256(IMAGE).hexdigest())
    with ExitStack() as boards:
        roms = [boards.enter_context(closing(BootRom(flips_block=flips))) for flips in (None, 3, None)]
        told: list[Done] = []
        done = tray.each(
            tuple(Path(rom.port) for rom in roms),
            partial(tray.flash, image=image),
            parallel=3,
            tell=told.append,
        )
        assert [each.outcome for each in done] == [Outcome.WRITTEN, Outcome.FAILED, Outcome.WRITTEN]
        assert [each.status for each in done] == [0, 7, 0]
        assert sorted(each.port for each in told) == sorted(rom.port for rom in roms)
        assert [rom.flash[: len(IMAGE)] == IMAGE for rom in roms] == [True, False, True]
