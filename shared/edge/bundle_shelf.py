"""The bundles that a device holds: checked, stored whole, and what each is good for after its expiry.

    identity/bundles/<name>     when it was taken, its notice, its body

Rules:
- A bundle is taken only if a key that this device trusts has signed it, if its version rises, and if its body
  is the one that was signed. It replaces the one before in one step.
- The keys that are trusted are those of the bundle `hub-keys`; before one was taken, or after a later
  enrolment, the enrolment's.
- What a bundle says is read before it is taken (`shared.protocol.contents`): one that says nothing that this
  device understands is refused, and the one before stays.
- Of a name that was retired the notice stays, and nothing else: an older bundle that somebody recorded does
  not come back, a newer one does.
- Bundles lie with the identity: a data disk that is rolled back brings no old deny list with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.adapters.device_keys import Identity
from shared.edge.kept_files import KeptFileError, read_kept, write_kept
from shared.edge.twin_keeper import OlderError
from shared.model.errors import CapacityError, InputError
from shared.protocol import limits
from shared.protocol.bundle import (
    AFTER_EXPIRY,
    HUB_KEYS,
    AfterExpiry,
    BundleError,
    HubPublicKeys,
    Notice,
    check_body,
    check_notice,
    decode_notice,
    encode_notice,
    is_bundle_name,
)
from shared.protocol.contents import Content, read_content
from shared.protocol.parsing import encode, number, parse_object
from shared.protocol.reported import BundleReport, BundleState
from shared.protocol.signing import signing_key_id
from shared.protocol.versions import Version

FOLDER: Final = "bundles"

log = structlog.get_logger(__name__)


class ShelfFullError(CapacityError):
    """The device holds as many bundles as it may; retire a name by `ventanilla hub bundle retire`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A bundle on the shelf.

    Attributes:
        notice: without its body.
        taken_ms: when it was taken, by the best clock that the device had.
    """

    notice: Notice
    taken_ms: int

    def state(self, now_ms: int) -> BundleState:
        """Tell whether it has expired, or was retired."""
        if self.notice.retires:
            return BundleState.RETIRED
        return BundleState.EXPIRED if now_ms >= self.notice.expires_ms else BundleState.HELD


class BundleShelf:
    """Takes and gives bundles.

    Args:
        folder: the identity folder.
        identity: whose enrolment names the first key that is trusted.
        taken: called with a bundle and what it says, whenever one is taken or found at the start, and with
            the notice that retired one and None.
    """

    def __init__(
        self, folder: Path, identity: Identity, taken: Callable[[Held, Content | None], None]
    ) -> None:
        self._folder = folder / FOLDER
        self._identity = identity
        self._taken = taken
        self._held: dict[str, Held] = {}
        self._retired: dict[str, Held] = {}
        self._hub_keys: tuple[HubPublicKeys, int] | None = None
        for name, held, body in _read(folder):
            if held.notice.retires:
                self._retired[name] = held
                continue
            self._held[name] = held
            try:
                self._use(held, read_content(name, body))
            except InputError as error:  # an older version of this software took it
                log.warning("bundle_not_understood", name=name, reason=str(error))

    @property
    def held(self) -> Mapping[str, Held]:
        """What is on the shelf, by name."""
        return self._held

    def version(self, name: str) -> Version | None:
        """Return the newest version that the device took of a name, also of one that was retired."""
        known = self._held.get(name) or self._retired.get(name)
        return None if known is None else known.notice.version

    def wants(self, body: bytes, name: str) -> Notice | None:
        """Look at a notice; None where the device holds that version already.

        Args:
            body: of the message.
            name: of the topic on which it came.

        Raises:
            OlderError: its version does not rise.
            ShelfFullError: there is no room for another name.
            InputError: malformed, of another name, or signed by nobody who is trusted.
        """
        notice = decode_notice(body)
        if notice.name != name or (notice.retires and name == HUB_KEYS):
            raise BundleError(BundleError.__doc__)
        check_notice(notice, self._trusted())
        self._check_room(notice)
        known = self.version(name)
        if known is not None and notice.version < known:
            raise OlderError(OlderError.__doc__)
        return None if notice.version == known else notice

    def put(self, notice: Notice, body: bytes, now_ms: int) -> None:
        """Take a bundle whose notice was looked at, or drop the one that it retires.

        Raises:
            ShelfFullError: there is no room for another name.
            InputError: the body is another one, or cannot be used.
            OSError: it cannot be stored; the one before stays.
        """
        check_body(notice, body)
        self._check_room(notice)  # others may have been taken while this body was on its way
        content = None if notice.retires else read_content(notice.name, body)
        held = Held(notice=replace(notice, body=None), taken_ms=now_ms)
        head = encode({"taken_ms": now_ms})
        write_kept(self._folder / notice.name, b"%s\n%s%s" % (head, encode_notice(held.notice), body))
        here, gone = (self._retired, self._held) if notice.retires else (self._held, self._retired)
        here[notice.name] = held
        gone.pop(notice.name, None)
        log.info("bundle_taken", name=notice.name, version=str(notice.version), bytes=notice.size)
        self._use(held, content)

    def report(self, now_ms: int) -> dict[str, BundleReport]:
        """Say what is on the shelf, and what was retired."""
        return {
            name: BundleReport(version=held.notice.version, state=held.state(now_ms))
            for name, held in {**self._retired, **self._held}.items()
        }

    def _check_room(self, notice: Notice) -> None:
        there, most = (
            (self._retired, limits.BUNDLES_RETIRED_MAX)
            if notice.retires
            else (self._held, limits.BUNDLES_HELD_MAX)
        )
        if notice.name not in there and len(there) >= most:
            raise ShelfFullError(ShelfFullError.__doc__)

    def _use(self, held: Held, content: Content | None) -> None:
        if isinstance(content, HubPublicKeys):
            self._hub_keys = (content, held.taken_ms)
        self._taken(held, content)

    def _trusted(self) -> Mapping[str, Ed25519PublicKey]:
        answer = self._identity.answer
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(answer.hub_signing))
        enrolled = {signing_key_id(key): key}
        if self._hub_keys is None:
            return enrolled
        keys, taken_ms = self._hub_keys
        return {**enrolled, **keys.trusted()} if answer.time_ms > taken_ms else keys.trusted()


def read_shelf(folder: Path) -> list[tuple[str, Held, bytes]]:
    """Read what lies on the shelf of a device that may be stopped; what is damaged is left out."""
    return [one for one in _read(folder) if not one[1].notice.retires]


def _read(folder: Path) -> list[tuple[str, Held, bytes]]:
    """Read the shelf with the notices of what was retired."""
    found: list[tuple[str, Held, bytes]] = []
    shelf = folder / FOLDER
    for path in sorted(shelf.iterdir()) if shelf.is_dir() else ():
        if not is_bundle_name(path.name):
            continue
        try:
            head, _, rest = (read_kept(path) or b"").partition(b"\n")
            said, _, body = rest.partition(b"\n")
            notice = decode_notice(said)
            check_body(notice, body)
            if notice.name != path.name:
                raise BundleError(BundleError.__doc__)
            found.append(
                (path.name, Held(notice=notice, taken_ms=number(parse_object(head), "taken_ms")), body)
            )
        except (KeptFileError, InputError) as error:
            log.warning("bundle_damaged", name=path.name, reason=str(error))
    return found


def shelf_status(held: Mapping[str, Held], now_ms: int) -> dict[str, Any]:
    """Say for a person what lies on the shelf, and what is done with what has expired."""
    return {
        name: {
            "version": str(item.notice.version),
            "size": item.notice.size,
            "expires_ms": item.notice.expires_ms,
            "state": item.state(now_ms).value,
            "after_expiry": AFTER_EXPIRY.get(name, AfterExpiry.HIDE).value,
        }
        for name, item in held.items()
    }
