"""The town's card keys at the hub: made, retired, kept in both copies; what a terminal gets of them."""

import shutil
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
    CardKeyRing,
    CardKeyVersionError,
    NoCardKeysError,
)
from hub.keys.files import KeyFileError, SecondCopyError, TwinFolder
from shared.model.errors import VentanillaError

UID = bytes.fromhex("04782E21801D80")
LINK_KEY = bytes(range(32))


def ring_in(folder: Path) -> CardKeyRing:
    return CardKeyRing(TwinFolder(folder / "keys", folder / "copy"))


@pytest.fixture
def ring(tmp_path: Path) -> CardKeyRing:
    made = ring_in(tmp_path)
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
    ring: CardKeyRing, tmp_path: Path
) -> None:
    assert ring.current == 1
    other = ring_in(tmp_path)
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


def test_ring_comes_back_from_its_second_copy(ring: CardKeyRing, tmp_path: Path) -> None:
    ring.make()
    ring.retire(1)
    keys = every_key(ring, 2)
    shutil.rmtree(tmp_path / "keys")
    restored = ring_in(tmp_path)
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
    masters = [towns.towns_own(number)[1] for number in NUMBERS]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(set(masters)) == len(NUMBERS)
    for master in masters:
        assert not any(master in file or master.hex().encode() in file for file in written)
        assert master.hex() not in repr(ring) + repr(towns)
    for path in (tmp_path / "keys").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
