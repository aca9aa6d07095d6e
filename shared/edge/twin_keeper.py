"""The device's settings: stored, put in force, and gone back from when they cut it off.

`shared.protocol.twin` decides; here are the file, the clock, and the port through which settings are put in
force. Every change is on the disk before anything follows from it: whatever a power cut leaves, the device
starts with settings that it can account for.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from shared.edge.kept_files import KeptFileError, read_kept, write_kept
from shared.model.errors import InputError
from shared.protocol.parsing import encode, parse_object
from shared.protocol.reported import TwinReport, TwinState
from shared.protocol.settings import SettingError, check_settings
from shared.protocol.twin import (
    Answer,
    Phase,
    Twin,
    decode_desired,
    offer,
    reached,
    read_twin,
    refuse,
    started,
    time_is_up,
    twin_members,
)

FILE_NAME: Final = "twin.json"

log = structlog.get_logger(__name__)


class OlderError(InputError):
    """It is not newer than what the device has; nothing was changed."""


class SettingsPort(Protocol):
    """What puts settings in force on this machine."""

    def apply(self, doc: Mapping[str, Any]) -> bool:
        """Put a whole document in force, in place of the one before.

        Args:
            doc: value by setting; a name that is missing has its default, one that is unknown no effect.

        Returns:
            Whether the link has to be made anew.
        """
        ...


class TwinKeeper:
    """Keeps the twin.

    Args:
        folder: where its file lies.
        port: puts settings in force.
        uptime_ms: the device's monotonic clock.

    Attributes:
        twin: what is on the disk.
    """

    def __init__(self, folder: Path, port: SettingsPort, uptime_ms: Callable[[], int]) -> None:
        self._path = folder / FILE_NAME
        self._port = port
        self._uptime_ms = uptime_ms
        self.twin = read(folder)
        self._since_ms = uptime_ms()
        begun = started(self.twin)
        if begun != self.twin:
            self._keep(begun)
        port.apply(self.twin.in_force)

    def take(self, body: bytes) -> bool:
        """Take a desired twin.

        Returns:
            Whether other settings are in force now.

        Raises:
            OlderError: it is not newer.
            InputError: it is malformed, or says what cannot be; then its version is given up.
            OSError: it cannot be stored; nothing was changed.
        """
        desired = decode_desired(body)
        try:
            check_settings(desired.doc, strict=False)
        except SettingError as error:
            self._keep(refuse(self.twin, desired.version, str(error)))
            raise
        twin, answer = offer(self.twin, desired)
        if answer is Answer.OLDER:
            raise OlderError(OlderError.__doc__)
        if answer is not Answer.TAKEN:
            return False
        log.info("settings_on_trial", version=str(desired.version))
        self._keep(twin)
        return True

    def put_in_force(self) -> bool:
        """Put the settings of the present phase in force; tells whether the link has to be made anew."""
        self._since_ms = self._uptime_ms()
        return self._port.apply(self.twin.in_force)

    def reached(self) -> bool:
        """The hub was reached with what is in force; tells whether other settings are in force now.

        Raises:
            OSError: it cannot be stored; call again later.
        """
        twin = reached(self.twin)
        if twin == self.twin:
            return False
        log.info("settings_settled", version=str(twin.version), phase=twin.phase.value)
        before = self.twin.in_force
        self._keep(twin)
        return self.twin.in_force != before

    def look(self) -> bool:
        """See whether a trial's time is up; tells whether other settings are to be put in force.

        Raises:
            OSError: it cannot be stored; call again later.
        """
        trial_s = self.twin.trial_s
        if trial_s is None or self._uptime_ms() - self._since_ms < trial_s * 1000:
            return False
        twin = time_is_up(self.twin)
        log.warning("settings_did_not_reach_the_hub", version=str(self.twin.version), phase=twin.phase.value)
        self._keep(twin)
        return True

    def report(self) -> TwinReport | None:
        """Say where the settings stand; None where there never were any."""
        return report(self.twin)

    def _keep(self, twin: Twin) -> None:
        write_kept(self._path, encode(twin_members(twin)))
        self.twin = twin


def read(folder: Path) -> Twin:
    """Look at the twin of a device that may be stopped; one that is damaged counts as none."""
    try:
        content = read_kept(folder / FILE_NAME)
        return Twin() if content is None else read_twin(parse_object(content))
    except (KeptFileError, InputError) as error:
        log.warning("settings_damaged", reason=str(error))
        return Twin()


def report(twin: Twin) -> TwinReport | None:
    """Say where a twin stands."""
    newest = twin.newest
    if newest is None:
        return None
    if twin.phase is not Phase.STEADY and twin.wanted is not None:
        return TwinReport(version=twin.wanted.version, state=TwinState.PENDING, in_force=twin.version)
    if newest in twin.bad:
        return TwinReport(version=newest, state=TwinState.REVERTED, in_force=twin.version, why=twin.why)
    return TwinReport(version=newest, state=TwinState.REACHED, in_force=twin.version)
