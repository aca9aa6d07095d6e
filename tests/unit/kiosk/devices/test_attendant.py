"""What is plugged in, what citizens can have meanwhile, and that nobody at the screen waits for a device."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kiosk_app.core.draft import Ability
from kiosk_app.core.words import say
from kiosk_app.devices.attendant import Attendant
from kiosk_app.devices.jack import KernelJack, NoJack
from kiosk_app.devices.port import WORKS, Device, Health, State
from kiosk_app.devices.presence import UsbPresence
from shared.model.errors import DeviceError, InputError
from tests.support.polling import eventually

GONE = Health(state=State.AWAY, remedy="plug it in", why=say("Hoy no."))


@dataclass
class Toy:
    """A device that is as it is told, and may take its time to say so."""

    now: Health = WORKS
    asked: int = 0
    closed: bool = False
    answers: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    def open(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    def health(self) -> Health:
        self.answers.wait(60)
        self.asked += 1
        return self.now


def attendant(toy: Device, round_s: float = 0.01) -> Attendant:
    return Attendant({"camera": toy}, {"camera": Ability.CAMERA}, round_s)


def test_ability_is_closed_while_its_device_is_away_and_opens_by_itself() -> None:
    toy = Toy()
    looks = attendant(toy)
    looks.start()
    assert looks.closed() == {}
    toy.now = GONE
    eventually(lambda: looks.closed() == {Ability.CAMERA: GONE.why})
    assert looks.health()["camera"].remedy == "plug it in"
    toy.now = WORKS
    eventually(lambda: looks.closed() == {})
    looks.stop()
    assert toy.closed


def test_what_failed_is_looked_at_without_waiting_for_the_next_round() -> None:
    toy = Toy()
    looks = attendant(toy, round_s=3600)
    looks.start()
    toy.now = GONE
    looks.look_soon()
    eventually(lambda: looks.closed() != {})
    looks.stop()


def test_device_that_takes_its_time_keeps_nobody_waiting() -> None:
    toy = Toy()
    looks = attendant(toy)
    looks.start()
    toy.answers.clear()
    asked = toy.asked
    assert looks.closed() == {}
    assert looks.health()["camera"] is WORKS
    toy.answers.set()
    eventually(lambda: toy.asked > asked + 1)
    looks.stop()


def test_usb_device_is_there_while_the_kernel_lists_it(tmp_path: Path) -> None:
    reader = UsbPresence(name="the card reader", usb_id="08e6:3437", listed=tmp_path)
    (tmp_path / "usb1").mkdir()
    assert reader.health().state is State.AWAY
    with pytest.raises(DeviceError, match="check its cable"):
        reader.open()
    plugged = tmp_path / "1-1"
    plugged.mkdir()
    (plugged / "idVendor").write_text("08e6\n", encoding="ascii")
    (plugged / "idProduct").write_text("3437\n", encoding="ascii")
    assert reader.health() is WORKS
    with pytest.raises(InputError, match="lsusb"):
        UsbPresence(name="the card reader", usb_id="reader", listed=tmp_path)


@pytest.mark.parametrize(("switches", "plugged"), [(0, False), (0b100, True), (0b011, False), (0b111, True)])
def test_headset_is_in_its_socket_when_its_switch_is_on(tmp_path: Path, switches: int, plugged: bool) -> None:
    (tmp_path / "event7").touch()
    jack = KernelJack(str(tmp_path / "event7"), lambda _file: switches.to_bytes(4, "little"))
    assert jack.is_plugged() is plugged
    assert jack.health() is WORKS
    jack.close()


def test_socket_that_cannot_be_read_counts_as_empty_and_is_read_again_when_it_is_back(tmp_path: Path) -> None:
    kernel = {"works": False}

    def read(_file: int) -> bytes:
        if not kernel["works"]:
            raise OSError
        return b"\x04\0\0\0"

    jack = KernelJack(str(tmp_path / "event7"), read)
    assert not jack.is_plugged()
    with pytest.raises(DeviceError, match="name its input device"):
        jack.open()
    (tmp_path / "event7").touch()
    assert (jack.is_plugged(), jack.health().state) == (False, State.AWAY)
    kernel["works"] = True
    assert jack.is_plugged()
    open_files = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(5):
        jack.open()
    assert len([*Path("/proc/self/fd").iterdir()]) == open_files
    jack.close()


def test_real_kernel_refuses_to_read_switches_of_what_has_none(tmp_path: Path) -> None:
    (tmp_path / "event7").touch()
    jack = KernelJack(str(tmp_path / "event7"))
    assert not jack.is_plugged()


def test_kiosk_without_a_socket_says_so() -> None:
    assert not NoJack().is_plugged()
    assert NoJack().health().state is State.AWAY
