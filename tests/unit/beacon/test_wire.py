"""The wire of beacons: every vector on CPython and in both MicroPythons; sealed telemetry against EAX."""

import json
import random
from pathlib import Path

import pytest

from shared.beacon_wire import eddystone, eid
from tests.support.micropython import MACHINES, Block, run
from tests.support.on_a_board.wire import wrong

VECTORS = Path(__file__).parents[2] / "vectors/beacon/wire.jsonl"
LINES = [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines()]


def eax(key: bytes, nonce: bytes, header: bytes, message: bytes) -> tuple[bytes, bytes]:
    """EAX of any lengths, written from the paper."""
    cipher = Block(key)

    def double(block: bytes) -> bytes:
        number = int.from_bytes(block, "big") << 1
        return ((number ^ 0x87 if number >> 128 else number) & (1 << 128) - 1).to_bytes(16, "big")

    def xor(one: bytes, other: bytes) -> bytes:
        return bytes(a ^ b for a, b in zip(one, other, strict=False))

    once = double(cipher.encrypt(bytes(16)))

    def omac(number: int, text: bytes) -> bytes:
        text = bytes(15) + bytes([number]) + text
        whole = len(text) % 16 == 0
        text = text if whole else text + b"\x80" + bytes(-len(text) % 16 - 1)
        text = text[:-16] + xor(text[-16:], once if whole else double(once))
        chained = bytes(16)
        for at in range(0, len(text), 16):
            chained = cipher.encrypt(xor(chained, text[at : at + 16]))
        return chained

    start = omac(0, nonce)
    stream = b"".join(
        cipher.encrypt(((int.from_bytes(start, "big") + at) % (1 << 128)).to_bytes(16, "big"))
        for at in range(2)
    )
    sealed = xor(message, stream)
    return sealed, xor(xor(start, omac(1, header)), omac(2, sealed))


def test_vectors_hold_on_cpython() -> None:
    assert wrong(LINES, Block) == []
    assert {line["source"] for line in LINES}


@pytest.mark.parametrize("name", MACHINES)
def test_vectors_hold_in_micropython(name: str) -> None:
    assert run(name, "wire.py", str(VECTORS)) == [f"checked {len(LINES)}"]


def test_vector_that_is_wrong_is_told() -> None:
    (first, *_) = LINES
    assert wrong([first | {"identifier": "00" * 8}], Block)


def test_eax_of_the_test_is_that_of_the_paper() -> None:
    key = bytes.fromhex("91945D3F4DCBEE0BF45EF52255F095A4")
    nonce = bytes.fromhex("BECAF043B0A23D843194BA972C66DEBD")
    sealed, check = eax(key, nonce, bytes.fromhex("FA3BFD4806EB53FA"), bytes.fromhex("F7FB"))
    assert (sealed.hex(), check.hex()) == ("19dd", "5c4c9331049d0bdab0277408f67967e5")


@pytest.mark.parametrize("seed", range(8))
def test_sealed_telemetry_is_eax_and_opens_in_its_window_alone(seed: int) -> None:
    chance = random.Random(seed)
    key, told, salt = chance.randbytes(16), chance.randbytes(12), chance.randbytes(2)
    seconds, exponent = chance.randrange(1 << 32), chance.choice([0, 4, 10, 15])
    sealer = eid.Sealer(Block, key)
    frame = bytearray(told + salt + bytes(2))
    sealer.seal(seconds >> 16, seconds & 0xFFFF, exponent, frame, 0)
    nonce = (seconds >> exponent << exponent).to_bytes(4, "big") + salt
    sealed, check = eax(key, nonce, b"", told)
    assert bytes(frame) == sealed + salt + check[:2]
    assert sealer.opened(seconds >> 16, seconds & 0xFFFF, exponent, bytes(frame)) == told
    later = (seconds + (1 << exponent)) % (1 << 32)
    assert sealer.opened(later >> 16, later & 0xFFFF, exponent, bytes(frame)) is None
    frame[chance.randrange(16)] ^= 1
    assert sealer.opened(seconds >> 16, seconds & 0xFFFF, exponent, bytes(frame)) is None


def test_identifier_turns_at_its_window_and_not_before() -> None:
    rotation = eid.Rotation(Block, bytes(range(16)), 10)
    into = bytearray(8)
    heard = [
        (seconds, bytes(into))
        for seconds in range(65_536 * 3 - 3_000, 65_536 * 3 + 3_000)
        if rotation.turn(seconds >> 16, seconds & 0xFFFF, into, 0)
    ]
    assert [seconds % 1_024 for seconds, _ in heard[1:]] == [0] * 5
    assert all(
        identifier
        == eid.identifier(Block, eid.temporary_key(Block, bytes(range(16)), seconds >> 16), seconds, 10)
        for seconds, identifier in heard
    )
    assert len({identifier for _, identifier in heard}) == 6


def test_counter_counts_over_every_byte_and_begins_again() -> None:
    into, count = bytearray(b"\x00\x00\x00\x00"), 0
    for by in (0, 1, 254, 1, 65_535, 1 << 21, 1 << 22, 255):
        eddystone.count_up(into, 0, by)
        count += by
        assert int.from_bytes(into, "big") == count
    into[:] = b"\xff\xff\xff\xff"
    eddystone.count_up(into, 0, 2)
    assert into == b"\x00\x00\x00\x01"


@pytest.mark.parametrize("length", [0, 20, 30, 32])
def test_buffer_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="length"):
        eddystone.write_uid(bytearray(length), -20, bytes(10), bytes(6))
