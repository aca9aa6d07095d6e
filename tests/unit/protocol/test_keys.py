"""Link keys: one secret, one key each way, and names that show nothing."""

import hmac
from hashlib import sha256

import pytest

from shared.model.errors import InputError
from shared.protocol.keys import SECRET_BYTES, derive, key_id

SECRET = bytes(range(32))


def hkdf(secret: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, an empty salt and one block, written out."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


@pytest.mark.sentence("K-1")
def test_keys_are_hkdf_of_the_secret_for_each_direction() -> None:
    keys = derive(SECRET)
    assert keys.up.key == hkdf(SECRET, b"vt1 up")
    assert keys.down.key == hkdf(SECRET, b"vt1 down")


@pytest.mark.sentence("K-1")
def test_key_id_is_the_first_eight_digits_of_its_hash() -> None:
    key = derive(SECRET).up
    assert key.id == key_id(key.key) == sha256(key.key).hexdigest()[:8]


@pytest.mark.sentence("K-1")
@pytest.mark.parametrize("length", [0, 16, SECRET_BYTES - 1, SECRET_BYTES + 1])
def test_secret_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InputError, match="enrol"):
        derive(bytes(length))


def test_key_shows_its_name_alone() -> None:
    keys = derive(SECRET)
    assert keys.up.key.hex() not in repr(keys)
    assert str(keys.up.key) not in repr(keys)
    assert keys.up.id in repr(keys)
