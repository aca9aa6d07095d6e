"""The key registry: which keys and certificates are in force, who is fenced, which tokens are open.

    registry = Registry.open(folder, copy_folder, clock=now_ms)
    keys = registry.keys_of("kiosk-7")          # {key id: K_up}; empty: not recognised

It is the sum of its journal's records, kept in memory. The database knows devices too, and may be restored
from a backup; this here is never rolled back, so a revoked key stays revoked and a fence stays up.

Rules:
- A record is durable, in both copies, before anything can see what it says.
- Reading takes no lock: a device's entry is replaced whole. Writing takes one.

Not here: the file (`journal`), the records' form (`records`), what they do to a device (`entries`), who may
ask (`enrolment`, `hub.api`).
"""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self, assert_never

from hub.keys.entries import NO_KEYS, Device, DeviceState, HubKey, Token, changed, enrolled, in_force_at
from hub.keys.journal import Journal
from hub.keys.records import (
    CertificateRenewed,
    DeviceEnrolled,
    DeviceFenced,
    DeviceReleased,
    DeviceRevoked,
    Entry,
    HubKeyMade,
    HubKeyRetired,
    HubKeyRole,
    KeysRotated,
    Record,
    RegistryBegun,
    TokenIssued,
    from_json,
    to_json,
)
from shared.model.errors import InputError
from shared.protocol.keys import LinkKey

_FORMAT = 1
_TOKEN_MEMORY_MS = 86_400_000
"""An expired token is remembered for a day, so that the technician is told *expired*, not *unknown*."""

KeyRecord = TokenIssued | DeviceEnrolled | CertificateRenewed | KeysRotated | HubKeyMade | HubKeyRetired


class UnknownDeviceError(InputError):
    """No such device is enrolled here; look at `ventanilla hub devices`, or enrol it."""


class Registry:
    """The registry in memory, and its journal.

    Attributes:
        notes: what opening had to mend, for the exceptions list.
    """

    def __init__(self, journal: Journal, clock: Callable[[], int]) -> None:
        self.notes = journal.notes
        self._journal = journal
        self._clock = clock
        self._lock = threading.RLock()
        self._devices: dict[str, Device] = {}
        self._tokens: dict[str, Token] = {}
        self._hub_keys: list[HubKey] = []

    @classmethod
    def create(cls, folder: Path, copy_folder: Path | None, now_ms: int) -> None:
        """Begin an empty registry in both places; an existing one is left alone.

        Raises:
            SecondCopyError: the second copy cannot be written.
            OSError: the first cannot be written.
        """
        Journal.create(
            folder, copy_folder, to_json(Entry(at_ms=now_ms, record=RegistryBegun(format=_FORMAT)))
        )

    @classmethod
    def open(cls, folder: Path, copy_folder: Path | None, *, clock: Callable[[], int]) -> Self:
        """Lock and read the registry.

        Args:
            folder: the key folder.
            copy_folder: its second copy; None: there is none.
            clock: the hub's time, milliseconds of the Unix epoch.

        Raises:
            JournalBusyError: another process has it open.
            JournalDamagedError: it is damaged or missing in both places.
            SecondCopyError: the second copy cannot be brought up to the first.
            RecordError: a newer version wrote it.
        """
        journal, bodies = Journal.open(folder, copy_folder)
        registry = cls(journal, clock)
        try:
            for body in bodies:
                registry._apply(from_json(body))
        except BaseException:
            journal.close()
            raise
        registry.forget_expired()
        return registry

    def close(self) -> None:
        """Give the registry up to another process."""
        self._journal.close()

    @property
    def copy_is_behind(self) -> bool:
        """Whether the second copy lacks something: an open exception, until its disk is back."""
        return self._journal.copy_is_behind

    # ---- what the ingest asks, for every message

    def keys_of(self, device: str) -> Mapping[str, bytes]:
        """Return K_up by key id; empty for a device that is unknown or revoked."""
        entry = self._devices.get(device)
        return NO_KEYS if entry is None else entry.up_keys

    def down_key(self, device: str) -> LinkKey:
        """Return the key under which the hub speaks to a device.

        Raises:
            UnknownDeviceError: it is unknown or revoked.
        """
        entry = self._devices.get(device)
        if entry is None or not entry.links:
            raise UnknownDeviceError(UnknownDeviceError.__doc__)
        return entry.links[0].down

    def up_key(self, device: str) -> LinkKey:
        """Return the newest key under which a device speaks to the hub.

        Raises:
            UnknownDeviceError: it is unknown or revoked.
        """
        entry = self._devices.get(device)
        if entry is None or not entry.links:
            raise UnknownDeviceError(UnknownDeviceError.__doc__)
        return entry.links[0].up

    def enrolled_ms(self, device: str) -> int | None:
        """Return when a device was last enrolled; None if it never was."""
        entry = self._devices.get(device)
        return None if entry is None else entry.enrolled_ms

    def is_fenced(self, device: str) -> bool:
        """Tell whether a device takes no new money."""
        entry = self._devices.get(device)
        return entry is not None and entry.state is DeviceState.FENCED

    # ---- what broker, console and command line ask

    def devices(self) -> tuple[Device, ...]:
        """Return every device that was ever enrolled, revoked ones too, by id."""
        return tuple(self._devices[name] for name in sorted(self._devices))

    def device(self, device: str) -> Device:
        """Return one device.

        Raises:
            UnknownDeviceError: it was never enrolled.
        """
        entry = self._devices.get(device)
        if entry is None:
            raise UnknownDeviceError(UnknownDeviceError.__doc__)
        return entry

    def hub_keys(self, role: HubKeyRole) -> tuple[HubKey, ...]:
        """Return the hub's public keys of a role, newest first."""
        return tuple(key for key in reversed(self._hub_keys) if key.role is role)

    def token(self, token_hash: str) -> Token | None:
        """Return a token by the hash of its secret part; None if there is none or it was forgotten."""
        return self._tokens.get(token_hash)

    # ---- what changes

    def fence(self, device: str, reason: str) -> None:
        """Keep a device from taking new money; it holds even while the second copy is away.

        Raises:
            UnknownDeviceError: it is unknown or revoked.
            JournalWriteError: the registry cannot be written.
        """
        with self._lock:
            if self._in_force(device).state is DeviceState.ACTIVE:
                self._write(DeviceFenced(device=device, reason=reason), must_be_copied=False)

    def release(self, device: str) -> None:
        """Let a fenced device go on.

        Raises:
            UnknownDeviceError: it is unknown or revoked.
            JournalWriteError: the registry cannot be written.
        """
        with self._lock:
            if self._in_force(device).state is DeviceState.FENCED:
                self._write(DeviceReleased(device=device), must_be_copied=False)

    def revoke(self, device: str, reason: str) -> None:
        """End a device's keys and certificates for good; reload the broker afterwards.

        Raises:
            UnknownDeviceError: it was never enrolled.
            JournalWriteError: the registry cannot be written.
        """
        with self._lock:
            if self.device(device).state is not DeviceState.REVOKED:
                self._write(DeviceRevoked(device=device, reason=reason), must_be_copied=False)

    def record(
        self,
        record: TokenIssued | DeviceEnrolled | CertificateRenewed | KeysRotated | HubKeyMade | HubKeyRetired,
    ) -> None:
        """Write down what gives or ends a key, in both copies; visible when both are durable.

        Raises:
            SecondCopyError: the second copy cannot be written; nothing changed.
            JournalWriteError: the first cannot be written; nothing changed.
        """
        with self._lock:
            self._write(record, must_be_copied=True)

    @contextmanager
    def exclusively(self) -> Generator[None]:
        """Hold the writers' lock over a check and the record that follows from it."""
        with self._lock:
            yield

    def forget_expired(self) -> None:
        """Drop from memory what ended by now: link keys past the keep window, certificates, tokens."""
        with self._lock:
            now_ms = self._clock()
            for entry in self._devices.values():
                self._devices[entry.id] = in_force_at(entry, now_ms)
            kept = {h: t for h, t in self._tokens.items() if t.expires_ms + _TOKEN_MEMORY_MS > now_ms}
            self._tokens = kept

    # ---- inside

    def _write(self, record: Record, *, must_be_copied: bool) -> None:
        entry = Entry(at_ms=self._clock(), record=record)
        self._journal.append(to_json(entry), must_be_copied=must_be_copied)
        self._apply(entry)

    def _in_force(self, device: str) -> Device:
        entry = self.device(device)
        if entry.state is DeviceState.REVOKED:
            raise UnknownDeviceError(UnknownDeviceError.__doc__)
        return entry

    def _apply(self, entry: Entry) -> None:
        match entry.record:
            case RegistryBegun():
                pass
            case TokenIssued() as record:
                self._open_token(record)
            case HubKeyMade() | HubKeyRetired() as record:
                self._change_hub_key(record)
            case DeviceEnrolled() as record:
                self._put(self._told_keys(enrolled(self._devices.get(record.device), record, entry.at_ms)))
                self._use_token(record)
            case CertificateRenewed() as record:
                self._put(self._told_keys(changed(self._devices[record.device], record, entry.at_ms)))
            case KeysRotated() | DeviceFenced() | DeviceReleased() | DeviceRevoked() as record:
                self._put(changed(self._devices[record.device], record, entry.at_ms))
            case _:
                assert_never(entry.record)

    def _open_token(self, record: TokenIssued) -> None:
        """A new token of a device replaces an open one: of two slips of paper the newer counts."""
        kept = {h: t for h, t in self._tokens.items() if t.device != record.device or t.used_by is not None}
        kept[record.token_hash] = Token(
            device=record.device, kind=record.kind, site=record.site, expires_ms=record.expires_ms
        )
        self._tokens = kept

    def _use_token(self, record: DeviceEnrolled) -> None:
        token = self._tokens.get(record.token_hash)
        if token is not None:
            self._tokens[record.token_hash] = replace(token, used_by=record)

    def _change_hub_key(self, record: HubKeyMade | HubKeyRetired) -> None:
        match record:
            case HubKeyMade(role=role, key_id=name, public=public):
                self._hub_keys.append(HubKey(role=role, key_id=name, public=bytes.fromhex(public)))
            case HubKeyRetired(role=role, key_id=name):
                self._hub_keys = [
                    replace(key, retired=True) if (key.role, key.key_id) == (role, name) else key
                    for key in self._hub_keys
                ]
            case _:
                assert_never(record)

    def _told_keys(self, device: Device) -> Device:
        """A device that has just been answered knows the hub's present signing key."""
        signing = [key for key in self._hub_keys if key.role is HubKeyRole.SIGNING]
        return replace(device, hub_signing=signing[-1].key_id) if signing else device

    def _put(self, device: Device) -> None:
        self._devices[device.id] = device
