"""The demonstration's power cut takes what was not promised, and never what was."""

import shutil
from pathlib import Path
from random import Random

import pytest

from hub.demo import disks
from shared.adapters.outbox import Outbox, OutboxLimits
from shared.edge.home import DeviceHome
from shared.model.event import Stream
from tests.support.outbox import DEVICE, held, take_many

SMALL = OutboxLimits(ballast_bytes=0)
LANE = Stream.PAYMENTS


@pytest.fixture
def cut(tmp_path: Path) -> tuple[DeviceHome, str]:
    """A device's disk after ten payments, its process killed; and the epoch."""
    home, running = DeviceHome(tmp_path / "cut"), DeviceHome(tmp_path / "running")
    running.data.mkdir(parents=True)
    home.identity.mkdir(parents=True)
    with Outbox(running.outbox, DEVICE, SMALL) as outbox:
        taken = take_many(outbox, LANE, 10)
        shutil.copytree(running.data, home.data)
    return home, taken[0].epoch


@pytest.mark.parametrize("promised", [1, 7, 10])
def test_torn_disk_holds_what_was_promised_and_not_the_rest(
    cut: tuple[DeviceHome, str], promised: int
) -> None:
    home, epoch = cut
    assert disks.tear(home, DEVICE, {(LANE.value, epoch): promised}, Random(1)) > 0
    with Outbox(home.outbox, DEVICE, SMALL) as outbox:
        assert outbox.damaged_lines == 0
        assert not outbox.salvaged
        assert sorted(held(outbox, LANE, epoch).lines) == list(range(1, promised + 1))
        assert take_many(outbox, LANE, 1)[0].epoch != epoch


def test_disk_without_a_log_is_left_alone(tmp_path: Path) -> None:
    home = DeviceHome(tmp_path)
    assert disks.tear(home, DEVICE, {}, Random(1)) == 0
    assert disks.written_ns(home) == 0


def test_disk_that_is_put_back_is_the_image(cut: tuple[DeviceHome, str], tmp_path: Path) -> None:
    home, _ = cut
    image = tmp_path / "image"
    shutil.copytree(home.data, image)
    home.outbox.write_bytes(b"changed")
    disks.put_back(home, image)
    assert home.outbox.read_bytes() == (image / home.outbox.name).read_bytes()
    disks.lose(home)
    assert not home.data.exists()
    assert home.identity.exists()
