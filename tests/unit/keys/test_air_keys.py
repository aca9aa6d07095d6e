"""Beacons' air keys: kept in the key registry, and given as keys of some days."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from hub.keys.air_keys import COUNT_MAX, PERIOD_MAX, PERIOD_S, AirKeys, NoAirKeyError, PeriodError
from hub.keys.enrolment import AirKeyError, Enrolment, HubAddress, TokenUsedError, TokenWanted
from hub.keys.records import KeysRotated
from hub.keys.room import KeyRoom, set_up
from shared.adapters import device_keys
from shared.model.errors import InputError
from shared.protocol.enrolment import EnrolmentRequest
from shared.protocol.keys import air_key, derive

NOW_MS = 1_795_000_000_000
SECRET = bytes(range(32))
AIR = "0102030405060708090a111213141516"
PUBLISHED = {0: "a9b76a71c5f89290", 2000: "4144413e45fefa58"}
"""Identifiers of the Eddystone specification's key for K = 10, by their second."""


@pytest.fixture
def room(tmp_path: Path) -> KeyRoom:
    set_up(tmp_path / "keys", tmp_path / "copy", names=("localhost",), now_ms=NOW_MS)
    return opened(tmp_path)


def opened(path: Path) -> KeyRoom:
    """The key folder, opened."""
    return KeyRoom.open(path / "keys", path / "copy", clock=lambda: NOW_MS)


def enrolment(room: KeyRoom) -> Enrolment:
    address = HubAddress(hub="127.0.0.1:1", brokers=("127.0.0.1:2",))
    return Enrolment(room, address, clock=lambda: NOW_MS, admit=lambda: None)


@pytest.fixture
def csr(tmp_path: Path) -> str:
    return device_keys.pending_keys(tmp_path / "identity").certification_request("one")


def request(office: Enrolment, csr: str, device: str, *, kind: str, air: str) -> EnrolmentRequest:
    """What a device asks with a new token."""
    links = derive(SECRET)
    return EnrolmentRequest(
        device=device,
        secret=office.issue(TokenWanted(device=device, kind=kind)).secret.hex(),
        k_up=links.up.key.hex(),
        k_down=links.down.key.hex(),
        signing=bytes(32).hex(),
        csr=csr,
        air_key=air,
    )


@pytest.mark.sentence("K-9")
def test_temporary_keys_lead_to_the_published_identifiers(room: KeyRoom, csr: str) -> None:
    office = enrolment(room)
    office.enrol(request(office, csr, "beacon-3", kind="beacon", air=AIR))
    (key,) = AirKeys(room.registry).temporary_keys("beacon-3", 0, 1)
    for second, identifier in PUBLISHED.items():
        block = bytes(11) + bytes([10]) + (second >> 10 << 10).to_bytes(4)
        cipher = Cipher(AES(key), ECB())  # noqa: S305  one block, as the algorithm has it
        assert cipher.encryptor().update(block)[:8].hex() == identifier


@pytest.mark.sentence("K-9")
def test_air_key_outlives_a_restart_and_new_link_keys_and_ends_with_the_device(
    room: KeyRoom, csr: str, tmp_path: Path
) -> None:
    office = enrolment(room)
    office.enrol(request(office, csr, "beacon-3", kind="beacon", air=AIR))
    period = NOW_MS // 1000 // PERIOD_S
    first = AirKeys(room.registry).temporary_keys("beacon-3", period, 3)
    assert len(set(first)) == 3
    new = derive(bytes(32))
    room.registry.record(KeysRotated(device="beacon-3", k_up=new.up.key.hex(), k_down=new.down.key.hex()))
    room.close()
    again = opened(tmp_path)
    air = AirKeys(again.registry)
    assert air.temporary_keys("beacon-3", period + 1, 1) == first[1:2]
    assert air.beacons() == ("beacon-3",)
    again.registry.revoke("beacon-3", "stolen")
    assert air.beacons() == ()
    with pytest.raises(NoAirKeyError):
        air.temporary_keys("beacon-3", period, 1)
    again.close()


@pytest.mark.parametrize(("kind", "air"), [("beacon", ""), ("kiosk", AIR)])
def test_air_key_of_another_kind_and_a_beacon_without_are_refused(
    room: KeyRoom, csr: str, kind: str, air: str
) -> None:
    office = enrolment(room)
    asked = request(office, csr, "one", kind=kind, air=air)
    with pytest.raises(AirKeyError):
        office.enrol(asked)
    office.enrol(replace(asked, air_key="" if air else AIR))  # the token stays open


def test_token_used_again_with_another_air_key_is_refused(room: KeyRoom, csr: str) -> None:
    office = enrolment(room)
    asked = request(office, csr, "beacon-3", kind="beacon", air=AIR)
    assert office.enrol(asked) == office.enrol(asked)
    with pytest.raises(TokenUsedError):
        office.enrol(replace(asked, air_key="ff" * 16))


def test_device_without_an_air_key_has_no_temporary_keys(room: KeyRoom, csr: str) -> None:
    office = enrolment(room)
    office.enrol(request(office, csr, "kiosk-7", kind="kiosk", air=""))
    for name in ("kiosk-7", "nobody"):
        with pytest.raises(NoAirKeyError):
            AirKeys(room.registry).temporary_keys(name, 1, 1)


@pytest.mark.parametrize(("first", "count"), [(0, 0), (0, COUNT_MAX + 1), (-1, 1), (PERIOD_MAX, 2)])
def test_periods_beyond_the_clock_or_too_many_are_refused(room: KeyRoom, first: int, count: int) -> None:
    with pytest.raises(PeriodError):
        AirKeys(room.registry).temporary_keys("beacon-3", first, count)


def test_air_key_is_shown_in_no_message(room: KeyRoom, csr: str) -> None:
    office = enrolment(room)
    asked = request(office, csr, "beacon-3", kind="beacon", air=AIR)
    office.enrol(asked)
    shown = repr(asked) + repr(room.registry.device("beacon-3")) + repr(room.registry.devices())
    assert AIR not in shown
    assert str(bytes.fromhex(AIR)) not in shown


def test_air_key_follows_from_the_secret_and_is_no_link_key() -> None:
    key, links = air_key(SECRET), derive(SECRET)
    assert len(key) == 16
    assert key not in (links.up.key[:16], links.down.key[:16])
    with pytest.raises(InputError):
        air_key(bytes(16))


def test_air_key_of_another_form_is_refused() -> None:
    links = derive(SECRET)
    for wrong in ("00" * 15, "zz" * 16):
        with pytest.raises(InputError):
            EnrolmentRequest(
                device="beacon-3",
                secret="00" * 16,
                k_up=links.up.key.hex(),
                k_down=links.down.key.hex(),
                signing="00" * 32,
                csr="",
                air_key=wrong,
            )
