"""The MAC line: whoever lacks the key cannot say anything, nor move what was said."""

import hmac
from base64 import urlsafe_b64encode

import pytest

from shared.protocol.keys import derive
from shared.protocol.mac import MacError, open_message, seal_message

KEY = derive(bytes(32)).up
OTHER = derive(bytes([1]) * 32).up
TOPIC = "vt/1/kiosk-7/up/payments"
BODY = b'{"v":1}\n{"seq":1}\n'


@pytest.mark.sentence("T-3")
def test_mac_line_is_the_truncated_hmac_of_topic_and_body() -> None:
    tag = hmac.digest(KEY.key, TOPIC.encode() + b"\0" + BODY, "sha256")[:16]
    line = b"~hmac-sha256." + KEY.id.encode() + b"." + urlsafe_b64encode(tag).rstrip(b"=")
    assert seal_message(KEY, TOPIC, BODY) == BODY + line


@pytest.mark.sentence("T-3")
def test_message_under_one_of_the_keys_is_opened() -> None:
    keys = {OTHER.id: OTHER.key, KEY.id: KEY.key}
    assert open_message(keys, TOPIC, seal_message(KEY, TOPIC, BODY)) == BODY


@pytest.mark.sentence("T-4")
def test_message_under_another_key_is_refused() -> None:
    sealed = seal_message(OTHER, TOPIC, BODY)
    for keys in ({}, {KEY.id: KEY.key}, {OTHER.id: KEY.key}):
        with pytest.raises(MacError):
            open_message(keys, TOPIC, sealed)


@pytest.mark.sentence("T-4")
def test_message_moved_to_another_topic_is_refused() -> None:
    with pytest.raises(MacError):
        open_message({KEY.id: KEY.key}, "vt/1/kiosk-8/up/payments", seal_message(KEY, TOPIC, BODY))


@pytest.mark.sentence("T-4")
def test_message_with_any_bit_flipped_or_any_end_cut_is_refused() -> None:
    sealed, keys = seal_message(KEY, TOPIC, BODY), {KEY.id: KEY.key}
    for at in range(len(sealed)):
        for bit in range(8):
            flipped = sealed[:at] + bytes([sealed[at] ^ 1 << bit]) + sealed[at + 1 :]
            with pytest.raises(MacError):
                open_message(keys, TOPIC, flipped)
        with pytest.raises(MacError):
            open_message(keys, TOPIC, sealed[:at])
        with pytest.raises(MacError):
            open_message(keys, TOPIC, sealed[at + 1 :])


def test_message_with_a_body_that_ends_in_no_newline_is_refused() -> None:
    with pytest.raises(MacError):
        open_message({KEY.id: KEY.key}, TOPIC, seal_message(KEY, TOPIC, b'{"v":1}'))


@pytest.mark.parametrize("tail", [b"=", b"\n", b" "])
def test_message_with_something_after_its_tag_is_refused(tail: bytes) -> None:
    with pytest.raises(MacError):
        open_message({KEY.id: KEY.key}, TOPIC, seal_message(KEY, TOPIC, BODY) + tail)
