"""Event ids, effect keys, and the citizen's reference with its check character."""

from collections.abc import Callable
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.errors import InputError
from shared.model.ids import (
    EVENT_ID_RANDOM_BYTES,
    REFERENCE_ALPHABET,
    REFERENCE_RANDOM_BYTES,
    check_device_id,
    check_event_id,
    check_reference,
    effect_key,
    new_event_id,
    new_reference,
)

references = st.binary(min_size=REFERENCE_RANDOM_BYTES, max_size=REFERENCE_RANDOM_BYTES).map(new_reference)
randoms = st.binary(min_size=EVENT_ID_RANDOM_BYTES, max_size=EVENT_ID_RANDOM_BYTES)


def test_event_id_is_the_one_of_the_standard() -> None:
    """The example of RFC 9562, appendix A.6."""
    random_bytes = bytes.fromhex("0cc318c4dc0c0c07398f")
    event_id = new_event_id(0x017F22E279B0, random_bytes)
    assert event_id == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.integers(-(2**60), 2**60), randoms)
def test_event_id_is_canonical_whatever_the_clock_says(now_ms: int, random_bytes: bytes) -> None:
    event_id = new_event_id(now_ms, random_bytes)
    assert check_event_id(event_id) == event_id
    assert UUID(event_id).version == 7


@given(st.integers(0, 2**40), randoms, randoms)
def test_event_ids_sort_by_the_clock(now_ms: int, first: bytes, second: bytes) -> None:
    assert new_event_id(now_ms, first) < new_event_id(now_ms + 1, second)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-08c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n",
    ],
)
def test_what_is_no_event_id_is_refused(text: object) -> None:
    with pytest.raises(InputError):
        check_event_id(text)


@pytest.mark.parametrize("text", ["", "a" * 33, "Bus", "bus_7", "bus/7", "bus+", "ñ", None])
def test_what_is_no_device_id_is_refused(text: object) -> None:
    with pytest.raises(InputError):
        check_device_id(text)


@pytest.mark.sentence("C-1")
def test_effect_key_is_of_version_five_and_names_the_device() -> None:
    event_id = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    key = effect_key("bus-7", event_id, "payment")
    assert key == uuid5(UUID(event_id), "bus-7/payment")
    assert len({key, effect_key("bus-8", event_id, "payment"), effect_key("bus-7", event_id, "x")}) == 3


@given(references)
def test_reference_as_people_write_it_is_read(reference: str) -> None:
    assert check_reference(reference) == reference
    assert check_reference(f" {reference.lower().replace('-', ' ')} ") == reference


@settings(max_examples=20)
@given(references)
def test_every_single_wrong_character_is_caught(reference: str) -> None:
    for place, right in enumerate(reference):
        for wrong in REFERENCE_ALPHABET:
            if right not in ("-", wrong):
                with pytest.raises(InputError):
                    check_reference(reference[:place] + wrong + reference[place + 1 :])


@settings(max_examples=20)
@given(references)
def test_every_transposition_of_two_characters_is_caught(reference: str) -> None:
    plain = reference.replace("-", "")
    for first in range(12):
        for second in range(first + 1, 12):
            swapped = list(plain)
            swapped[first], swapped[second] = swapped[second], swapped[first]
            if swapped != list(plain):
                with pytest.raises(InputError):
                    check_reference("".join(swapped))


@pytest.mark.parametrize("text", ["", "7KXM-2PRT-94V", "7KXM-2PRT-94VWW", "0KXM-2PRT-94VW", "ÑKXM-2PRT-94VW"])
def test_reference_that_misses_or_adds_a_character_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        check_reference(text)


def test_alphabet_has_no_word_and_no_look_alike() -> None:
    assert not set("AEIOU01SZBGLQ") & set(REFERENCE_ALPHABET)
    assert len(set(REFERENCE_ALPHABET)) == len(REFERENCE_ALPHABET) == 23


@pytest.mark.parametrize("make", [lambda: new_event_id(0, b""), lambda: new_reference(b"")])
def test_too_little_chance_is_refused(make: Callable[[], str]) -> None:
    with pytest.raises(InputError):
        make()
