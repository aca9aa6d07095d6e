"""The hub's signing key is replaced again and again: every device hears of it under a key that it trusts."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.fleet.fleet import Wire, make_fleet
from hub.keys.hub_keys import load, make_hub_key
from hub.keys.records import HubKeyRole
from hub.keys.registry import Registry
from shared.protocol.bundle import (
    HUB_KEYS,
    SIGNATURES_MAX,
    HubPublicKeys,
    Notice,
    check_notice,
    decode_notice,
)
from shared.protocol.signing import SignatureError, signing_key_id
from tests.support.town import now_ms
from tests.unit.hub.fleet.test_guiding import Office

ROTATIONS = 6


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def rotate(office: Office, times: int = 1, *, tells: bool = True) -> None:
    """Replace the signing key, so often, and begin a life of the hub after each that tells of it."""
    room = office.town.room
    for _ in range(times):
        make_hub_key(room.folder, room.registry, HubKeyRole.SIGNING)
        if tells:
            start(office)


def start(office: Office) -> None:
    """A life of the hub begins, with the keys that there are."""
    room = office.town.room
    office.life.kept += 1
    wire = Wire(publish=lambda t, p: office.sent.append((t, p)), connected=lambda: office.connected)
    again = replace(room, keys=load(room.folder, room.registry, now_ms))
    office.fleet = make_fleet(again, office.life, office.writer, wire, lambda: office.now_ms)
    office.fleet.press.publish_hub_keys()


def offered(office: Office, device: str = "kiosk-1") -> list[tuple[str, Notice]]:
    return [(topic, decode_notice(body)) for topic, body in office.opened(device)]


def keys_in_force(registry: Registry) -> dict[str, Ed25519PublicKey]:
    """What a device trusts that is enrolled now."""
    key = Ed25519PublicKey.from_public_bytes(registry.hub_keys(HubKeyRole.SIGNING)[0].public)
    return {signing_key_id(key): key}


@pytest.mark.sentence("W-8")
@pytest.mark.parametrize("tells", [True, False])
def test_device_that_slept_through_any_number_of_rotations_hears_of_the_last(
    office: Office, tells: bool
) -> None:
    enrolled = keys_in_force(office.town.room.registry)
    office.fleet.press.publish_hub_keys()
    office.reports("kiosk-1", None)
    ((_, first),) = offered(office)
    rotate(office, ROTATIONS, tells=tells)
    start(office)
    office.fleet.press.publish("content", b"{}", 600, "ana")
    office.sent.clear()

    office.reports("kiosk-1", None, {HUB_KEYS: first.version})
    (topic, keys), (_, agenda) = offered(office)
    assert topic == f"bundle/{HUB_KEYS}"  # before whatever it cannot judge without them
    check_notice(keys, enrolled)
    assert len(keys.sigs) <= SIGNATURES_MAX
    assert keys.body is not None
    trusted = HubPublicKeys.from_body(keys.body).trusted()
    assert trusted == keys_in_force(office.town.room.registry)
    check_notice(agenda, trusted)
    with pytest.raises(SignatureError):
        check_notice(agenda, enrolled)


@pytest.mark.sentence("W-8")
def test_device_that_never_came_hears_of_it_under_the_key_of_its_enrolment(office: Office) -> None:
    enrolled = keys_in_force(office.town.room.registry)
    rotate(office, ROTATIONS)
    office.reports("kiosk-2", None)
    office.connected.append("kiosk-2")
    office.reports("kiosk-2", None)
    keys = dict(offered(office, "kiosk-2"))[f"bundle/{HUB_KEYS}"]
    check_notice(keys, enrolled)


def test_device_that_took_a_later_key_than_its_enrolment_s_hears_under_that_one(office: Office) -> None:
    rotate(office, ROTATIONS)
    office.reports("kiosk-1", None)
    ((_, middle),) = offered(office)
    assert middle.body is not None
    trusted = HubPublicKeys.from_body(middle.body).trusted()
    rotate(office, ROTATIONS)
    office.reports("kiosk-1", None, {HUB_KEYS: middle.version})
    ((_, newest),) = offered(office)
    check_notice(newest, trusted)


def test_nobody_signs_under_a_key_that_no_device_of_ours_trusts(office: Office) -> None:
    """An enrolment that knows the present key needs no other; retired ones sign for two rotations only."""
    rotate(office, ROTATIONS)
    names = [key.key_id for key in office.town.room.registry.hub_keys(HubKeyRole.SIGNING)]
    row = office.fleet.press.publish("content", b"{}", 600, "ana")
    with office.writer.read() as connection:
        body = office.fleet.press.notice(row, connection)
    assert body is not None
    assert list(decode_notice(body).sigs) == names[:3]
