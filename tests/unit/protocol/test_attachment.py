"""Sealing chunk by chunk: what opens, and that nothing else does."""

from collections.abc import Callable
from io import BytesIO

import pytest

from shared.model.attachment import Attachment, Envelope, read_attachments, read_envelopes
from shared.model.errors import InputError
from shared.protocol.attachment import (
    CHUNK_BYTES,
    SEALED_CHUNK_BYTES,
    check_request,
    open_body,
    seal_body,
    sealed_size,
    sign_request,
)
from shared.protocol.keys import derive
from shared.protocol.mac import MacError
from shared.protocol.sealing import SealError

KEY = bytes(range(32))
EVENT = "01930d3e-8a00-7000-8000-000000000001"
LINK = derive(bytes(32)).up
PATH = "/attachments/kiosk-7/" + "ab" * 32


def sealed(plain: bytes) -> bytes:
    return b"".join(seal_body(KEY, "kiosk-7", EVENT, BytesIO(plain).read))


def opened(body: bytes, *, key: bytes = KEY, device: str = "kiosk-7", event: str = EVENT) -> bytes:
    return b"".join(open_body(key, device, event, BytesIO(body).read))


@pytest.mark.sentence("M-2")
@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_body_of_any_size_opens_to_itself_and_is_as_long_as_foretold(size: int) -> None:
    plain = bytes(n % 251 for n in range(size))
    body = sealed(plain)
    assert len(body) == sealed_size(size)
    assert opened(body) == plain


@pytest.mark.sentence("M-2")
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda body: body[:SEALED_CHUNK_BYTES], id="its end is cut off at a chunk"),
        pytest.param(lambda body: body[:-1], id="its last byte is cut off"),
        pytest.param(lambda body: body + body[-20:], id="something is put behind it"),
        pytest.param(
            lambda body: body[SEALED_CHUNK_BYTES:] + body[:SEALED_CHUNK_BYTES], id="chunks change places"
        ),
        pytest.param(lambda body: body[SEALED_CHUNK_BYTES:], id="it begins later"),
        pytest.param(lambda _body: b"", id="nothing is left"),
    ],
)
def test_body_that_is_not_what_was_sealed_does_not_open(spoil: Callable[[bytes], bytes]) -> None:
    body = sealed(bytes(2 * CHUNK_BYTES))
    with pytest.raises(SealError):
        opened(spoil(body))


@pytest.mark.sentence("M-2")
def test_body_opens_for_its_own_key_device_and_event_alone() -> None:
    body = sealed(b"a photograph")
    assert opened(body) == b"a photograph"
    with pytest.raises(SealError):
        opened(body, key=bytes(32))
    with pytest.raises(SealError):
        opened(body, device="kiosk-8")
    with pytest.raises(SealError):
        opened(body, event=EVENT[:-1] + "2")


@pytest.mark.sentence("M-5")
@pytest.mark.parametrize(
    ("method", "path", "offset", "content"),
    [
        ("HEAD", PATH, 7, b"piece"),
        ("PATCH", PATH.replace("ab", "ac", 1), 7, b"piece"),
        ("PATCH", PATH.replace("kiosk-7", "kiosk-8"), 7, b"piece"),
        ("PATCH", PATH, 8, b"piece"),
        ("PATCH", PATH, 7, b"pieces"),
    ],
)
def test_request_says_what_its_device_said_or_is_refused(
    method: str, path: str, offset: int, content: bytes
) -> None:
    keys = {LINK.id: LINK.key}
    shown = sign_request(LINK, "PATCH", PATH, 7, b"piece")
    check_request(keys, shown, "PATCH", PATH, 7, b"piece")
    with pytest.raises(MacError):
        check_request(keys, shown, method, path, offset, content)
    with pytest.raises(MacError):
        check_request({}, shown, "PATCH", PATH, 7, b"piece")
    with pytest.raises(MacError):
        check_request(keys, shown.removeprefix("Ventanilla "), "PATCH", PATH, 7, b"piece")


ENVELOPE = Envelope(sha256="ab" * 32, size=100, media_type="image/jpeg")


@pytest.mark.sentence("M-1")
def test_attachments_of_line_and_data_are_read_as_they_were_written() -> None:
    whole = Attachment(envelope=ENVELOPE, key=KEY, plain_sha256="cd" * 32)
    assert read_envelopes({"attachments": [ENVELOPE.to_data()]}) == [ENVELOPE]
    assert read_attachments({"attachments": [whole.to_data()]}) == [whole]
    assert read_envelopes({}) == []


@pytest.mark.sentence("M-1")
@pytest.mark.parametrize(
    "value",
    [
        "photo.jpg",
        [],
        [ENVELOPE.to_data()] * 2,
        [{**ENVELOPE.to_data(), "sha256": f"{n:064x}"} for n in range(6)],
        [{**ENVELOPE.to_data(), "sha256": "AB" * 32}],
        [{**ENVELOPE.to_data(), "sha256": "../" + "ab" * 31}],
        [{**ENVELOPE.to_data(), "size": 0}],
        [{**ENVELOPE.to_data(), "size": 10 * 1024 * 1024 + 1}],
        [{**ENVELOPE.to_data(), "size": "100"}],
        [{**ENVELOPE.to_data(), "media_type": "text/html"}],
        [7],
    ],
)
def test_attachments_that_nobody_could_take_are_refused(value: object) -> None:
    with pytest.raises(InputError):
        read_envelopes({"attachments": value})
