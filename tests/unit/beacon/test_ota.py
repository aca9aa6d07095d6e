"""A node takes a firmware of the town and no other, whatever its hub says and wherever it is cut."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, Hash

from beacon_node.firmware.rsa import is_signed
from shared.protocol import firmware, limits
from tests.support.firmware import NOW_S, Shelf, manifest, parts, town_key
from tests.support.micropython import MACHINES, run

TRIAL = {"good": "a", "trial": "b", "sequence": 12, "boots": 0, "refused": []}
RIGHT = parts()
BODY = b"".join(RIGHT.values())
SIGNED_BYTES = len(firmware.sign(manifest(RIGHT).unsigned(), town_key()))


def digest_of(text: bytes) -> bytes:
    """SHA-256."""
    made = Hash(SHA256())
    made.update(text)
    return made.finalize()


def rows() -> list[tuple[bytes, bytes, bytes, bool]]:
    """Moduli, digests and signatures, and whether they hold."""
    key, other = town_key(), town_key("other")
    modulus, text = firmware.modulus(key.public_key()), b"firmware"
    digest, right = digest_of(text), key.sign(text, PKCS1v15(), SHA256())
    number = key.public_key().public_numbers().n
    as_number = int.from_bytes(right, "big")
    wide = (as_number + number).to_bytes(385, "big")
    wrong = [
        (modulus, digest, other.sign(text, PKCS1v15(), SHA256())),
        (firmware.modulus(other.public_key()), digest, right),
        (modulus, digest_of(b"other"), right),
        (modulus, digest, key.sign(text, PKCS1v15(), SHA1())),  # noqa: S303  another digest's name
        (modulus, digest, key.sign(text, PSS(MGF1(SHA256()), PSS.DIGEST_LENGTH), SHA256())),
        (modulus, digest, right[1:]),
        (modulus, digest, right + b"\0"),
        (modulus, digest, b"\0" + right),
        (modulus, digest, wide),
        (modulus, digest, b""),
        (modulus, digest, bytes(384)),
        (modulus, digest, bytes(383) + b"\1"),
        (modulus, digest, modulus),
        (modulus, digest, b"\xff" * 384),
        (modulus, digest[:-1], right),
        (modulus[1:], digest, right),
        (bytes(384), digest, right),
    ]
    wrong += [
        (modulus, digest, _with_padding(key, digest, *padding))
        for padding in ((b"\x00\x02", b"\xff", 330), (b"\x00\x01", b"\xfe", 330), (b"\x00\x01", b"\xff", 8))
    ]
    for bit in (0, 7, 1_000, 3_071):
        flipped = (as_number ^ 1 << bit).to_bytes(384, "big")
        wrong.append((modulus, digest, flipped))
    return [(modulus, digest, right, True)] + [(*row, False) for row in wrong]


def _with_padding(key: RSAPrivateKey, digest: bytes, begin: bytes, filler: bytes, count: int) -> bytes:
    """What a careless check takes: another block type, other filler, or a short one with room at the end."""
    numbers = key.private_numbers()
    info = bytes.fromhex("3031300d060960864801650304020105000420")
    opened = (begin + filler * count + b"\0" + info + digest).ljust(384, b"\0")
    modulus = numbers.public_numbers.n
    return pow(int.from_bytes(opened, "big"), numbers.d, modulus).to_bytes(384, "big")


def test_signature_that_is_not_exactly_right_is_refused() -> None:
    for number, (modulus, digest, signature, holds) in enumerate(rows()):
        assert is_signed(modulus, digest, signature) is holds, number


@pytest.mark.parametrize("machine", MACHINES)
def test_boards_machine_judges_signatures_alike(machine: str, tmp_path: Path) -> None:
    made = rows()
    text = "\n".join(";".join(part.hex() for part in row[:3]) for row in made)
    (tmp_path / "rows").write_text(text)
    said = run(machine, "signatures.py", str(tmp_path / "rows"))
    assert said == [str(int(row[3])) for row in made]


@pytest.mark.parametrize("machine", MACHINES)
def test_firmware_of_the_town_is_put_on_trial(machine: str, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.offer(None, b"")
    shelf.offer_signed()
    shelf.offer_signed(13)
    nothing, taken, busy = shelf.taken(machine)
    assert nothing["said"] is None
    assert (taken["said"], taken["slots"], taken["whole"]) == (12, TRIAL, True)
    assert busy["said"] == "refused: another firmware is on trial"
    assert busy["slots"] == TRIAL


def test_second_key_of_the_town_counts_too(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, (town_key("other"), town_key()))
    shelf.offer_signed()
    assert shelf.taken()[0]["said"] == 12


def signed(text: bytes, key: str = "town") -> bytes:
    """A manifest that was written by hand, signed."""
    return firmware.sign(text, town_key(key))


def renamed(name: str) -> bytes:
    """A right manifest, with another name in it."""
    return signed(manifest(RIGHT).unsigned().replace(b"beacon_node/firmware/f1.mpy", name.encode()))


RIGHT_TEXT = manifest(RIGHT).unsigned()
HUGE = limits.FIRMWARE_BYTES_MAX + 1
REFUSALS = {
    "foreign": (signed(RIGHT_TEXT, "other"), "its signature is not the town's"),
    "flipped": (
        signed(RIGHT_TEXT).replace(b'"sequence":12', b'"sequence":13'),
        "its signature is not the town's",
    ),
    "unsigned": (RIGHT_TEXT, "its signature is not the town's"),
    "short": (signed(RIGHT_TEXT)[:-2], "its signature is not the town's"),
    "longer": (signed(RIGHT_TEXT) + b"\n", "its signature is not the town's"),
    "empty": (b"", "its signature is not the town's"),
    "endless": (b"x" * (limits.FIRMWARE_MANIFEST_BYTES_MAX + 1), "its manifest is malformed"),
    "no object": (signed(b"[]\n"), "its manifest is malformed"),
    "no size": (signed(RIGHT_TEXT.replace(b'"bytes":4300', b'"bytes":"a"')), "its manifest is malformed"),
    "other sum": (signed(RIGHT_TEXT.replace(b'"bytes":4300', b'"bytes":4301')), "its manifest is malformed"),
    "other count": (signed(RIGHT_TEXT.replace(b'"files":4', b'"files":3')), "its manifest is malformed"),
    "huge": (signed(RIGHT_TEXT.replace(b'"bytes":4300', b'"bytes":%d' % HUGE)), "it is too large for a slot"),
    "board": (signed(manifest(RIGHT, board="picow").unsigned()), "it is for another board"),
    "expired": (signed(manifest(RIGHT, expires_s=NOW_S - 1).unsigned()), "it has expired"),
    **{
        name: (renamed(name), "a file of it would lie outside of the slot")
        for name in ("../boot.py", "/boot.py", "a//b.mpy", "a/./b.mpy", "boot", "a\\b.mpy", "x" * 64 + ".mpy")
    },
}


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_refused_is_refused_with_its_reason_and_leaves_no_trace(machine: str, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for offered, _ in REFUSALS.values():
        shelf.offer(offered, BODY)
    for name, taken in zip(REFUSALS, shelf.taken(machine), strict=True):
        assert taken["said"] == f"refused: {REFUSALS[name][1]}", name
        assert taken["slots"]["trial"] is None
        assert len(taken["asked"]) == 1  # no byte of it was fetched


def test_firmware_that_was_given_up_is_not_tried_again_and_the_next_is(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.offer_signed(slots=TRIAL | {"trial": None, "refused": [11, 12]})
    shelf.offer_signed(13)
    given_up, following = shelf.taken()
    assert given_up["said"] == "refused: it was tried and given up"
    assert following["said"] == 13


def test_firmware_that_is_not_newer_than_what_runs_is_refused(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.offer_signed(12, running=True)
    shelf.offer_signed(11)
    shelf.offer_signed(13)
    same, older, newer = shelf.taken()
    assert same["said"] == older["said"] == "refused: it is not newer than what runs"
    assert same["asked"][0][0].endswith("/offer?board=esp32&sequence=12")
    assert newer["said"] == 13


def test_sequence_rises_and_what_is_below_the_minimum_counts_no_more(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.offer(signed(manifest(RIGHT, 20, minimum=15).unsigned()), BODY, cut=SIGNED_BYTES + 200)
    shelf.offer_signed(14)  # the town had revoked it, even though 20 never came whole
    shelf.offer_signed(16)
    cut, revoked, taken = shelf.taken()
    assert cut["said"].startswith("cut")
    assert revoked["said"] == "refused: it is below the minimum"
    assert taken["said"] == 16


@pytest.mark.parametrize("machine", MACHINES)
def test_fetch_that_is_cut_anywhere_goes_on_and_fetches_nothing_twice(machine: str, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for chunk in range(9):
        shelf.offer_signed(cut=SIGNED_BYTES + 512 * (chunk % 2 + 1))
    shelf.offer_signed()
    *cut, last = shelf.taken(machine)
    offsets = [step["asked"][1][1] for step in (*cut, last) if len(step["asked"]) > 1]
    assert offsets == sorted(offsets)
    assert offsets[0] == 0
    assert len(set(offsets)) > 4
    done = next(step for step in (*cut, last) if step["said"] == 12)
    assert done["whole"]
    assert done["slots"] == TRIAL


@pytest.mark.parametrize("bytes_", [*range(0, 700, 100), *range(700, 5_000, 512)])
def test_cut_after_any_chunk_leaves_no_firmware_on_trial(bytes_: int, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.offer_signed(cut=bytes_)
    shelf.offer_signed()
    cut, whole = shelf.taken()
    assert cut["said"].startswith("cut")
    assert cut["slots"]["trial"] is None
    assert (whole["said"], whole["whole"]) == (12, True)


def test_hub_that_lies_about_lengths_or_bytes_is_not_believed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.offer_signed(total=len(BODY) + 1)
    shelf.offer_signed(total=len(BODY) - 1)
    right = firmware.sign(RIGHT_TEXT, town_key())
    shelf.offer(right, BODY[:-1] + b"?")
    shelf.offer(right, BODY[:700])
    following = firmware.sign(manifest(RIGHT, 13).unsigned(), town_key())
    shelf.offer(following, b"?" + BODY[1:], cut=SIGNED_BYTES + 2_100)  # noticed after the first file
    shelf.offer_signed()
    longer, shorter, other, short, early, taken = shelf.taken()
    assert early["said"] == "refused: a file of it is spoilt"
    assert longer["said"] == shorter["said"] == "refused: the hub says another length than it has"
    assert other["said"] == "refused: a file of it is spoilt"
    assert short["said"].startswith(("cut", "refused: the hub says another length"))
    assert taken["said"] == 12
    assert all(step["slots"]["trial"] is None for step in (longer, shorter, other, short, early))


def test_flash_that_is_full_is_told_and_left_in_order(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.offer_signed(blocks=8)
    (full,) = shelf.taken()
    assert full["said"] == "refused: the flash is full"
    assert full["slots"]["trial"] is None


@pytest.mark.parametrize("machine", MACHINES)
def test_power_cut_at_any_operation_of_the_flash_tears_no_firmware(machine: str, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.offer_signed(blocks=96)
    shelf.offer(
        signed(manifest(parts((600, 900)), 13).unsigned()),
        b"".join(parts((600, 900)).values()),
        slots=TRIAL | {"trial": None},
        power=True,
    )
    said = shelf.lines(machine)
    words = said[-1].split()
    assert words[0] == "operations", said
    assert int(words[1]) > 50
    assert words[4:] == ["torn", "0"], said


@pytest.mark.parametrize("machine", MACHINES)
def test_firmware_as_large_as_a_slot_takes_little_memory(machine: str, tmp_path: Path) -> None:
    files = parts((limits.FIRMWARE_BYTES_MAX // 32,) * 32)
    shelf = Shelf(tmp_path)
    shelf.offer(signed(manifest(files).unsigned()), b"".join(files.values()), heap=True)
    (taken,) = shelf.taken(machine)
    assert (taken["said"], taken["whole"]) == (12, True)
    assert 0 < taken["heap"] <= 4_096 * (2 if machine == "64 bits" else 1)
