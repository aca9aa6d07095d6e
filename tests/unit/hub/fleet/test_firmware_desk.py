"""Firmware at the hub: kept as it was signed, offered in stages, taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.fleet.firmware_desk import FirmwareDesk, FirmwareTakenError, FirmwareUnknownError, Stage
from hub.keys.registry import UnknownDeviceError
from shared.protocol import firmware
from shared.protocol.firmware import FirmwareError, Manifest
from tests.support.firmware import BOARD, manifest, parts, town_key
from tests.support.office import Office

BODY = b"".join(parts().values())
ALL = Stage(site="", share=100, who="ana")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


@pytest.fixture
def desk(office: Office) -> FirmwareDesk:
    return FirmwareDesk(office.writer, office.town.room.registry, lambda: office.now_ms)


def signed(sequence: int = 12, **said: str | int) -> bytes:
    """A firmware of the town, for as long as anybody tests."""
    made = manifest(parts(), sequence, **{"expires_s": 1 << 38, **said})
    return firmware.sign(made.unsigned(), town_key())


def test_node_is_offered_the_newest_that_it_does_not_run(desk: FirmwareDesk) -> None:
    assert desk.for_node("kiosk-1", BOARD, 0) is None
    desk.offer(signed(12), BODY, ALL)
    desk.offer(signed(13), BODY, ALL)
    assert desk.for_node("kiosk-1", BOARD, 11) == signed(13)
    assert desk.for_node("kiosk-1", BOARD, 13) is None
    assert desk.for_node("kiosk-1", "picow", 0) is None
    assert desk.body(BOARD, 13) == BODY
    assert desk.fetched == 1


def test_firmware_that_was_taken_back_or_has_expired_is_offered_no_more(
    desk: FirmwareDesk, office: Office
) -> None:
    desk.offer(signed(12), BODY, ALL)
    desk.offer(signed(13, expires_s=office.now_ms // 1_000 + 60), BODY, ALL)
    office.now_ms += 60_000
    assert desk.for_node("kiosk-1", BOARD, 0) == signed(12)
    desk.withdraw(BOARD, 12, "blas")
    assert desk.for_node("kiosk-1", BOARD, 0) is None
    assert desk.body(BOARD, 12) is None
    assert [(row.sequence, row.is_withdrawn, row.who) for row in desk.all()] == [
        (13, False, "ana"),
        (12, True, "blas"),
    ]
    desk.stage(BOARD, 12, ALL)
    assert desk.for_node("kiosk-1", BOARD, 0) == signed(12)


def test_stage_grows_and_holds_for_a_site_alone(desk: FirmwareDesk, office: Office) -> None:
    site = office.town.room.registry.device("kiosk-1").site
    desk.offer(signed(), BODY, Stage(site="elsewhere", share=100, who="ana"))
    assert desk.for_node("kiosk-1", BOARD, 0) is None
    found: list[int] = []
    for share in range(101):
        desk.stage(BOARD, 12, Stage(site=site, share=share, who="ana"))
        if desk.for_node("kiosk-1", BOARD, 0) is not None:
            found.append(share)
    assert found == list(range(found[0], 101))  # who is in a small share is in every larger one
    assert found[0] > 0


def test_what_nodes_would_refuse_is_not_kept(desk: FirmwareDesk) -> None:
    right = signed()
    for wrong, body in (
        (b"", BODY),
        (right[:-1], BODY),
        (manifest(parts()).unsigned(), BODY),
        (right.replace(b'"files":4', b'"files":5'), BODY),
        (right, BODY[:-1]),
        (right, BODY + b"\0"),
        (right, bytes(len(BODY))),
    ):
        with pytest.raises(FirmwareError):
            desk.offer(wrong, body, ALL)
    assert not desk.all()


def test_sequence_is_one_firmware_for_ever(desk: FirmwareDesk) -> None:
    desk.offer(signed(), BODY, ALL)
    desk.offer(signed(), BODY, Stage(site="", share=5, who="blas"))
    assert [row.share for row in desk.all()] == [5]
    with pytest.raises(FirmwareTakenError):
        desk.offer(signed(version="0.3.0"), BODY, ALL)


def test_what_is_not_here_is_said_to_be_unknown(desk: FirmwareDesk) -> None:
    with pytest.raises(FirmwareUnknownError):
        desk.withdraw(BOARD, 12, "ana")
    with pytest.raises(FirmwareUnknownError):
        desk.stage(BOARD, 12, ALL)
    with pytest.raises(UnknownDeviceError):
        desk.for_node("nobody", BOARD, 0)


@pytest.mark.parametrize(
    "name", ["../boot.py", "/boot.py", "a//b.py", "a/../b.py", "boot", ".mpy/..", "x" * 61 + ".mpy"]
)
def test_manifest_with_a_file_outside_of_the_slot_is_none(name: str) -> None:
    with pytest.raises(FirmwareError):
        manifest({name: b"x"})


def test_manifest_is_read_as_it_was_written_and_otherwise_not_at_all() -> None:
    made = manifest(parts())
    assert Manifest.parse(made.unsigned()) == made
    assert firmware.verify(firmware.sign(made.unsigned(), town_key()), [town_key().public_key()]) == made
    for other in (b"[]\n", b"\xff", made.unsigned() + b"\n", made.unsigned().replace(b",", b", ", 1)):
        with pytest.raises(FirmwareError):
            Manifest.parse(other)
    with pytest.raises(FirmwareError, match="not signed"):
        firmware.verify(firmware.sign(made.unsigned(), town_key("other")), [town_key().public_key()])
