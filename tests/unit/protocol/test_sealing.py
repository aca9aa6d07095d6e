"""Sealing: the hub opens it, at its place, and nobody else does anywhere."""

from base64 import urlsafe_b64decode
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from shared.protocol.sealing import (
    SUITE,
    HubSealingKey,
    HubSealingPublicKey,
    OpenedContext,
    SealedContext,
    SealError,
    SealingContext,
    context_of,
    place_of,
)

KEY = HubSealingKey(bytes(range(96)))
CONTEXT_KEY = bytes(range(32))
PLACE = place_of(
    "kiosk-7", "payments", "9f3c2a1b", 1041, "01930d3e-8a00-7000-8000-000000000001", "tap.charged"
)


@pytest.fixture(scope="module")
def context() -> SealingContext:
    return SealingContext(KEY.public(), "kiosk-7", "c7", CONTEXT_KEY)


@pytest.mark.sentence("K-2")
def test_place_names_device_stream_epoch_number_id_and_type() -> None:
    assert PLACE == "kiosk-7|payments|9f3c2a1b|1041|01930d3e-8a00-7000-8000-000000000001|tap.charged"


@pytest.mark.sentence("K-2")
def test_sealed_text_is_gcm_siv_under_a_counted_nonce_bound_to_its_place() -> None:
    fresh = SealingContext(KEY.public(), "kiosk-7", "c7", CONTEXT_KEY)
    for count in (1, 2):
        name, n, text = fresh.seal(PLACE, b'{"a":1}').split(".")
        assert (name, n) == ("c7", str(count))
        expected = AESGCMSIV(CONTEXT_KEY).encrypt(count.to_bytes(12, "big"), b'{"a":1}', PLACE.encode())
        assert urlsafe_b64decode(text + "=" * (-len(text) % 4)) == expected


@pytest.mark.sentence("K-3")
def test_context_opens_for_its_device_and_what_was_sealed_is_read(context: SealingContext) -> None:
    assert context.context.sealed.startswith(f"{SUITE}.")
    assert SUITE == "mlkem768x25519-hkdfsha256-aes256gcm"
    opened = KEY.open("kiosk-7", context.context)
    for data in (b"{}", b'{"description":"La farola no luce."}', bytes(8000)):
        assert opened.open(PLACE, context.seal(PLACE, data)) == data


@pytest.mark.sentence("K-3")
def test_context_of_another_device_name_key_or_suite_is_refused(context: SealingContext) -> None:
    sealed = context.context
    for key, device, other in (
        (KEY, "kiosk-8", sealed),
        (KEY, "kiosk-7", replace(sealed, id="c8")),
        (HubSealingKey(bytes(96)), "kiosk-7", sealed),
        (KEY, "kiosk-7", replace(sealed, sealed=sealed.sealed.replace("mlkem768", "mlkem1024"))),
        (KEY, "kiosk-7", replace(sealed, sealed=sealed.sealed[:-4])),
        (KEY, "kiosk-7", replace(sealed, sealed=SUITE)),
        (KEY, "kiosk-7", replace(sealed, sealed=f"{SUITE}.ñ")),
        (KEY, "kiosk-7", SealedContext("c" * 17, KEY.public().seal("kiosk-7", "c" * 17, CONTEXT_KEY))),
        (KEY, "kiosk-7", SealedContext("c7", KEY.public().seal("kiosk-7", "c7", bytes(16)))),
    ):
        with pytest.raises(SealError):
            key.open(device, other)


@pytest.mark.sentence("K-2")
@pytest.mark.parametrize(
    "place",
    [
        place_of("kiosk-8", "payments", "9f3c2a1b", 1, "i", "t"),
        place_of("kiosk-7", "cases", "9f3c2a1b", 1, "i", "t"),
        place_of("kiosk-7", "payments", "9f3c2a1c", 1, "i", "t"),
        place_of("kiosk-7", "payments", "9f3c2a1b", 2, "i", "t"),
        place_of("kiosk-7", "payments", "9f3c2a1b", 1, "j", "t"),
        place_of("kiosk-7", "payments", "9f3c2a1b", 1, "i", "u"),
    ],
)
def test_sealed_text_moved_to_another_place_is_refused(context: SealingContext, place: str) -> None:
    sealed = context.seal(place_of("kiosk-7", "payments", "9f3c2a1b", 1, "i", "t"), b"{}")
    with pytest.raises(SealError):
        OpenedContext(CONTEXT_KEY).open(place, sealed)


@pytest.mark.parametrize(
    "sealed",
    [
        "",
        "c7",
        "c7.1",
        "c7.1.A.A",
        "c7.x.AAAA",
        "c7.-1.AAAA",
        "c7.1.",
        "c7.+1.AAAA",
        "c7.01.AAAA",
        f"c7.{2**96}.AAAA",
    ],
)
def test_sealed_text_that_is_none_is_refused(sealed: str) -> None:
    with pytest.raises(SealError):
        OpenedContext(CONTEXT_KEY).open(PLACE, sealed)


def test_sealed_text_with_any_character_changed_is_refused(context: SealingContext) -> None:
    sealed = context.seal(PLACE, b'{"amount_minor":150}')
    opened = OpenedContext(CONTEXT_KEY)
    start = sealed.rindex(".") + 1
    for at in range(start, len(sealed)):
        changed = sealed[:at] + ("B" if sealed[at] == "A" else "A") + sealed[at + 1 :]
        with pytest.raises(SealError):
            opened.open(PLACE, changed)


def test_sealed_text_in_another_writing_of_the_same_bytes_is_refused(context: SealingContext) -> None:
    sealed = context.seal(PLACE, b"{}")
    opened = OpenedContext(CONTEXT_KEY)
    for other in (sealed + "=", sealed + "!", sealed.replace(".", ".0", 1), sealed.replace(".", ". ", 1)):
        with pytest.raises(SealError):
            opened.open(PLACE, other)


def test_context_of_a_line_is_what_stands_before_the_first_point() -> None:
    assert context_of("c7.12.AAAA") == "c7"


def test_key_is_the_same_after_its_bytes_were_stored() -> None:
    key = HubSealingKey.generate()
    public = HubSealingPublicKey(key.public().raw)
    sealed = SealedContext("c1", public.seal("bus-1", "c1", CONTEXT_KEY))
    sealed_text = SealingContext(public, "bus-1", "c1", CONTEXT_KEY).seal(PLACE, b"{}")
    assert HubSealingKey(key.raw).open("bus-1", sealed).open(PLACE, sealed_text) == b"{}"


@pytest.mark.parametrize("length", [0, 95, 97])
def test_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(SealError):
        HubSealingKey(bytes(length))
    with pytest.raises(SealError):
        HubSealingPublicKey(bytes(length))


def test_answer_is_read_by_whoever_asked_alone_and_as_an_answer_to_that_alone(
    context: SealingContext,
) -> None:
    opened = KEY.open("kiosk-7", context.context)
    answer = opened.answer("kiosk-7|cards|verdict", b"12,34")
    assert b"12,34" not in answer.encode()
    assert context.open_answer("kiosk-7|cards|verdict", answer) == b"12,34"
    other = SealingContext(KEY.public(), "kiosk-7", "c7", bytes(32))
    for who, place, said in (
        (context, "kiosk-8|cards|verdict", answer),
        (other, "kiosk-7|cards|verdict", answer),
        (context, "kiosk-7|cards|verdict", answer[:-2]),
        (context, "kiosk-7|cards|verdict", context.seal("kiosk-7|cards|verdict", b"12,34")),
        (context, "kiosk-7|cards|verdict", ""),
    ):
        with pytest.raises(SealError):
            who.open_answer(place, said)
