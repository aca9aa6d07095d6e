"""A device that dies while its link keys change, at the point where the hub alone has the new ones.

It is no part of `make test`: it has been seen to wait for a death that does not come, alone on an idle
machine too, and why is not known. `rules` takes its rule out with it.
"""

from pathlib import Path

import pytest

from tests.support.hub_process import HubProcess
from tests.support.rotating import Machine, kill_the_device


@pytest.mark.requires("strace")
def test_device_killed_when_the_hub_alone_has_its_new_keys_ends_with_them(tmp_path: Path) -> None:
    with HubProcess(tmp_path / "hub") as hub:
        machine = Machine(hub, "bus-1", tmp_path)
        try:
            kill_the_device(machine, "after the hub has them, before its answer is stored")
        finally:
            machine.device.kill()
