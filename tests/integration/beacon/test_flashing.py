"""The real esptool puts images on a chip's boot ROM: whole, turned in a bit, or with the cable pulled."""

import hashlib
import json
import random
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from beacon_node.flashing.errors import PortError
from beacon_node.flashing.ports import meant, ports
from shared.cli import main
from tests.support.boot_rom import CHIP_ID, MAC, BootRom

BLOCKS = 59
"""Of 1 KiB, as the ROM takes them."""


def image_of(chip_id: int, length: int = 60_000) -> bytes:
    """An image's header, and what does not pack."""
    header = b"\xe9\x01\x02\x3f" + bytes(8) + struct.pack("<H", chip_id) + bytes(10)
    return header + random.Random(1).randbytes(length)


IMAGE = image_of(CHIP_ID)


@pytest.fixture
def rom() -> Iterator[BootRom]:
    with closing(BootRom()) as made:
        yield made


def run(folder: Path, verb: str, *words: str, image: bytes = IMAGE, board: str = "esp32s3") -> int:
    """Run a verb on an image; its exit status."""
    path = folder / "micropython.bin"
    path.write_bytes(image)
    given = ["--firmware", str(path), "--sha256", hashlib.sha256(image).hexdigest(), "--board", board]
    with pytest.raises(SystemExit) as ended:
        main(["beacon", "flash", verb, *given, *words])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_image_is_written_once_and_then_is_there(
    rom: BootRom, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rom.flash[0x200000:0x200004] = b"file"
    for outcome, blocks in (("written", BLOCKS), ("already", BLOCKS)):
        assert run(tmp_path, "flash", "--port", rom.port, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["port"], told["outcome"], told["mac"]) == (rom.port, outcome, MAC.hex(":"))
        assert rom.blocks == blocks
    assert rom.flash[: len(IMAGE)] == IMAGE
    assert rom.flash[0x200000:0x200004] == b"file"
    assert run(tmp_path, "verify", "--port", rom.port) == 0


def test_dry_run_writes_nothing(rom: BootRom, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "flash", "--port", rom.port, "--dry-run") == 0
    assert "would_write" in capsys.readouterr().out
    assert rom.blocks == 0
    assert rom.flash == b"\xff" * len(rom.flash)


def test_bit_that_turned_on_the_flash_is_found(rom: BootRom, tmp_path: Path) -> None:
    assert run(tmp_path, "flash", "--port", rom.port) == 0
    rom.flash[5_000] ^= 1
    assert run(tmp_path, "verify", "--port", rom.port) == 7


def test_flash_that_does_not_keep_a_bit_fails_its_board(tmp_path: Path) -> None:
    with closing(BootRom(flips_block=2)) as worn:
        assert run(tmp_path, "flash", "--port", worn.port) == 7


def test_cable_pulled_in_the_middle_is_told_and_repeating_writes_it_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(BootRom(gone_at_block=20)) as pulled:
        assert run(tmp_path, "flash", "--port", pulled.port) == 5
        assert "repeat" in capsys.readouterr().err
        half = bytes(pulled.flash)
    assert half[: len(IMAGE)] != IMAGE
    assert 0 < pulled.blocks < BLOCKS
    with closing(BootRom()) as again:
        again.flash[:] = half
        assert run(tmp_path, "flash", "--port", again.port) == 0
        assert again.flash[: len(IMAGE)] == IMAGE


@pytest.mark.parametrize(
    ("image", "board", "status"),
    [
        (IMAGE, "esp32", 6),
        (image_of(0), "esp32", 6),
        (image_of(0), "esp32s3", 6),
        (b"PK" + IMAGE, "esp32s3", 6),
        (IMAGE[:10], "esp32s3", 6),
        (b"", "esp32s3", 6),
        (image_of(CHIP_ID, 0x200000), "esp32s3", 6),
        (IMAGE, "picow", 1),
        (IMAGE, "teapot", 1),
    ],
    ids=["image", "chip", "foreign", "archive", "torn", "empty", "too_long", "no_esptool", "unknown"],
)
def test_image_that_is_not_the_boards_touches_nothing(
    rom: BootRom, tmp_path: Path, image: bytes, board: str, status: int
) -> None:
    assert run(tmp_path, "flash", "--port", rom.port, image=image, board=board) == status
    assert rom.blocks == 0


def test_image_of_another_sum_touches_nothing(rom: BootRom, tmp_path: Path) -> None:
    assert run(tmp_path, "flash", "--port", rom.port, "--sha256", "0" * 64) == 1
    assert rom.blocks == 0


def test_board_with_less_flash_is_another_board(tmp_path: Path) -> None:
    with closing(BootRom(flash_mb=4)) as small:
        assert run(tmp_path, "flash", "--port", small.port) == 6
        assert small.blocks == 0


def test_port_that_is_not_there_or_said_twice_is_told(tmp_path: Path, rom: BootRom) -> None:
    assert run(tmp_path, "flash", "--port", str(tmp_path / "ttyUSB9")) == 4
    assert run(tmp_path, "flash", "--port", rom.port, "--all") == 4


def test_several_ports_are_never_guessed_among(tmp_path: Path) -> None:
    with pytest.raises(PortError, match="no board"):
        meant(None, every=False, dev=tmp_path)
    first, second = tmp_path / "ttyACM0", tmp_path / "ttyUSB0"
    first.touch()
    assert meant(None, every=False, dev=tmp_path) == (first,)
    second.touch()
    with pytest.raises(PortError, match="2 ports"):
        meant(None, every=False, dev=tmp_path)
    assert meant(None, every=True, dev=tmp_path) == (first, second)
    names = tmp_path / "serial/by-id"
    names.mkdir(parents=True)
    (names / "usb-Espressif-1").symlink_to(second)
    assert ports(tmp_path) == {first: "", second: "usb-Espressif-1"}
