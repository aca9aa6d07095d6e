"""Card keys in a PKCS#11 token: what is in it stays in it, and whatever befalls it is said and mended."""

from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from pkcs11.constants import Attribute
from pkcs11.exceptions import AttributeSensitive
from pkcs11.mechanisms import KeyType
from typer.testing import CliRunner

from card_reader.citizen_card import layout
from card_reader.keys.errors import NoCardKeyError
from card_reader.keys.sealed import SoftwareKeys
from hub.assembly.cards import RingSeals
from hub.keys.card_keys import CARD_KEYS, SECRET, VAULT_NUMBERS, CardKeyRing
from hub.keys.files import TwinFolder
from hub.keys.named_vault import vault_at
from hub.keys.token import Token
from hub.keys.vault import (
    NoVaultError,
    TokenAwayError,
    TokenKeyError,
    TokenPinError,
    TokenUnfitError,
)
from hub.orders.card_keys import app
from shared.model.errors import DeviceError, TransientError
from tests.support.softhsm import LABEL, PIN, SoftToken, soft_token

pytestmark = pytest.mark.requires("softhsm2-util")
UID = bytes.fromhex("04782E21801D80")
MASTER = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
PIN_COUNT_LOW = 0x10000


@pytest.fixture
def token(tmp_path: Path) -> Iterator[SoftToken]:
    with soft_token(tmp_path / "hsm") as token:
        yield token


def ring_in(folder: Path, vault: Token | None) -> CardKeyRing:
    return CardKeyRing(TwinFolder(folder / "keys", folder / "copy"), vault)


def session_of(token: SoftToken) -> pkcs11.Session:
    return pkcs11.lib(str(token.module)).get_token(token_label=LABEL).open(rw=True, user_pin=PIN)


def plant(token: SoftToken, number: int, key: bytes = MASTER) -> None:
    """Put a key that is known outside into the token, where one of the town's would be."""
    session = session_of(token)
    session.create_object(
        {
            Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.ID: bytes((number, 1)),
            Attribute.VALUE: key,
            Attribute.TOKEN: True,
            Attribute.ENCRYPT: True,
        }
    )
    session.close()


@pytest.mark.parametrize("number", VAULT_NUMBERS)
def test_card_key_of_a_token_is_that_of_the_same_town_key_in_software(token: SoftToken, number: int) -> None:
    plant(token, number)
    store = SoftwareKeys({(number, 1): MASTER})
    assert token.vault().card_key(UID, number, 1) == store.card_key(UID, number, 1)


def test_keys_that_a_token_made_cannot_be_read_and_are_in_no_file(token: SoftToken, tmp_path: Path) -> None:
    ring = ring_in(tmp_path, token.vault())
    ring.make()
    token.end_sessions()
    session = session_of(token)
    made = list(session.get_objects({Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY}))
    assert sorted(each[Attribute.ID] for each in made) == [bytes((number, 1)) for number in VAULT_NUMBERS]
    for each in made:
        assert (each[Attribute.DECRYPT], each[Attribute.WRAP], each[Attribute.EXTRACTABLE]) == (False,) * 3
        with pytest.raises(AttributeSensitive):
            each[Attribute.VALUE]
    session.close()
    files = SoftwareKeys.opened(
        (tmp_path / "keys" / CARD_KEYS).read_bytes(), (tmp_path / "keys" / SECRET).read_bytes(), "the hub"
    )
    assert [files.versions(number) for number in (*VAULT_NUMBERS, layout.TAP_KEY)] == [()] * 5 + [(1,)]


def test_versions_before_the_token_stay_in_files_and_newer_ones_are_made_in_it(
    token: SoftToken, tmp_path: Path
) -> None:
    before = ring_in(tmp_path, None)
    before.make()
    keys = [before.card_key(UID, number, 1) for number in VAULT_NUMBERS]
    ring = ring_in(tmp_path, token.vault())
    assert ring.make() == 2
    assert [(each.version, each.kept) for each in ring.states()] == [(2, "vault"), (1, "files")]
    assert [ring.card_key(UID, number, 1) for number in VAULT_NUMBERS] == keys
    assert token.vault().versions(layout.PURSE_KEY) == (2,)
    ring.retire(1)
    assert [each.state for each in ring.states()] == ["current", "retired"]
    with pytest.raises(NoVaultError, match="card_token_module"):
        ring_in(tmp_path, None).card_key(UID, layout.SEAL_KEY, 2)


def test_token_that_is_away_is_said_changes_nothing_and_serves_when_it_is_back(
    token: SoftToken, tmp_path: Path
) -> None:
    ring = ring_in(tmp_path, token.vault())
    ring.make()
    seal = RingSeals(ring).seal_key(UID, 1)
    token.take_away()
    for _ in range(2):
        with pytest.raises(TokenAwayError, match="_label") as said:
            RingSeals(ring).seal_key(UID, 1)
        assert isinstance(said.value, TransientError)
        with pytest.raises(TokenAwayError):
            ring.make()
    assert ring.current == 1
    assert len(ring.sealed_for("bus-7", bytes(32))) > 0, "a terminal is loaded without the token"
    token.bring_back()
    assert RingSeals(ring).seal_key(UID, 1) == seal
    assert RingSeals(ring).seal_key(UID, 9) is None
    assert ring.make() == 2


def test_session_that_is_lost_is_opened_again_and_nobody_notices(token: SoftToken) -> None:
    vault = token.vault()
    vault.make(VAULT_NUMBERS, 1)
    key = vault.card_key(UID, layout.PURSE_KEY, 1)
    for _ in range(3):
        token.end_sessions()
        assert vault.card_key(UID, layout.PURSE_KEY, 1) == key


def test_wrong_pin_is_tried_once_and_again_only_when_its_file_was_replaced(token: SoftToken) -> None:
    vault = token.vault()
    vault.make(VAULT_NUMBERS, 1)
    token.end_sessions()
    token.write_pin("0000")
    with pytest.raises(TokenPinError, match="card_token_pin_file") as said:
        vault.card_key(UID, layout.PURSE_KEY, 1)
    assert isinstance(said.value, DeviceError)
    assert "0000" not in str(said.value) + repr(vault)
    assert token.flags() & PIN_COUNT_LOW
    session_of(token).close()  # a right login clears what the token counted
    for _ in range(20):
        with pytest.raises(TokenPinError):
            vault.card_key(UID, layout.PURSE_KEY, 1)
    assert not token.flags() & PIN_COUNT_LOW, "the wrong PIN came again"
    token.write_pin(PIN)
    assert vault.card_key(UID, layout.PURSE_KEY, 1)


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_pin_that_others_may_read_is_not_used(token: SoftToken, mode: int) -> None:
    token.pin_file.chmod(mode)
    with pytest.raises(TokenPinError, match="chmod 600"):
        token.vault().versions(layout.PURSE_KEY)
    token.pin_file.unlink()
    with pytest.raises(TokenPinError, match="cannot be read"):
        token.vault().versions(layout.PURSE_KEY)


def test_key_that_the_token_lacks_is_no_judgement_of_a_card(token: SoftToken, tmp_path: Path) -> None:
    ring = ring_in(tmp_path, token.vault())
    ring.make()
    token.end_sessions()
    session = session_of(token)
    session.get_key(id=bytes((layout.SEAL_KEY, 1))).destroy()
    session.close()
    with pytest.raises(TokenKeyError, match="backup") as said:
        RingSeals(ring).seal_key(UID, 1)
    assert not isinstance(said.value, NoCardKeyError), "a tap would be unchecked, a card not genuine"


def test_key_that_is_there_twice_is_said(token: SoftToken) -> None:
    plant(token, layout.PURSE_KEY)
    plant(token, layout.PURSE_KEY, bytes(16))
    with pytest.raises(TokenKeyError, match="twice"):
        token.vault().card_key(UID, layout.PURSE_KEY, 1)


def test_key_that_could_be_known_outside_makes_no_version(token: SoftToken, tmp_path: Path) -> None:
    plant(token, layout.PURSE_KEY)
    ring = ring_in(tmp_path, token.vault())
    with pytest.raises(TokenUnfitError, match="key 2 of version 1"):
        ring.make()
    assert not ring.is_made


def test_making_that_was_torn_goes_on_with_the_keys_that_are_there(token: SoftToken, tmp_path: Path) -> None:
    vault = token.vault()
    vault.make(VAULT_NUMBERS[:2], 1)
    keys = [vault.card_key(UID, number, 1) for number in VAULT_NUMBERS[:2]]
    ring = ring_in(tmp_path, vault)
    assert ring.make() == 1
    assert [ring.card_key(UID, number, 1) for number in VAULT_NUMBERS[:2]] == keys


def test_commands_make_list_and_retire_versions_in_the_token_that_the_settings_name(
    token: SoftToken, tmp_path: Path
) -> None:
    home = tmp_path / "hub"
    (home / "keys").mkdir(parents=True)
    told = {"module": token.module, "label": LABEL, "pin_file": token.pin_file}
    (home / "config.toml").write_text("".join(f'card_token_{name} = "{it}"\n' for name, it in told.items()))
    for order in (["new"], ["new"], ["retire", "1"]):
        assert CliRunner().invoke(app, [*order, "--home", str(home)]).exit_code == 0
    listed = CliRunner().invoke(app, ["list", "--home", str(home)]).output
    assert [line.split() for line in listed.splitlines()[1:]] == [
        ["2", "current", "vault"],
        ["1", "retired", "vault"],
    ]
    assert token.vault().versions(layout.SEAL_KEY) == (2, 1)
    assert PIN not in listed


@pytest.mark.parametrize("module", ["/nowhere/libhsm.so", "/etc/passwd"])
def test_library_that_is_none_is_said(token: SoftToken, module: str) -> None:
    vault = vault_at(Path(module), LABEL, token.pin_file)
    assert vault is not None
    with pytest.raises(TokenAwayError, match="card_token_module"):
        vault.versions(layout.PURSE_KEY)


def test_label_that_no_token_has_is_said(token: SoftToken) -> None:
    with pytest.raises(TokenAwayError, match="_label"):
        token.vault("another").versions(layout.PURSE_KEY)
