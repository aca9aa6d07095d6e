"""A hundred thousand denied cards, packed: found, not found, refused when they are no list."""

import tracemalloc
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.deny_list import MARK, PSEUDONYM_BYTES, SUBJECTS_MAX, DenyList, PackedSubjects
from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.bundle import DENY_LIST, bytes_max
from shared.protocol.contents import read_content

subjects = st.binary(min_size=PSEUDONYM_BYTES, max_size=PSEUDONYM_BYTES).map(bytes.hex)
ONE = "ab" * PSEUDONYM_BYTES


@pytest.mark.sentence("W-18")
@given(st.sets(subjects, max_size=60), st.sets(subjects, max_size=20))
def test_card_is_denied_if_and_only_if_it_is_on_the_list(listed: set[str], more: set[str]) -> None:
    denied = PackedSubjects(PackedSubjects.of(listed).to_bytes())
    starts = {subject[:14] for subject in listed}
    assert len(denied) == len(starts)
    assert denied.is_sorted()
    for subject in listed | more:
        assert (subject in denied) is (subject[:14] in starts)


def test_list_lies_as_its_page_says() -> None:
    body = PackedSubjects.of(["ff" * 16, "0102030405060708" * 2]).to_bytes()
    assert body == b"VTDL\x01\0\0\0" + (2).to_bytes(4, "big") + bytes(range(1, 8)) + b"\xff" * 7


def test_list_of_a_hundred_thousand_fits_a_bundle_takes_less_than_three_megabytes_and_finds_each() -> None:
    random = Random(5)
    listed = [random.randbytes(PSEUDONYM_BYTES).hex() for _ in range(SUBJECTS_MAX)]
    body = PackedSubjects.of(listed).to_bytes()
    assert limits.BUNDLE_BYTES_MAX < len(body) <= bytes_max(DENY_LIST)
    tracemalloc.start()
    content = read_content(DENY_LIST, bytes(bytearray(body)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 3_000_000
    assert isinstance(content, DenyList)
    assert all(subject in content.subjects for subject in listed[::100])
    assert not any(random.randbytes(PSEUDONYM_BYTES).hex() in content.subjects for _ in range(1_000))


def test_list_in_json_is_packed_and_says_the_same() -> None:
    listed = DenyList.from_data({"subjects": [ONE, "cd" * 16]})
    packed = DenyList.from_packed(listed.packed())
    assert ONE in packed.subjects
    assert "ef" * 16 not in packed.subjects
    assert packed.packed() == listed.packed()
    with pytest.raises(InputError, match="was made of"):
        packed.to_data()
    with pytest.raises(InputError, match="leave the rest away"):
        DenyList.from_data({"subjects": [ONE], "more": 1}).packed()


@pytest.mark.sentence("W-18")
@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:-1],
        lambda body: body + b"\0",
        lambda body: b"XXXX" + body[4:],
        lambda body: body[:4] + b"\x02" + body[5:],
        lambda body: body[:11],
        lambda body: body[:0],
    ],
)
def test_bytes_that_are_no_list_are_refused(change: Callable[[bytes], bytes]) -> None:
    body = PackedSubjects.of([ONE]).to_bytes()
    with pytest.raises(InputError):
        PackedSubjects(change(body))
    with pytest.raises(InputError):
        read_content(DENY_LIST, change(body))


@pytest.mark.parametrize("subject", ["short", "zz" * 16, "ab" * 15, "ab" * 17])
def test_entry_that_is_no_pseudonym_is_refused_and_never_denied(subject: str) -> None:
    with pytest.raises(InputError):
        PackedSubjects.of([subject])
    assert subject not in PackedSubjects.of([ONE])


def test_list_that_is_too_long_is_refused() -> None:
    with pytest.raises(InputError):
        PackedSubjects.of(f"{number:014x}" + 18 * "0" for number in range(SUBJECTS_MAX + 1))


def test_list_that_is_not_sorted_or_names_a_card_twice_is_seen() -> None:
    head, entry = MARK + b"\x01\0\0\0", b"\x02" * 7
    for second in (b"\x01" * 7, entry):
        assert not PackedSubjects(head + (2).to_bytes(4, "big") + entry + second).is_sorted()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_list_or_refused(body: bytes) -> None:
    try:
        assert ONE in PackedSubjects(b"VTDL\x01\0\0\0" + body) or True
    except InputError:
        return
