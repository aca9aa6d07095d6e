"""A firmware made ready: built twice the same, signed by the town's key alone, looked at as a node does."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from beacon_node import release
from shared.model.errors import InputError
from shared.protocol import firmware
from shared.protocol.firmware import FirmwareError
from tests.support.firmware import town_key


def build(folder: Path, board: str = "esp32") -> bytes:
    """Build one; returns its manifest."""
    release.build(folder, board=board, sequence=12, minimum=3, version="0.2.0", expires_s=1_800_000_000)
    return (folder / release.MANIFEST).read_bytes()


def test_firmware_built_twice_is_the_same_bytes_and_signed_once_it_verifies(tmp_path: Path) -> None:
    assert build(tmp_path / "one") == build(tmp_path / "two")
    made = release.sign(tmp_path / "one", town_key())
    assert release.verify(tmp_path / "one", [town_key("other").public_key(), town_key().public_key()]) == made
    assert {"beacon_node/firmware/ota.mpy", "beacon_node/firmware/main.mpy"} <= {f.name for f in made.files}
    with pytest.raises(FirmwareError):
        release.verify(tmp_path / "one", [town_key("other").public_key()])
    with pytest.raises(FirmwareError):
        release.verify(tmp_path / "two", [town_key().public_key()])
    with pytest.raises(FirmwareError):
        release.sign(tmp_path / "one", town_key())  # it is signed


def test_firmware_whose_files_were_touched_is_not_signed_and_does_not_verify(tmp_path: Path) -> None:
    build(tmp_path / "one")
    file = tmp_path / "one" / release.FILES / "beacon_node/firmware/ota.mpy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"?")
    with pytest.raises(FirmwareError, match=r"ota\.mpy"):
        release.sign(tmp_path / "one", town_key())
    file.write_bytes(whole)
    release.sign(tmp_path / "one", town_key())
    file.unlink()
    with pytest.raises(FirmwareError, match="build it again"):
        release.verify(tmp_path / "one", [town_key().public_key()])


def test_board_that_there_is_none_of_and_folder_that_is_not_empty_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="esp32"):
        build(tmp_path / "one", "toaster")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(InputError, match="another folder"):
        build(tmp_path / "full")


def test_key_is_written_once_and_opens_with_its_password_alone(tmp_path: Path) -> None:
    path = tmp_path / "town.pem"
    key = release.make_key(path, b"secret")
    public = (tmp_path / "town.pem.keys").read_bytes()
    assert [firmware.key_id(one) for one in firmware.keys_of(public)] == [firmware.key_id(key.public_key())]
    assert path.stat().st_mode & 0o777 == 0o600
    assert release.load_key(path, b"secret").private_numbers() == key.private_numbers()
    for password in (b"", b"other"):
        with pytest.raises(InputError):
            release.load_key(path, password)
    with pytest.raises(InputError, match="never written over"):
        release.make_key(path, b"")


def test_key_of_another_size_signs_nothing(tmp_path: Path) -> None:
    small = generate_private_key(65_537, 2_048)
    path = tmp_path / "small"
    path.write_bytes(small.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    build(tmp_path / "one")
    with pytest.raises(FirmwareError, match="3072"):
        release.sign(tmp_path / "one", release.load_key(path, b""))
    for moduli in (b"", bytes(383), bytes(384 * 3)):
        with pytest.raises(FirmwareError):
            firmware.keys_of(moduli)
