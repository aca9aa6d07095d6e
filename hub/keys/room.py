"""The key room: everything in the key folder, made at set-up, opened at each start.

    set_up(folder, copy_folder, names=("hub.example.org",), now_ms=now)  # `ventanilla hub init`, and again
    room = KeyRoom.open(folder, copy_folder, clock=now_ms)               # `ventanilla hub run`

Rules: set-up goes on where a power cut stopped it and never replaces a key that exists. Opening raises the
incarnation, so only the hub opens it so; a command line that only looks passes `count_start=False`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from hub.keys import hub_keys
from hub.keys.authority import (
    CA_CERTIFICATE,
    HUB_CERTIFICATE,
    SERVER_CERTIFICATE,
    Authority,
    load_own_serial,
    own_certificates_need_renewal,
)
from hub.keys.card_keys import CardKeyRing
from hub.keys.files import TwinFolder
from hub.keys.hub_keys import HubKeys
from hub.keys.incarnation import Incarnation
from hub.keys.registry import Registry
from hub.keys.vault import KeyVault
from shared.model.errors import DeviceError

EARLIEST_MS: Final = 1_767_225_600_000
"""2026-01-01: a clock before it was never set, and certificates made by it would be worth nothing."""


class ClockNotSetError(DeviceError):
    """This machine's clock is years behind; set it (timedatectl, NTP) and start again."""


def set_up(folder: Path, copy_folder: Path | None, *, names: tuple[str, ...], now_ms: int) -> None:
    """Make what is missing: registry, counter, authority, certificates, secrets.

    Args:
        folder: the key folder.
        copy_folder: its second copy, on another disk or machine.
        names: host names and addresses by which devices reach this hub.
        now_ms: the hub's time, Unix epoch.

    Raises:
        ClockNotSetError: the clock is years behind.
        SecondCopyError: the second copy cannot be written.
        JournalBusyError: the hub runs.
        OSError: the key folder cannot be written.
    """
    if now_ms < EARLIEST_MS:
        raise ClockNotSetError(ClockNotSetError.__doc__)
    twin = TwinFolder(folder, copy_folder)
    Incarnation.create(twin)
    authority = Authority.load(twin) if twin.has(CA_CERTIFICATE) else Authority.create(twin, now_ms)
    complete = twin.has(SERVER_CERTIFICATE) and twin.has(HUB_CERTIFICATE)
    if not complete or own_certificates_need_renewal(twin, names, now_ms):
        authority.make_own(twin, names, now_ms)
    Registry.create(folder, copy_folder, now_ms)
    registry = Registry.open(folder, copy_folder, clock=lambda: now_ms)
    try:
        hub_keys.make_missing(twin, registry)
    finally:
        registry.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRoom:
    """The opened key folder.

    Attributes:
        notes: what opening had to mend, as sentences for the exceptions list.
        own_serial: of the hub's client certificate, which the broker admits.
        card_keys: the town's, as far as it has made any.
    """

    folder: TwinFolder
    authority: Authority
    registry: Registry
    incarnation: Incarnation | None
    keys: HubKeys
    own_serial: str
    notes: tuple[str, ...]
    card_keys: CardKeyRing

    @classmethod
    def open(
        cls,
        folder: Path,
        copy_folder: Path | None,
        *,
        clock: Callable[[], int],
        count_start: bool = True,
        vault: KeyVault | None = None,
    ) -> Self:
        """Lock, verify and read the key folder; a vault is not asked for anything.

        Raises:
            JournalBusyError: another process has it open.
            DeviceError: something is missing or damaged in both copies, or the clock was never set.
            SecondCopyError: the second copy cannot be brought up to the first.
        """
        if clock() < EARLIEST_MS:
            raise ClockNotSetError(ClockNotSetError.__doc__)
        registry = Registry.open(folder, copy_folder, clock=clock)
        try:
            twin = TwinFolder(folder, copy_folder)
            room = cls(
                folder=twin,
                authority=Authority.load(twin),
                registry=registry,
                incarnation=Incarnation.raise_at_start(twin) if count_start else None,
                keys=hub_keys.load(twin, registry, clock),
                own_serial=load_own_serial(twin),
                notes=(*registry.notes, *_note_one_disk(folder, copy_folder)),
                card_keys=CardKeyRing(twin, vault),
            )
        except BaseException:
            registry.close()
            raise
        return room

    def close(self) -> None:
        """Give the key folder up to another process."""
        self.registry.close()


def _note_one_disk(folder: Path, copy_folder: Path | None) -> tuple[str, ...]:
    if copy_folder is None:
        return ("The keys have no second copy; name another disk or machine in key_copy_dir.",)
    if folder.stat().st_dev == copy_folder.stat().st_dev:
        return ("The keys and their second copy lie on one disk; name another in key_copy_dir.",)
    return ()
