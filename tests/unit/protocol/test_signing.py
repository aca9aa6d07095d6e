"""Signatures over payment lines: what an auditor can check without trusting the hub."""

from base64 import urlsafe_b64decode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.protocol.signing import LineSigner, SignatureError, signing_key_id, verify_line

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
PLACE = ("kiosk-7", "payments", "9f3c2a1b")
LINE = b'{"seq":1,"type":"tap.charged","sealed":"c7.1.AAAA"}'
SIGNED = LineSigner("kiosk-7", KEY).sign("payments", "9f3c2a1b", LINE)


@pytest.mark.sentence("K-4")
def test_signature_is_the_last_member_over_the_place_and_what_stands_before_it() -> None:
    before, _, member = SIGNED.partition(b',"sig":"')
    assert before == LINE[:-1]
    scheme, key_id, text = member.removesuffix(b'"}').split(b".")
    assert scheme == b"ed25519"
    assert key_id.decode() == signing_key_id(PUBLIC) == sha256(PUBLIC.public_bytes_raw()).hexdigest()[:8]
    PUBLIC.verify(urlsafe_b64decode(text + b"=="), b"vt1|kiosk-7|payments|9f3c2a1b|\0|" + before)


@pytest.mark.sentence("K-4")
def test_signed_line_is_verified() -> None:
    verify_line(PUBLIC, *PLACE, SIGNED)


@pytest.mark.parametrize(
    "place", [("kiosk-8", *PLACE[1:]), ("kiosk-7", "cases", "9f3c2a1b"), ("kiosk-7", "payments", "00000000")]
)
def test_signed_line_at_another_place_is_refused(place: tuple[str, str, str]) -> None:
    with pytest.raises(SignatureError):
        verify_line(PUBLIC, *place, SIGNED)


def test_signed_line_by_another_key_is_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(SignatureError):
        verify_line(other.public_key(), *PLACE, SIGNED)
    forged = LineSigner("kiosk-7", other).sign("payments", "9f3c2a1b", LINE)
    renamed = forged.replace(signing_key_id(other.public_key()).encode(), signing_key_id(PUBLIC).encode())
    with pytest.raises(SignatureError):
        verify_line(PUBLIC, *PLACE, renamed)


def test_signed_line_with_any_byte_changed_is_refused() -> None:
    for at in range(len(SIGNED)):
        changed = SIGNED[:at] + bytes([SIGNED[at] ^ 1]) + SIGNED[at + 1 :]
        with pytest.raises(SignatureError):
            verify_line(PUBLIC, *PLACE, changed)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        LINE,
        SIGNED + b" ",
        SIGNED[:-1],
        SIGNED[:-2] + b',"more":1}',
        SIGNED[:-2] + b'=="}',
        SIGNED[:-2] + b'!"}',
        LINE[:-1] + b',"sig":"ed25519."}',
        LINE[:-1] + b',"sig":"ed25519.%s.%s"}' % (signing_key_id(PUBLIC).encode(), "ñ".encode()),
    ],
)
def test_line_without_a_signature_at_its_end_is_refused(line: bytes) -> None:
    with pytest.raises(SignatureError):
        verify_line(PUBLIC, *PLACE, line)
