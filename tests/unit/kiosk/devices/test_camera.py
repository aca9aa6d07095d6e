"""The camera: a picture through a pipe, and every way in which none comes."""

import sys
from pathlib import Path

import pytest

from kiosk_app.devices.camera import FolderCamera, V4lCamera
from kiosk_app.devices.port import State
from shared.model.errors import DeviceError
from tests.support.photographs import make_photograph

ANSWERS = """
import sys, os, time
mode = open({mode!r}).read()
if "--info" in sys.argv:
    sys.exit(mode == "unplugged")
if mode == "hangs":
    time.sleep(60)
if mode == "unplugged":
    sys.exit(1)
body = open({body!r}, "rb").read() if mode == "works" else b"YUYV" * 1000
sys.stdout.buffer.write(b"noise" + body)
"""


class Wire:
    """A V4L2 device that is a file, and a program that answers for it as v4l2-ctl does."""

    def __init__(self, folder: Path) -> None:
        self.device, self._mode = folder / "video0", folder / "mode"
        self.program, self.body = folder / "v4l2-ctl", folder / "body.jpg"
        self.device.touch()
        make_photograph(self.body)
        self.is_in("works")
        script = ANSWERS.format(mode=str(self._mode), body=str(self.body))
        self.program.write_text(f"#!{sys.executable}\n{script}", encoding="utf-8")
        self.program.chmod(0o755)

    def is_in(self, mode: str) -> None:
        self._mode.write_text(mode, encoding="utf-8")

    def camera(self, timeout_s: float = 30.0) -> V4lCamera:
        return V4lCamera(str(self.device), program=str(self.program), timeout_s=timeout_s)


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(tmp_path)


def test_photograph_comes_through_a_pipe_whole_and_leaves_no_file(wire: Wire, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    camera = wire.camera()
    camera.open()
    assert camera.take() == wire.body.read_bytes()
    assert camera.health().state is State.WORKS
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("mode", ["unplugged", "garbage"])
def test_camera_that_gives_no_picture_is_closed_and_comes_back_by_itself(wire: Wire, mode: str) -> None:
    camera = wire.camera()
    wire.is_in(mode)
    with pytest.raises(DeviceError, match=r"check its cable|MJPG"):
        camera.take()
    if mode == "unplugged":
        health = camera.health()
        assert health.state is State.BROKEN
        assert health.why is not None
    wire.is_in("works")
    assert camera.health().state is State.WORKS
    assert camera.take() == wire.body.read_bytes()


def test_camera_that_hangs_fails_within_its_time(wire: Wire) -> None:
    wire.is_in("hangs")
    with pytest.raises(DeviceError, match="unplug it and plug it in"):
        wire.camera(timeout_s=0.5).take()


def test_camera_without_its_device_or_its_program_says_which(wire: Wire) -> None:
    wire.device.unlink()
    health = wire.camera().health()
    assert (health.state, "not plugged in" in health.remedy) == (State.AWAY, True)
    wire.device.touch()
    with pytest.raises(DeviceError, match="install v4l-utils"):
        V4lCamera(str(wire.device), program="no-such-program").take()


def test_camera_of_a_folder_shows_its_pictures_in_turn(tmp_path: Path) -> None:
    camera = FolderCamera(tmp_path)
    assert camera.health().state is State.AWAY
    with pytest.raises(DeviceError, match="put one there"):
        camera.take()
    for number in (1, 2):
        (tmp_path / f"{number}.jpg").write_bytes(bytes([number]))
    assert [camera.take() for _ in range(3)] == [b"\x01", b"\x02", b"\x01"]
