"""The town's card keys at the hub, in files and in a token: made, retired, given to terminals; what lacks."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from card_reader.citizen_card import layout
from card_reader.keys.errors import CardKeysError, NoCardKeyError
from card_reader.keys.sealed import SoftwareKeys
from hub.keys.card_keys import (
    CARD_KEYS,
    NUMBERS,
    RETIRED,
    SECRET,
    VAULT_NUMBERS,
    CardKeyRing,
    CardKeyVersionError,
    NoCardKeysError,
)
from hub.keys.files import KeyFileError, SecondCopyError, TwinFolder
from hub.keys.vault import KeyVault
from shared.model.errors import VentanillaError
from tests.support.softhsm import soft_token

UID = bytes.fromhex("04782E21801D80")
LINK_KEY = bytes(range(32))


@pytest.fixture(params=["files", pytest.param("token", marks=pytest.mark.requires("softhsm2-util"))])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyVault | None]:
    if request.param == "files":
        yield None
        return
    with soft_token(tmp_path / "hsm") as token:
        yield token.vault()


def ring_in(folder: Path, vault: KeyVault | None = None) -> CardKeyRing:
    return CardKeyRing(TwinFolder(folder / "keys", folder / "copy"), vault)


@pytest.fixture
def ring(tmp_path: Path, vault: KeyVault | None) -> CardKeyRing:
    made = ring_in(tmp_path, vault)
    made.make()
    return made


def every_key(ring: CardKeyRing, version: int) -> list[bytes]:
    return [ring.card_key(UID, number, version) for number in NUMBERS]


def test_hub_without_card_keys_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(NoCardKeysError, match="card-keys new"):
        ring_in(tmp_path).card_key(UID, layout.TAP_KEY, 1)


def test_new_version_is_current_and_the_one_before_stays(ring: CardKeyRing) -> None:
    before = every_key(ring, 1)
    assert len(set(before)) == len(NUMBERS)
    assert ring.make() == 2 == ring.current
    assert every_key(ring, 1) == before
    assert not set(every_key(ring, 2)) & set(before)
    assert [(each.version, each.state) for each in ring.states()] == [(2, "current"), (1, "accepted")]
    with pytest.raises(NoCardKeyError):
        ring.card_key(UID, layout.TAP_KEY, 3)


def test_version_that_a_command_makes_or_retires_is_seen_by_a_ring_that_is_open(
    ring: CardKeyRing, tmp_path: Path, vault: KeyVault | None
) -> None:
    assert ring.current == 1
    other = ring_in(tmp_path, vault)
    other.make()
    assert ring.current == 2
    other.retire(1)
    assert [each.state for each in ring.states()] == ["current", "retired"]


@pytest.mark.parametrize("version", [0, 2, 3])
def test_version_that_is_the_newest_or_is_not_there_is_not_retired(ring: CardKeyRing, version: int) -> None:
    ring.make()
    with pytest.raises(CardKeyVersionError):
        ring.retire(version)


def test_terminal_gets_the_tap_key_alone_and_only_in_versions_that_are_not_retired(ring: CardKeyRing) -> None:
    ring.make()
    ring.make()
    ring.retire(1)
    given = SoftwareKeys.opened(ring.sealed_for("bus-7", LINK_KEY), LINK_KEY, "bus-7")
    assert given.versions(layout.TAP_KEY) == (3, 2)
    assert given.card_key(UID, layout.TAP_KEY, 3) == ring.card_key(UID, layout.TAP_KEY, 3)
    assert not any(given.versions(number) for number in NUMBERS if number != layout.TAP_KEY)
    for secret, device in ((bytes(32), "bus-7"), (LINK_KEY, "bus-8")):
        with pytest.raises(CardKeysError):
            SoftwareKeys.opened(ring.sealed_for("bus-7", LINK_KEY), secret, device)


def test_ring_comes_back_from_its_second_copy(
    ring: CardKeyRing, tmp_path: Path, vault: KeyVault | None
) -> None:
    ring.make()
    ring.retire(1)
    keys = every_key(ring, 2)
    shutil.rmtree(tmp_path / "keys")
    restored = ring_in(tmp_path, vault)
    assert every_key(restored, 2) == keys
    assert [each.state for each in restored.states()] == ["current", "retired"]


def test_version_is_not_made_where_the_second_copy_cannot_be_written(
    ring: CardKeyRing, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "copy")
    (tmp_path / "copy").write_text("no folder")
    with pytest.raises(SecondCopyError):
        ring.make()
    assert ring.current == 1
    (tmp_path / "copy").unlink()
    assert ring.make() == 2 == ring.current
    assert len(set(every_key(ring, 2))) == len(NUMBERS)


@pytest.mark.parametrize("name", [CARD_KEYS, SECRET, RETIRED])
def test_damaged_file_opens_nothing_and_no_sentence_carries_a_key(
    ring: CardKeyRing, tmp_path: Path, name: str
) -> None:
    ring.make()
    ring.retire(1)
    path = tmp_path / "keys" / name
    path.write_bytes(b"\xff" + path.read_bytes()[1:])
    with pytest.raises(VentanillaError) as said:
        ring_in(tmp_path).states()
    assert isinstance(said.value, CardKeysError | KeyFileError)


def test_no_town_key_stands_in_any_file_or_repr(ring: CardKeyRing, tmp_path: Path) -> None:
    secret = (tmp_path / "keys" / SECRET).read_bytes()
    towns = SoftwareKeys.opened((tmp_path / "keys" / CARD_KEYS).read_bytes(), secret, "the hub")
    masters = [key for number in NUMBERS for key in towns.towns_own(number).values()]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    (state,) = ring.states()
    kept = NUMBERS if state.kept == "files" else (layout.TAP_KEY,)
    assert len(set(masters)) == len(masters) == len(kept)
    for master in masters:
        assert not any(master in file or master.hex().encode() in file for file in written)
        assert master.hex() not in repr(ring) + repr(towns)
    for path in (tmp_path / "keys").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_store_that_lacks_some_keys_of_a_version_is_damaged(tmp_path: Path) -> None:
    ring_in(tmp_path).make()
    folder = TwinFolder(tmp_path / "keys", tmp_path / "copy")
    some = SoftwareKeys({(number, 1): bytes(16) for number in (layout.TAP_KEY, *VAULT_NUMBERS[1:])})
    folder.write(CARD_KEYS, some.sealed(folder.read(SECRET), "the hub", bytes))
    with pytest.raises(KeyFileError):
        ring_in(tmp_path).states()
