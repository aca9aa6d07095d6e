"""A device's process is killed, frozen, and loses its disk: what it said it took arrives, once."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.outbox import DiskFullError
from shared.model.ids import new_event_id
from tests.support.device_process import DeviceProcess, report, tap
from tests.support.polling import eventually
from tests.support.small_hub import SmallHub
from tests.support.town import now_ms

UNSHARE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
MOUNT = 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"'


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    hub = SmallHub(tmp_path / "town")
    yield hub
    hub.close()


def numbered(count: int) -> list[str]:
    """Ids, in order."""
    return [new_event_id(now_ms(), n.to_bytes(10, "big")) for n in range(count)]


@pytest.mark.guarantee("power cut at any byte of an append")
@pytest.mark.parametrize("answered", [1, 130])
def test_device_killed_in_the_middle_of_appends_loses_nothing_it_said_it_took(
    hub: SmallHub, answered: int
) -> None:
    """What had no answer is given again with its id, as an integrator would, and counts once."""
    home, ids = hub.home("bus-7"), numbered(300)
    with DeviceProcess(home) as device:
        device.give([tap(n, id=event_id) for n, event_id in enumerate(ids)])
        device.wait_for_answers(answered)
        device.kill()
    taken = device.taken()
    assert taken == ids[: len(taken)]
    with DeviceProcess(home, "--until-empty") as again:
        rest = list(enumerate(ids))[len(taken) :]
        again.give([tap(n, id=event_id) for n, event_id in rest], end=True)
        assert again.wait() == 0, again.complaints
    assert again.taken() == ids[len(taken) :]
    assert sorted(hub.ids()) == ids
    hub.nothing_wrong()


def test_device_killed_while_the_hub_is_away_delivers_what_it_took(hub: SmallHub) -> None:
    hub.stop()
    home, taken = hub.home("bus-7"), list[str]()
    for life in range(2):
        with DeviceProcess(home) as device:
            device.give([tap(100 * life + n) for n in range(100)])
            device.wait_for_answers(50)
            device.kill()
        taken += device.taken()
    hub.start()
    with DeviceProcess(home, "--until-empty") as device:
        device.give([], end=True)
        assert device.wait() == 0, device.complaints
    assert set(taken) <= set(hub.ids())
    hub.wait_for(taken)
    hub.nothing_wrong()


def test_device_frozen_while_the_hub_begins_anew_goes_on_when_it_thaws(hub: SmallHub) -> None:
    with DeviceProcess(hub.home("bus-7")) as device:
        device.give([tap(1)])
        device.wait_for_answers(1)
        device.wait_for_status(state="streaming", unacknowledged=0)
        device.signal(signal.SIGSTOP)
        hub.stop()
        hub.start()
        device.give([tap(n) for n in range(2, 20)])
        device.signal(signal.SIGCONT)
        device.wait_for_answers(19)
        hub.wait_for(device.taken())
    hub.nothing_wrong()


@pytest.mark.requires("strace")
@pytest.mark.guarantee("lane full, disk full, EIO on fsync")
@pytest.mark.parametrize("when", ["9", "12..14"])
def test_sync_that_fails_begins_a_new_life_and_everything_is_answered(hub: SmallHub, when: str) -> None:
    home, ids = hub.home("bus-7"), numbered(30)
    strace = ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]
    strace += ["-e", f"inject=fsync,fdatasync:error=EIO:when={when}", "-P", str(home.outbox) + "-wal"]
    with DeviceProcess(home, "--until-empty", "--per-second", "50", around=strace) as device:
        device.give([tap(n, id=event_id) for n, event_id in enumerate(ids)], end=True)
        assert device.wait() == 0, device.complaints
    assert any("life_ended" in line for line in device.complaints)
    assert device.taken() == ids
    assert sorted(row["event_id"] for row in hub.rows() if row["stream"] == "payments") == ids
    assert len({answer["taken"]["epoch"] for answer in device.answers}) >= 2
    hub.nothing_wrong()


@pytest.mark.guarantee("lane full, disk full, EIO on fsync")
def test_disk_full_is_said_before_and_delivery_makes_room_again(hub: SmallHub) -> None:
    home = hub.home("bus-7")
    home.data.mkdir(exist_ok=True)
    small = [*UNSHARE, "sh", "-c", MOUNT, str(home.data)]
    if subprocess.run([*small, "true"], capture_output=True, check=False).returncode:
        pytest.skip("This machine lets nobody mount a file system of its own: the full disk was not tried.")
    hub.stop()
    with DeviceProcess(home, around=small) as device:
        for batch in range(40):
            device.give([report("x" * 3500) for _ in range(20)])
            device.wait_for_answers(20 * (batch + 1))
            if "refused" in device.answers[-1]:
                break
        refused = device.answers[-1]["refused"]
        assert refused["reason"] == (DiskFullError.__doc__ or "").partition("; ")[0]
        assert len(device.taken()) > 50
        assert device.status()["lanes"]["cases"]["refusal"] == DiskFullError.__doc__
        hub.start()
        device.wait_for_status(unacknowledged=0)
        before = len(device.answers)

        def taken_again() -> bool:
            wanted = len(device.answers) + 1
            device.give([report("Farola")])
            device.wait_for_answers(wanted)
            return "taken" in device.answers[-1]

        eventually(taken_again, what="room on the disk")
        assert len(device.answers) > before
        hub.wait_for(device.taken())
    hub.nothing_wrong()
