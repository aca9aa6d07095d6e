"""A device's link keys are changed by the hub's command, and by nobody who dies in the middle of it.

Two points of dying are here; all of them are tried by `python -m tests.proof rotations`.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from shared.edge.home import DeviceHome
from shared.protocol.session import SessionState
from tests.support.device_process import DeviceProcess
from tests.support.hub_process import HubProcess
from tests.support.rotating import Machine, kill_the_device, kill_the_hub

NUMBERS = count(1)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("rotation") / "hub") as running:
        yield running


@pytest.fixture
def machine(hub: HubProcess, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(hub, f"bus-{next(NUMBERS)}", tmp_path)
    yield machine
    machine.device.kill()


@pytest.mark.sentence("K-7")
def test_operator_changes_the_link_keys_of_a_device(hub: HubProcess, machine: Machine) -> None:
    machine.take()
    before = machine.link_key()
    old_disk = machine.home.path.with_name("old-disk")
    shutil.copytree(machine.home.path, old_disk, ignore=shutil.ignore_patterns("run"))
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(hub.command, "rotate", "link", "--device", machine.name)
        machine.wait_for_new_keys(before)
        assert said.result(60).startswith(f"{machine.name} has link keys {machine.link_key()}")
    machine.device.stop()
    with DeviceProcess(DeviceHome(old_disk)) as device:  # it is connected, and understands nobody
        device.wait_for_status(state=SessionState.BIRTH_SENT.value)
    assert not hub.get("/v1/losses")["items"]


@pytest.mark.requires("strace")
def test_device_killed_when_the_hub_alone_has_its_new_keys_ends_with_them(machine: Machine) -> None:
    kill_the_device(machine, "after the hub has them, before its answer is stored")


@pytest.mark.requires("strace")
def test_hub_killed_between_a_record_of_new_keys_and_its_copy_ends_with_them(
    hub: HubProcess, machine: Machine
) -> None:
    kill_the_hub(hub, machine, "between the record and its copy")


@pytest.mark.parametrize("words", [("link",), ("link", "--device", "nobody"), ("socks",)])
def test_rotation_of_nothing_is_refused_with_the_remedy(hub: HubProcess, words: tuple[str, ...]) -> None:
    tried = hub.try_command("rotate", *words)
    assert tried.returncode == 1
    assert "Traceback" not in tried.stderr
