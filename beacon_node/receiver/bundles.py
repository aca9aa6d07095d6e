"""The two bundles of a district on a phone: fetched beforehand, checked, stored whole or not at all.

    GET <hub>/beacons/<district>/keys        bundle `beacon-keys-<district>`
    GET <hub>/beacons/<district>/notices     bundle `beacon-notices-<district>`

Rules:
- A bundle is taken if a key signed it that this phone was given by its person (W-8), if its version rises,
  and if it has not expired. What was stored is checked again whenever it is read.
- A request says nothing of the person: no cookie, no token, no name, and one address for the whole district.
  It is made by a command or a schedule, never because a beacon was heard.

Source: docs/PROTOCOL.md, W-8; docs/RECEIVER.md.
"""

import ssl
from collections.abc import Mapping
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from beacon_node.receiver.core.district import District
from beacon_node.receiver.pocket import BUNDLES, Town
from shared.edge.kept_files import KeptFileError, read_kept, write_kept
from shared.model.beacon_keys import BeaconKeys
from shared.model.beacon_notices import BeaconNotices
from shared.model.errors import InputError, TransientError
from shared.protocol.bundle import BundleError, Notice, check_notice, decode_notice
from shared.protocol.parsing import parse_object
from shared.protocol.signing import signing_key_id

KINDS: Final = ("keys", "notices")
ANSWER_BYTES_MAX: Final = 16 << 20
TIMEOUT_S: Final = 20.0
_OK: Final = 200


class NotReachedError(TransientError):
    """The town's hub did not give its bundle; what the phone has still counts, try again later."""


class NoBundlesError(InputError):
    """This phone has nothing of its district yet, or it is damaged; `ventanilla receiver fetch` brings it."""


class OlderBundleError(InputError):
    """The hub gave an older bundle than this phone has; what it has still counts, try again later."""


def name_of(kind: str, district: str) -> str:
    """Return a bundle's name."""
    return f"beacon-{kind}-{district}"


class Bundles:
    """Keeps a district's bundles.

    Args:
        folder: the phone's.
        town: whose.
    """

    def __init__(self, folder: Path, town: Town) -> None:
        self._folder = folder / BUNDLES
        self._town = town

    def take(self, kind: str, message: bytes, now_ms: int) -> bool:
        """Take a bundle.

        Args:
            kind: one of `KINDS`.
            message: as the hub gave it.
            now_ms: by the phone's clock.

        Returns:
            Whether it was new.

        Raises:
            OlderBundleError: its version does not rise.
            InputError: it is malformed, of another name, signed by nobody who is trusted, expired, or of no
                use.
            OSError: it cannot be stored; the one before stays.
        """
        notice = self._opened(kind, message)
        if now_ms >= notice.expires_ms:
            raise BundleError("This bundle has expired; look at the phone's clock, or try again later.")
        self._read(kind, notice)
        held = self._held(kind)
        if held is not None and notice.version < held.version:
            raise OlderBundleError(OlderBundleError.__doc__)
        if held is not None and notice.version == held.version:
            return False
        write_kept(self._folder / name_of(kind, self._town.district), message)
        return True

    def district(self) -> District:
        """Return what the phone knows of its district; an expired one too, which says so itself.

        Raises:
            NoBundlesError: one of the two is missing or damaged.
        """
        keys, notices = self._held("keys"), self._held("notices")
        if keys is None or notices is None:
            raise NoBundlesError(NoBundlesError.__doc__)
        known, said = self._read("keys", keys), self._read("notices", notices)
        if not isinstance(known, BeaconKeys) or not isinstance(said, BeaconNotices):
            raise NoBundlesError(NoBundlesError.__doc__)
        return District(known, said, min(keys.expires_ms, notices.expires_ms))

    def keys(self) -> BeaconKeys:
        """Return the beacons of the district.

        Raises:
            NoBundlesError: the bundle is missing or damaged.
        """
        held = self._held("keys")
        known = None if held is None else self._read("keys", held)
        if not isinstance(known, BeaconKeys):
            raise NoBundlesError(NoBundlesError.__doc__)
        return known

    def expires_ms(self) -> Mapping[str, int]:
        """Say when each bundle that is there ends."""
        held = {kind: self._held(kind) for kind in KINDS}
        return {kind: notice.expires_ms for kind, notice in held.items() if notice is not None}

    def _held(self, kind: str) -> Notice | None:
        try:
            message = read_kept(self._folder / name_of(kind, self._town.district))
            return None if message is None else self._opened(kind, message)
        except (KeptFileError, InputError):
            return None

    def _opened(self, kind: str, message: bytes) -> Notice:
        notice = decode_notice(message)
        if notice.name != name_of(kind, self._town.district) or notice.body is None:
            raise BundleError(BundleError.__doc__)
        keys = [Ed25519PublicKey.from_public_bytes(raw) for raw in self._town.signing]
        check_notice(notice, {signing_key_id(key): key for key in keys})
        return notice

    def _read(self, kind: str, notice: Notice) -> BeaconKeys | BeaconNotices:
        data = parse_object(notice.body or b"")
        content = BeaconKeys.from_data(data) if kind == "keys" else BeaconNotices.from_data(data)
        if content.district != self._town.district:
            raise BundleError(BundleError.__doc__)
        return content


def fetch(town: Town, kind: str, timeout_s: float = TIMEOUT_S) -> bytes:
    """Ask the hub for a bundle.

    Raises:
        NotReachedError: no answer, or another one than the bundle.
    """
    where = urlsplit(town.hub_url)
    context = ssl.create_default_context(cadata=town.authority_pem)
    connection = HTTPSConnection(where.hostname or "", where.port or 443, timeout=timeout_s, context=context)
    try:
        connection.request("GET", f"{where.path.rstrip('/')}/beacons/{town.district}/{kind}")
        response = connection.getresponse()
        message = response.read(ANSWER_BYTES_MAX + 1)
    except (OSError, HTTPException) as error:
        raise NotReachedError(f"{NotReachedError.__doc__} ({type(error).__name__})") from error
    finally:
        connection.close()
    if response.status != _OK or len(message) > ANSWER_BYTES_MAX:
        raise NotReachedError(f"{NotReachedError.__doc__} ({response.status})")
    return message
