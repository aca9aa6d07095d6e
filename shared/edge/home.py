"""A device's home folder: who it is, what it holds, and how it is reached on this machine.

    HOME/identity/       keys, certificate, memory.json, boot counter, settings.json
    HOME/data/           outbox.db, ballast, attachments/; may lie on another disk
    HOME/run/            lock, status.sock

Rules: one process at a time, by a lock that dies with it. What a technician may set stands in settings.json;
a file that cannot be understood stops the device with a sentence instead of being guessed at.
"""

import fcntl
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.adapters.durable_files import make_folder
from shared.edge.errors import HomeInUseError
from shared.model.errors import DeviceError, InputError
from shared.model.fields import whole
from shared.protocol import limits
from shared.protocol.delivery import LANES
from shared.protocol.parsing import as_object, parse_object

LANE_BYTES_MIN = 64 * 1024
LANE_BYTES_MAX = 1024**4


class SettingsError(DeviceError):
    """identity/settings.json cannot be understood; correct it or remove it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """What a technician may set.

    Attributes:
        lane_bytes: each lane's share of the disk.
        ballast_bytes: what is given up when the disk is full.
        attachment_bytes: photographs' share of the disk.
    """

    lane_bytes: dict[str, int] = field(default_factory=lambda: dict(limits.LANE_BYTES))
    ballast_bytes: int = limits.BALLAST_BYTES
    attachment_bytes: int = limits.ATTACHMENT_STORE_BYTES


@dataclass(frozen=True, slots=True)
class DeviceHome:
    """The folders of one device."""

    path: Path

    @property
    def identity(self) -> Path:
        """Where keys and memory lie."""
        return self.path / "identity"

    @property
    def data(self) -> Path:
        """Where the outbox lies."""
        return self.path / "data"

    @property
    def run(self) -> Path:
        """Where lock and socket lie."""
        return self.path / "run"

    @property
    def outbox(self) -> Path:
        """The outbox's file."""
        return self.data / "outbox.db"

    @property
    def attachments(self) -> Path:
        """Where photographs lie, sealed, until the hub has them."""
        return self.data / "attachments"

    @contextmanager
    def locked(self) -> Generator[None]:
        """Be the one process that runs this device; makes the folders that are missing.

        Raises:
            HomeInUseError: another process is.
            OSError: the home cannot be written.
        """
        for folder in (self.identity, self.data, self.run):
            make_folder(folder)
        descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
                raise HomeInUseError(f"{HomeInUseError.__doc__} (process {owner or 'unknown'})") from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
            yield
        finally:
            os.close(descriptor)

    def settings(self) -> DeviceSettings:
        """Read what a technician has set.

        Raises:
            SettingsError: the file cannot be understood.
        """
        path = self.identity / "settings.json"
        if not path.exists():
            return DeviceSettings()
        try:
            members = parse_object(path.read_bytes())
            unknown = members.keys() - {"lane_bytes", "ballast_bytes", "attachment_bytes"}
            lanes = as_object(members.get("lane_bytes", {}), "lane_bytes")
            if unknown or lanes.keys() - set(LANES):
                raise SettingsError(
                    f"{SettingsError.__doc__} (unknown: {', '.join(sorted(unknown)) or 'lane'})"
                )
            shares = {name: whole(lanes, name, LANE_BYTES_MIN, LANE_BYTES_MAX) for name in lanes}
            ballast = _bytes(members, "ballast_bytes", limits.BALLAST_BYTES)
            attachments = _bytes(members, "attachment_bytes", limits.ATTACHMENT_STORE_BYTES)
        except (OSError, InputError) as error:
            raise SettingsError(f"{SettingsError.__doc__} ({error})") from error
        return DeviceSettings(
            lane_bytes={**limits.LANE_BYTES, **shares}, ballast_bytes=ballast, attachment_bytes=attachments
        )


def _bytes(members: Mapping[str, object], name: str, usual: int) -> int:
    return whole({name: usual, **members}, name, 0, LANE_BYTES_MAX)
