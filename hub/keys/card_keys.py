"""The town's card keys: made here, kept here, and given to no one but as one card's own key.

    ring = CardKeyRing(TwinFolder(folder, copy_folder))
    ring.card_key(card_uid, layout.PURSE_KEY, ring.current)

Three files of the key folder, in both copies as every other:

    card-keys.secret   32 bytes, drawn once: what seals the next
    card-keys          the keys, sealed (`card_reader.keys.sealed`); of a version in a vault the tap's alone
    card-keys.retired  a number: this version and those before it are retired

Rules:
- A version is a whole set: the application's five keys and that of the seal. The newest is current: new cards
  get it, older cards when they are next at a desk; their seal keeps its key, which a card never changes.
- A retired version stays: a card that has it is known by it at a desk, and gets the newest there. It is given
  to no terminal any more, and a terminal that is loaded anew rides nobody by it.
- A key of the town's leaves this ring in one way: the tap's, sealed to a terminal (`sealed_for`).
- With a vault (`hub.keys.vault`) every new version's keys are made in it and stay there, all but the tap's:
  that one goes to buses, so no vault could keep it. Versions from before stay where they are.
- Whoever changes the files holds their lock, and the running hub sees at its next look what changed: a leak
  waits for no restart.

Whoever has the whole key folder has the keys that are in files. That is what a vault is for.
"""

import fcntl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_bytes
from typing import Final, NamedTuple

from card_reader.citizen_card import layout
from card_reader.desfire.crypto import KEY_BYTES
from card_reader.keys.sealed import SoftwareKeys
from hub.keys.files import KeyFileError, TwinFolder
from hub.keys.vault import KeyVault, NoVaultError
from shared.adapters.durable_files import PRIVATE, make_folder
from shared.model.errors import InputError

CARD_KEYS: Final = "card-keys"
SECRET: Final = "card-keys.secret"  # noqa: S105  the name of a file
RETIRED: Final = "card-keys.retired"
LOCK: Final = "card-keys.lock"
VERSION_MAX: Final = 255
"""A card says a key's version in one byte."""
NUMBERS: Final = (*range(layout.KEYS), layout.SEAL_KEY)
"""Every key of a card, by its number."""
VAULT_NUMBERS: Final = tuple(number for number in NUMBERS if number != layout.TAP_KEY)
"""Those that no terminal is given, so that a vault can keep them."""
_NAME: Final = "the hub"
_SECRET_BYTES: Final = 32


class NoCardKeysError(InputError):
    """This hub has no card keys yet; make them with `ventanilla hub card-keys new`."""


class CardKeyVersionError(InputError):
    """This version of the card keys is not there, or is the newest; look at `hub card-keys list`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """How a version of the card keys stands.

    Attributes:
        version: from 1.
        state: `current`, `accepted` or `retired`.
        kept: `files` or `vault`: where its keys are, all but the tap's, which is in files always.
    """

    version: int
    state: str
    kept: str


class _Held(NamedTuple):
    """What the files say, and by what it is seen that they were replaced."""

    seen: tuple[int, ...]
    keys: SoftwareKeys
    versions: tuple[int, ...]
    in_vault: frozenset[int]
    retired: int


class CardKeyRing:
    """The town's card keys in a key folder; implements `CardKeys` and `SealKeys`. Any thread may ask.

    Each method raises `NoCardKeysError` where there are none yet, and `KeyFileError` or `CardKeysError` where
    the files are damaged.

    Args:
        folder: the key folder and its second copy.
        vault: where new versions are made; None: in files.
    """

    def __init__(self, folder: TwinFolder, vault: KeyVault | None = None) -> None:
        self._folder = folder
        self._vault = vault
        self._lock = threading.Lock()
        self._held: _Held | None = None

    @property
    def is_made(self) -> bool:
        """Whether there are any."""
        return self._folder.has(CARD_KEYS)

    @property
    def current(self) -> int:
        """The version that new cards get."""
        return self._now().versions[0]

    def card_key(self, card_uid: bytes, number: int, version: int) -> bytes:
        """Return one card's own key; it does not leave the hub's process.

        Args:
            card_uid: the card's number in the air, 7 bytes.
            number: of the key, as `citizen_card.layout` names them.
            version: of the town's key.

        Raises:
            NoCardKeyError: there is no such version.
            NoVaultError, TokenAwayError, TokenPinError, TokenKeyError: a vault has it, and gives nothing now.
        """
        held = self._now()
        if version not in held.in_vault or number not in VAULT_NUMBERS:
            return held.keys.card_key(card_uid, number, version)
        if self._vault is None:
            raise NoVaultError(NoVaultError.__doc__)
        return self._vault.card_key(card_uid, number, version)

    def states(self) -> tuple[KeyState, ...]:
        """Return every version, the newest first, and how it stands."""
        held = self._now()
        return tuple(_state(held, each) for each in held.versions)

    def sealed_for(self, device: str, link_key: bytes) -> bytes:
        """Return the tap's key for a terminal's store, in each version that is not retired.

        It is sealed under the key by which the terminal speaks to the hub, and bound to its name: on the way
        there it opens nowhere else.

        Args:
            device: the terminal.
            link_key: its K_up.
        """
        held = self._now()
        own = held.keys.towns_own(layout.TAP_KEY)
        given = {(layout.TAP_KEY, version): key for version, key in own.items() if version > held.retired}
        return SoftwareKeys(given).sealed(link_key, device, token_bytes)

    def make(self) -> int:
        """Make the next version, which is current from now on.

        Returns:
            Its number.

        Raises:
            CardKeyVersionError: a card cannot say a higher one.
            SecondCopyError: the second copy cannot be written; nothing changed.
            TokenAwayError, TokenPinError, TokenUnfitError: the vault did not make them; nothing changed.
        """
        with self._changing():
            if not self._folder.has(SECRET):
                self._folder.write(SECRET, token_bytes(_SECRET_BYTES))
            before = self._now() if self.is_made else None
            version = 1 if before is None else before.versions[0] + 1
            if version > VERSION_MAX:
                raise CardKeyVersionError(CardKeyVersionError.__doc__)
            keys = SoftwareKeys({}) if before is None else before.keys
            if self._vault is not None:
                self._vault.make(VAULT_NUMBERS, version)
            numbers = NUMBERS if self._vault is None else (layout.TAP_KEY,)
            made = {(number, version): token_bytes(KEY_BYTES) for number in numbers}
            self._folder.write(
                CARD_KEYS, keys.added(made).sealed(self._folder.read(SECRET), _NAME, token_bytes)
            )
            return version

    def retire(self, version: int) -> None:
        """Retire a version and those before it.

        Raises:
            CardKeyVersionError: there is none, or it is the newest: make the next one first.
            SecondCopyError: the second copy cannot be written; nothing changed.
        """
        with self._changing():
            held = self._now()
            if version not in held.versions[1:]:
                raise CardKeyVersionError(CardKeyVersionError.__doc__)
            self._folder.write(RETIRED, b"%d" % max(version, held.retired))

    @contextmanager
    def _changing(self) -> Generator[None]:
        """Let nobody else change the files meanwhile; several commands may."""
        make_folder(self._folder.first)
        path = self._folder.first / LOCK
        path.touch(PRIVATE)
        with path.open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _now(self) -> _Held:
        """What the files say now; they are read again when they were replaced."""
        with self._lock:
            seen = self._look()
            if self._held is None or self._held.seen != seen:
                self._held = self._read(seen)
            return self._held

    def _look(self) -> tuple[int, ...]:
        found: list[int] = []
        for path in (self._folder.first / CARD_KEYS, self._folder.first / RETIRED):
            told = path.stat() if path.is_file() else None
            found += [0, 0] if told is None else [told.st_ino, told.st_mtime_ns]
        return tuple(found)

    def _read(self, seen: tuple[int, ...]) -> _Held:
        if not self.is_made:
            raise NoCardKeysError(NoCardKeysError.__doc__)
        keys = SoftwareKeys.opened(self._folder.read(CARD_KEYS), self._folder.read(SECRET), _NAME)
        retired = self._folder.read(RETIRED) if self._folder.has(RETIRED) else b"0"
        versions = keys.versions(layout.TAP_KEY)
        in_files = {version for number in VAULT_NUMBERS for version in keys.versions(number)}
        is_whole = versions and all(set(keys.versions(number)) == in_files for number in VAULT_NUMBERS)
        is_whole = is_whole and in_files <= set(versions)
        if not is_whole or not retired.isdigit() or int(retired) >= versions[0]:
            raise KeyFileError(f"{KeyFileError.__doc__} ({CARD_KEYS}, {RETIRED})")
        return _Held(seen, keys, versions, frozenset(versions) - in_files, int(retired))


def _state(held: _Held, version: int) -> KeyState:
    state = "retired" if version <= held.retired else "accepted"
    if version == held.versions[0]:
        state = "current"
    return KeyState(version=version, state=state, kept="vault" if version in held.in_vault else "files")
