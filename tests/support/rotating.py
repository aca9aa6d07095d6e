"""A device whose link keys are changed while somebody is killed: the device, or the hub, at a named point."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from shared.adapters import device_keys
from shared.edge.ending import START_AGAIN
from shared.edge.seam import Taken
from shared.model.event import Stream
from tests.support.device_process import DeviceProcess, report
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually

KILLED: Final = -9
RENAMES: Final = "?rename,?renameat,?renameat2"
DEVICE_POINTS: Final[Mapping[str, tuple[str, str]]] = {
    "before the new keys are durable": ("fsync", ".next.new"),
    "before the process starts again to hear them": ("exit_group", ""),
    "before the hub hears of them": ("?mkdir,?mkdirat", "pending"),
    "after the hub has them, before its answer is stored": ("openat", "pending/.ca.crt.new"),
    "before they are in force here": (RENAMES, "pending"),
    "after that, before the last trace is gone": ("?unlink,?unlinkat", "next"),
}
HUB_POINTS: Final[Mapping[str, str]] = {
    "before the hub's record is durable": "hub/keys/registry.jsonl",
    "between the record and its copy": "copy/registry.jsonl",
}


class Machine:
    """A device, and the service manager that starts it again."""

    def __init__(self, hub: HubProcess, name: str, folder: Path) -> None:
        self.name = name
        self.home = hub.enrol(name, folder / name)
        self.taken: list[Taken] = []
        self.deaths = 0
        self._hub = hub
        self._around: Sequence[str] = ()
        self.device = DeviceProcess(self.home)

    def die_at(self, calls: str, path: str) -> None:
        """Start again, and die once at such a call: on that path of the identity, or at any."""
        strace = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={calls}"]
        strace += ["-e", f"inject={calls}:signal=KILL:when=1"]
        if path:
            strace += ["-P", str(self.home.identity / path)]
        self.start(strace)

    def start(self, around: Sequence[str] = ()) -> None:
        """End it in order and start it."""
        self.device.stop()
        self._around = around
        self.device = DeviceProcess(self.home, around=around)

    def look_after(self) -> None:
        """Start it where it ended: because it asked for it, or because it was killed."""
        if self.device.has_ended():
            status = self.device.wait()
            assert status in (START_AGAIN, KILLED), self.device.complaints
            if status == KILLED:
                self.deaths += 1
                self._around = ()
            self.device = DeviceProcess(self.home, around=self._around)

    def link_key(self) -> str:
        """What the hub says is in force; the machine is looked after meanwhile."""
        self.look_after()
        return str(self._hub.get(f"/v1/devices/{self.name}")["link_key"])

    def take(self) -> None:
        """Take a report; it and all before it are committed."""
        told = eventually(self._answer, timeout_s=60, what="an answer")
        self.taken.append(Taken(told["id"], Stream(told["stream"]), told["epoch"], told["seq"]))
        self._hub.wait_for_fates(self.name, self.taken)

    def _answer(self) -> Mapping[str, Any]:
        """Offer a report; nothing comes of it where the machine ends just then."""
        self.look_after()
        device, before = self.device, len(self.device.answers)
        device.give([report("Farola")])
        eventually(lambda: len(device.answers) > before or device.has_ended(), timeout_s=40, what="its word")
        return device.answers[before]["taken"] if len(device.answers) > before else {}

    def order(self) -> None:
        """Have its keys changed; the hub goes on asking until it hears what came of it."""
        self._hub.post(
            f"/v1/devices/{self.name}/commands",
            {"op": "rotate_keys", "args": {}, "life_s": 300, "who": "ana"},
        )

    def wait_for_new_keys(self, before: str) -> None:
        """Wait until the hub and the machine have new ones, and the machine speaks under them."""
        eventually(lambda: self.link_key() != before, timeout_s=120, what="new link keys at the hub")
        eventually(
            lambda: self.look_after() or self.speaks_under() == self.link_key(),
            timeout_s=60,
            what="the machine speaks under them",
        )
        self.take()
        assert device_keys.load(self.home.identity).coming is None

    def speaks_under(self) -> str:
        return device_keys.load(self.home.identity).keys.links.up.id


def kill_the_device(machine: Machine, point: str) -> None:
    """Let a device die at a point of its rotation; it ends with the new keys and lacks nothing."""
    machine.take()
    before = machine.link_key()
    machine.die_at(*DEVICE_POINTS[point])
    machine.take()
    machine.order()
    eventually(lambda: machine.link_key() and machine.deaths, timeout_s=150, what=f"a death {point}")
    machine.take()
    if not device_keys.load(machine.home.identity).coming and machine.link_key() == before:
        machine.order()  # it died before anything was durable, and said that it failed
    machine.wait_for_new_keys(before)


def kill_the_hub(hub: HubProcess, machine: Machine, point: str) -> None:
    """Let the hub die at a point of a rotation; the device ends with the new keys and lacks nothing."""
    machine.take()
    before = machine.link_key()
    calls = "fsync,fdatasync"
    strace = ["strace", "-f", "-o", "/dev/null", "-p", str(hub.pid), "-e", f"trace={calls}"]
    strace += ["-e", f"inject={calls}:signal=KILL:when=1", "-P", str(hub.home.parent / HUB_POINTS[point])]
    tracer = subprocess.Popen(strace, stderr=subprocess.DEVNULL)
    status = Path(f"/proc/{hub.pid}/status")
    eventually(lambda: f"TracerPid:\t{tracer.pid}" in status.read_text(), what="strace at the hub")
    machine.order()
    eventually(lambda: machine.look_after() or hub.has_ended(), timeout_s=60, what="the hub's death")
    tracer.wait()
    hub.start()
    machine.take()
    machine.start()  # else it asks again within a minute
    machine.wait_for_new_keys(before)
