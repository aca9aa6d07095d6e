"""A terminal's keys: they make cards' keys, and lie on the disk sealed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_reader.citizen_card.layout import PURSE_KEY, TAP_KEY, card_key
from card_reader.keys.errors import CardKeysError, NoCardKeyError
from card_reader.keys.port import KeyStore
from card_reader.keys.sealed import KEYS_MAX, SoftwareKeys
from shared.model.errors import VentanillaError

SECRET = bytes(range(32))
OLD, NEW = b"an old town key.", b"a new town key.."
UID = bytes.fromhex("04782E21801D80")
KEYS = {(TAP_KEY, 1): OLD, (TAP_KEY, 2): NEW}


def drawn(count: int) -> bytes:
    return b"\x07" * count


def file_of(keys: dict[tuple[int, int], bytes] = KEYS) -> bytes:
    return SoftwareKeys(keys).sealed(SECRET, "bus-7", drawn)


def test_store_gives_a_cards_own_key_by_version_newest_first() -> None:
    store: KeyStore = SoftwareKeys.opened(file_of(), SECRET, "bus-7")
    assert store.versions(TAP_KEY) == (2, 1)
    assert store.card_key(UID, TAP_KEY, 1) == card_key(OLD, UID, TAP_KEY)
    assert store.card_key(UID, TAP_KEY, 2) == card_key(NEW, UID, TAP_KEY)


def test_terminal_that_was_given_no_purse_key_has_none() -> None:
    store = SoftwareKeys(KEYS)
    assert store.versions(PURSE_KEY) == ()
    with pytest.raises(NoCardKeyError):
        store.card_key(UID, PURSE_KEY, 1)


@pytest.mark.parametrize(
    ("secret", "device"), [(SECRET[::-1], "bus-7"), (SECRET, "bus-8"), (b"short", "bus-7")]
)
def test_store_of_another_device_opens_nowhere(secret: bytes, device: str) -> None:
    with pytest.raises(CardKeysError):
        SoftwareKeys.opened(file_of(), secret, device)


@given(st.integers(0, len(file_of()) - 1), st.integers(1, 255))
def test_store_that_was_changed_is_not_opened(place: int, change: int) -> None:
    file = bytearray(file_of())
    file[place] ^= change
    with pytest.raises(CardKeysError):
        SoftwareKeys.opened(bytes(file), SECRET, "bus-7")


@given(st.binary(max_size=60))
def test_any_bytes_are_no_store(file: bytes) -> None:
    with pytest.raises(CardKeysError):
        SoftwareKeys.opened(b"VTCK\x01" + file, SECRET, "bus-7")


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 255), st.integers(0, 255)),
        st.binary(min_size=16, max_size=16),
        max_size=KEYS_MAX,
    )
)
def test_keys_there_and_back_are_the_same(keys: dict[tuple[int, int], bytes]) -> None:
    store = SoftwareKeys.opened(file_of(keys), SECRET, "bus-7")
    for (number, version), key in keys.items():
        assert store.card_key(UID, number, version) == card_key(key, UID, number)


@pytest.mark.parametrize(
    "keys", [{(1, 1): b"short"}, {(256, 1): OLD}, {(1, n): OLD for n in range(KEYS_MAX + 1)}]
)
def test_keys_that_are_none_are_refused(keys: dict[tuple[int, int], bytes]) -> None:
    with pytest.raises(CardKeysError):
        SoftwareKeys(keys)


def test_key_is_in_no_file_no_message_and_no_name() -> None:
    store = SoftwareKeys(KEYS)
    said = [repr(store), str(store), file_of().hex()]
    for wrong in (lambda: store.card_key(UID, 9, 9), lambda: SoftwareKeys.opened(b"", SECRET, "bus-7")):
        try:
            wrong()
        except VentanillaError as error:
            said += [repr(error), str(error.__cause__)]
    assert not [text for text in said for key in (OLD, NEW) if key.hex() in text or key.decode() in text]
