"""The chain: eight bytes that stand for everything before."""

from hashlib import sha256

import pytest

from shared.protocol import chain


@pytest.mark.sentence("L-3")
def test_chain_begins_with_the_place_of_the_epoch() -> None:
    assert (
        chain.genesis("kiosk-7", "payments", "9f3c2a1b")
        == sha256(b"vt1|kiosk-7|payments|9f3c2a1b").digest()[:8]
    )


@pytest.mark.sentence("L-3")
def test_chain_goes_on_with_the_bytes_of_each_line() -> None:
    before = chain.genesis("kiosk-7", "payments", "9f3c2a1b")
    assert chain.link(before, b'{"seq":1}') == sha256(before + b'{"seq":1}').digest()[:8]


def test_chain_of_another_device_stream_epoch_line_or_order_is_another() -> None:
    def after(*lines: bytes, place: tuple[str, str, str] = ("a", "payments", "00000000")) -> bytes:
        value = chain.genesis(*place)
        for line in lines:
            value = chain.link(value, line)
        return value

    values = {
        after(),
        after(b"1"),
        after(b"2"),
        after(b"1", b"2"),
        after(b"2", b"1"),
        after(b"12"),
        after(place=("b", "payments", "00000000")),
        after(place=("a", "cases", "00000000")),
        after(place=("a", "payments", "00000001")),
    }
    assert len(values) == 9
