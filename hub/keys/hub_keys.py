"""The hub's own secrets: sealing and signing keys, the fleet key, and the token of its API.

Rules:
- Made in place at set-up, 0600, in both copies before use; never in the repository, a log or an argument.
- A retired sealing key is kept: devices send again, for the keep window, what was sealed to it. A retired
  signing key's public half is in the registry for ever.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_bytes, token_urlsafe
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.keys.files import KeyFileError, TwinFolder
from hub.keys.records import HubKeyMade, HubKeyRetired, HubKeyRole
from hub.keys.registry import Registry
from shared.model.errors import InputError
from shared.protocol.keys import key_id
from shared.protocol.sealing import HubSealingKey
from shared.protocol.signing import signing_key_id

FLEET_KEY: Final = "fleet.key"
API_TOKEN: Final = "api-token"  # noqa: S105 - the name of a file
API_TOKEN_BEFORE: Final = "api-token.before"  # noqa: S105 - the name of a file
API_TOKEN_OVERLAP_MS: Final = 30 * 86_400_000
"""How long the token before is good after a rotation: whoever uses it has a month to take the new one."""
_SECRET_BYTES: Final = 32


class ApiTokenError(InputError):
    """This call needs the hub's API token (file api-token in the key folder) as a bearer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubKeys:
    """Every secret of the hub that the running process needs.

    Attributes:
        sealing: newest first; a context that the first does not open may be under a retired one.
        signing: signs bundles.
        signing_before: retired, newest first, all that there ever were: a device that slept through many
            rotations trusts one of these alone.
        fleet: pseudonyms of persons and cards (`subject`) are HMACs under it.
        api_token: what a caller of the API shows.
        token_before: the one before, and when it ends (Unix epoch in milliseconds); None where there is none.
        clock: the hub's time, Unix epoch in milliseconds.
    """

    sealing: tuple[HubSealingKey, ...] = field(repr=False)
    signing: Ed25519PrivateKey = field(repr=False)
    fleet: bytes = field(repr=False)
    signing_before: tuple[Ed25519PrivateKey, ...] = field(default=(), repr=False)
    api_token: str = field(repr=False)
    token_before: tuple[str, int] | None = field(repr=False)
    clock: Callable[[], int] = field(repr=False)

    def check_api_token(self, shown: str) -> None:
        """Compare in constant time.

        Raises:
            ApiTokenError: it is another token.
        """
        is_present = hmac.compare_digest(shown.encode(), self.api_token.encode())
        before, until_ms = self.token_before or (self.api_token, 0)
        is_before = hmac.compare_digest(shown.encode(), before.encode()) and self.clock() < until_ms
        if not (is_present or is_before):
            raise ApiTokenError(ApiTokenError.__doc__)


def make_missing(folder: TwinFolder, registry: Registry) -> None:
    """Make the secrets that are not there yet; repeated after a cut, it goes on where it stopped.

    Raises:
        SecondCopyError: the second copy cannot be written.
        OSError: the first cannot be written.
    """
    if not folder.has(FLEET_KEY):
        folder.write(FLEET_KEY, token_bytes(_SECRET_BYTES))
    if not folder.has(API_TOKEN):
        folder.write(API_TOKEN, token_urlsafe(_SECRET_BYTES).encode())
    for role in HubKeyRole:
        if not registry.hub_keys(role):
            make_hub_key(folder, registry, role)


def make_hub_key(folder: TwinFolder, registry: Registry, role: HubKeyRole) -> str:
    """Make a key pair of a role, put it into use and retire the one before; devices learn it by a bundle.

    Returns:
        Its key id.

    Raises:
        SecondCopyError: the second copy cannot be written; the key before stays in use.
        OSError: the first cannot be written.
    """
    before = registry.hub_keys(role)
    match role:
        case HubKeyRole.SEALING:
            sealing = HubSealingKey.generate()
            private, public = sealing.raw, sealing.public().raw
            name = key_id(public)
        case HubKeyRole.SIGNING:
            signing = Ed25519PrivateKey.generate()
            private, public = signing.private_bytes_raw(), signing.public_key().public_bytes_raw()
            name = signing_key_id(signing.public_key())
    folder.write(_file_name(role, name), private)
    registry.record(HubKeyMade(role=role, key_id=name, public=public.hex()))
    for key in before:
        if not key.retired:
            registry.record(HubKeyRetired(role=role, key_id=key.key_id))
    return name


def rotate_api_token(folder: TwinFolder, now_ms: int) -> None:
    """Make a new token of the API; the one before is good for a month more, and the one before that no more.

    Args:
        folder: the key folder of a hub that is stopped.
        now_ms: the hub's time, Unix epoch.

    Raises:
        SecondCopyError: the second copy cannot be written; the token stays.
        OSError: the first cannot be written.
    """
    before = folder.read(API_TOKEN)
    folder.write(API_TOKEN_BEFORE, b"%d %s" % (now_ms + API_TOKEN_OVERLAP_MS, before))
    folder.write(API_TOKEN, token_urlsafe(_SECRET_BYTES).encode())


def load(folder: TwinFolder, registry: Registry, clock: Callable[[], int]) -> HubKeys:
    """Read every secret, and check it against the registry.

    Raises:
        KeyFileError: one is missing, damaged or another than the registry names.
    """
    sealing = tuple(_load_sealing(folder, key.key_id) for key in registry.hub_keys(HubKeyRole.SEALING))
    names = [key.key_id for key in registry.hub_keys(HubKeyRole.SIGNING)]
    if not sealing or not names:
        raise KeyFileError("The hub has no keys yet; set it up with `ventanilla hub init`.")
    fleet = folder.read(FLEET_KEY)
    api_token = folder.read(API_TOKEN).decode("ascii", "replace")
    if len(fleet) != _SECRET_BYTES or len(api_token) < _SECRET_BYTES:
        raise KeyFileError(f"{KeyFileError.__doc__} ({FLEET_KEY}, {API_TOKEN})")
    before = [name for name in names[1:] if folder.has(_file_name(HubKeyRole.SIGNING, name))]
    return HubKeys(
        sealing=sealing,
        signing=_load_signing(folder, names[0]),
        signing_before=tuple(_load_signing(folder, name) for name in before),
        fleet=fleet,
        api_token=api_token,
        token_before=_load_token_before(folder),
        clock=clock,
    )


def _load_token_before(folder: TwinFolder) -> tuple[str, int] | None:
    if not folder.has(API_TOKEN_BEFORE):
        return None
    until_ms, _, token = folder.read(API_TOKEN_BEFORE).decode("ascii", "replace").partition(" ")
    if not until_ms.isdigit() or len(token) < _SECRET_BYTES:
        raise KeyFileError(f"{KeyFileError.__doc__} ({API_TOKEN_BEFORE})")
    return token, int(until_ms)


def _load_sealing(folder: TwinFolder, name: str) -> HubSealingKey:
    file_name = _file_name(HubKeyRole.SEALING, name)
    try:
        key = HubSealingKey(folder.read(file_name))
    except InputError as error:
        raise KeyFileError(f"{KeyFileError.__doc__} ({file_name})") from error
    if key_id(key.public().raw) != name:
        raise KeyFileError(f"{KeyFileError.__doc__} ({file_name})")
    return key


def _load_signing(folder: TwinFolder, name: str) -> Ed25519PrivateKey:
    file_name = _file_name(HubKeyRole.SIGNING, name)
    try:
        key = Ed25519PrivateKey.from_private_bytes(folder.read(file_name))
    except ValueError as error:
        raise KeyFileError(f"{KeyFileError.__doc__} ({file_name})") from error
    if signing_key_id(key.public_key()) != name:
        raise KeyFileError(f"{KeyFileError.__doc__} ({file_name})")
    return key


def _file_name(role: HubKeyRole, name: str) -> str:
    return f"{role}-{name}.key"
