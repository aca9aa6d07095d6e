"""A hub put back from a copy of every kind, with a device enrolled, one revoked and a key rotated since.

    Restored(hall, folder).by("cp while it runs")

What must hold whatever the kind: everything that a device still has is committed, the core has it once, the
revoked device stays outside, the one that was enrolled since comes back, and the books balance. A copy that
is not sound is refused in a sentence; then another one is taken, as a person would.
"""

import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Final

from shared.edge.home import DeviceHome
from shared.edge.seam import Taken
from tests.acceptance.conftest import TownHall
from tests.support.edge import running
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually


def backup(hub: HubProcess, to: Path) -> None:
    """Copy by the hub's own command."""
    hub.command("backup", str(to))


def copy_stopped(hub: HubProcess, to: Path) -> None:
    """Copy the file of a hub that does not run."""
    hub.stop()
    shutil.copy(database(hub), to)
    hub.start()


def copy_running(hub: HubProcess, to: Path) -> None:
    """Copy database and log from under a hub that runs, one after the other."""
    shutil.copy(database(hub), to)
    shutil.copy(beside(database(hub)), beside(to))


def copy_late_log(hub: HubProcess, to: Path) -> None:
    """The same by somebody who takes his time: the log is of another hour than the database."""
    shutil.copy(database(hub), to)
    with closing(sqlite3.connect(database(hub))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    hub.command("enrol", "late-one")
    for page in ("/v1/exceptions", "/v1/devices"):
        hub.get(page)
    eventually(lambda: beside(database(hub)).stat().st_size > 0, timeout_s=60, what="a new log")
    shutil.copy(beside(database(hub)), beside(to))


def vacuum(hub: HubProcess, to: Path) -> None:
    """Copy by SQLite itself, from another process."""
    with closing(sqlite3.connect(database(hub))) as connection:
        connection.execute("VACUUM INTO ?", (str(to),))


def copy_machine(hub: HubProcess, to: Path) -> None:
    """Copy the whole home, keys and all, as a snapshot of the machine's disk has it."""
    hub.stop()
    shutil.copytree(hub.home, to)
    hub.start()


KINDS: Final[Mapping[str, Callable[[HubProcess, Path], None]]] = MappingProxyType(
    {
        "ventanilla hub backup": backup,
        "cp of a stopped hub": copy_stopped,
        "cp while it runs": copy_running,
        "cp with a log of another hour": copy_late_log,
        "VACUUM INTO": vacuum,
        "the whole machine": copy_machine,
    }
)


def database(hub: HubProcess) -> Path:
    """Where the hub's database is."""
    return hub.home / "data" / "hub.db"


def beside(path: Path) -> Path:
    """Its log."""
    return path.with_name(f"{path.name}-wal")


class Restored:
    """One town hall, its devices, and what they took.

    Args:
        hall: a hub that runs, and its core.
        folder: where devices and copies lie.
    """

    def __init__(self, hall: TownHall, folder: Path) -> None:
        self._hall = hall
        self._hub = hall.hub
        self._folder = folder
        self._boots = 0
        self._taken: dict[str, list[Taken]] = {}

    def by(self, kind: str) -> str:
        """Copy, go on, lose the disk, put the copy back; return what the hub's command said.

        Raises:
            AssertionError: something is missing, is there twice, or a revoked device is back.
        """
        hub, copy = self._hub, self._folder / "copy.db"
        self._folder.mkdir(exist_ok=True)
        honest, stolen = self._enrol("bus-1"), self._enrol("bus-2")
        self._take("bus-1", honest)
        self._take("bus-2", stolen)
        KINDS[kind](hub, copy)
        self._take("bus-1", honest)
        later = self._enrol("bus-9")
        self._take("bus-9", later)
        hub.command("revoke", "bus-2", "--reason", "stolen")
        hub.stop()
        hub.command("rotate", "sealing")
        said = self._put_back(kind, copy)
        hub.start()
        self._take("bus-1", honest)
        self._take("bus-9", later)
        for name in ("bus-1", "bus-9"):
            self._hall.wait_for_settlements(name, self._taken[name])
        states = {device["id"]: device["state"] for device in hub.get("/v1/devices")["items"]}
        assert {states[name] for name in ("bus-1", "bus-9")} == {"active"}
        assert states["bus-2"] == "revoked"
        assert hub.get("/v1/ledger/audit")["clean"]
        assert not hub.get("/v1/losses")["items"]
        assert not hub.get("/v1/quarantine")["items"]
        assert hub.metrics()["ventanilla_cautious"] == 1
        return said

    def _enrol(self, name: str) -> DeviceHome:
        self._taken[name] = []
        return self._hub.enrol(name, self._folder / name)

    def _take(self, name: str, home: DeviceHome) -> None:
        """Take three payments and see all that was ever taken committed."""
        self._boots += 1
        with running(home, boot_id=f"boot-{self._boots}") as hand:
            counter = 1_000 * int(name[-1]) + 10 * self._boots
            self._taken[name] += [hand.take(hand.tap(counter + n)) for n in range(3)]
            self._hub.wait_for_fates(name, self._taken[name])

    def _put_back(self, kind: str, copy: Path) -> str:
        if copy.is_dir():  # as somebody puts a machine's disk back; the second copy of the keys is elsewhere
            shutil.rmtree(self._hub.home)
            shutil.copytree(copy, self._hub.home)
            return ""
        tried = self._hub.try_command("restore", str(copy))
        if tried.returncode and kind == "cp with a log of another hour":
            assert "Traceback" not in tried.stderr
            beside(copy).unlink()
            return tried.stderr + self._hub.command("restore", str(copy))
        assert tried.returncode == 0, tried.stderr
        return tried.stdout
