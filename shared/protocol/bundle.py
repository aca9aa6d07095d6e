"""Bundles: signed, numbered files that the hub gives to every device. Pure.

    {"v":1,"name":"deny-list","version":[12,5],"sha256":"…","size":4102,"expires_ms":…,
     "sigs":{"<key id>":"…"},"body":"…"}

A notice names its body by hash and size; a body of at most 8 KiB travels in it, a longer one is fetched. The
signature is over the notice's own members, so a body can come from anywhere. Bundles for phones travel whole:
a phone asks once, and the answer is all that it needs.

Rules:
- A version never goes back, and of one version only the first notice counts.
- A bundle is signed by every key that some device may still trust; one that this device trusts is enough.
  Which keys it trusts is itself a bundle, `hub-keys`; before that, the key of the enrolment.
- What has expired is kept, and each name says what a device does then (`AFTER_EXPIRY`).
- A notice of a body without bytes retires the name: who holds it drops it, and remembers the version.

Not here: what a body says (whoever uses it), files (`shared.edge.bundle_shelf`), keys (`hub.keys`).

Source: RFC 8032; The Update Framework, sections on rollback and freeze attacks; docs/PROTOCOL.md.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.model.errors import InputError
from shared.model.fields import whole
from shared.protocol import limits
from shared.protocol.keys import LinkKey
from shared.protocol.mac import MacError, open_message, seal_message
from shared.protocol.parsing import ParseError, as_list, as_object, encode, number, octets, parse_object
from shared.protocol.signing import SignatureError, signing_key_id
from shared.protocol.versions import Version, version_of

HUB_KEYS: Final = "hub-keys"
DENY_LIST: Final = "deny-list"
BEACON_KEYS: Final = "beacon-keys-"
"""Begins the names of the bundles by which phones know the beacons of a district."""
BEACON_NOTICES: Final = "beacon-notices-"
"""Begins the names of what is said there."""
SIGNATURES_MAX: Final = 4
BUNDLES_PATH: Final = "/device/bundles"
"""Below it, by name and version, lie the bodies that do not travel in a notice."""
SIGNATURE_BYTES: Final = 64
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_KEY_BYTES: Final = 32
_SCHEME: Final = "VT1-MAC"
_ASKED: Final = b"\n"


class BundleError(InputError):
    """This is no bundle as devices take it; look at its name, size and signature, and publish it again."""


class AfterExpiry(StrEnum):
    """What a device does with a bundle that has expired."""

    KEEP = "keep"
    """It goes on with it: an old catalogue is better than none."""
    LIMIT = "limit"
    """It goes on, and risks less on one card; the bus does not stop."""
    HIDE = "hide"
    """It shows it no more: what it says may be untrue by now."""


AFTER_EXPIRY: Final[Mapping[str, AfterExpiry]] = MappingProxyType(
    {
        HUB_KEYS: AfterExpiry.KEEP,
        DENY_LIST: AfterExpiry.LIMIT,
        "catalogue": AfterExpiry.KEEP,
        "translations": AfterExpiry.KEEP,
        "fares": AfterExpiry.KEEP,
        "report-status": AfterExpiry.HIDE,
        "agenda": AfterExpiry.HIDE,
        "content": AfterExpiry.HIDE,
    }
)
"""By name; a name that is not here is hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is said of a bundle.

    Attributes:
        name: 1 to 32 of a-z, 0-9 and hyphen.
        version: rises with every publication.
        sha256: of the body, 32 bytes.
        size: of the body in bytes.
        expires_ms: by the hub's clock, Unix epoch.
        sigs: Ed25519 signature by key id.
        body: where it travels in the notice.
    """

    name: str
    version: Version
    sha256: bytes
    size: int
    expires_ms: int
    sigs: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    body: bytes | None = None

    @property
    def retires(self) -> bool:
        """Whether it takes the name out of use."""
        return self.size == 0

    def signed_bytes(self) -> bytes:
        """Return what a signature is over."""
        text = f"vt1 bundle|{self.name}|{self.version}|{self.sha256.hex()}|{self.size}|{self.expires_ms}"
        return text.encode()


def bytes_max(name: str) -> int:
    """Return how long the body of a bundle may be."""
    if is_for_phones(name):
        return limits.PHONE_BUNDLE_BYTES_MAX
    return limits.DENY_LIST_BYTES_MAX if name == DENY_LIST else limits.BUNDLE_BYTES_MAX


def inline_max(name: str) -> int:
    """Return how long a body may be that travels in its notice."""
    return limits.PHONE_BUNDLE_BYTES_MAX if is_for_phones(name) else limits.BUNDLE_INLINE_BYTES_MAX


def is_for_phones(name: str) -> bool:
    """Tell whether a bundle is fetched by phones, and never sent to a device."""
    return name.startswith((BEACON_KEYS, BEACON_NOTICES))


def is_bundle_name(text: str) -> bool:
    """Tell whether `text` can name a bundle."""
    return _NAME.fullmatch(text) is not None


def make_notice(
    name: str, version: Version, body: bytes, expires_ms: int, keys: Sequence[Ed25519PrivateKey]
) -> Notice:
    """Make a signed notice, its body in it if that is short enough.

    Args:
        name: of the bundle.
        version: higher than any before.
        body: what it says.
        expires_ms: by the hub's clock.
        keys: newest first; the first `SIGNATURES_MAX` sign.

    Raises:
        BundleError: the name or the size cannot be.
    """
    if not 0 < len(body) <= bytes_max(name):
        raise BundleError(f"a bundle of this name has 1 to {bytes_max(name)} bytes; publish less in one")
    return _signed(name, version, body, expires_ms, keys)


def make_retirement(
    name: str, version: Version, expires_ms: int, keys: Sequence[Ed25519PrivateKey]
) -> Notice:
    """Make a signed notice that takes a name out of use.

    Args:
        name: of the bundle.
        version: higher than any before.
        expires_ms: by the hub's clock; nothing follows from it.
        keys: newest first; the first `SIGNATURES_MAX` sign.

    Raises:
        BundleError: the name cannot be.
    """
    return _signed(name, version, b"", expires_ms, keys)


def _signed(
    name: str, version: Version, body: bytes, expires_ms: int, keys: Sequence[Ed25519PrivateKey]
) -> Notice:
    if not is_bundle_name(name):
        raise BundleError("a bundle's name is 1 to 32 of a-z, 0-9 and hyphen, beginning with a letter")
    notice = Notice(
        name=name,
        version=version,
        sha256=sha256(body).digest(),
        size=len(body),
        expires_ms=expires_ms,
        body=body if len(body) <= inline_max(name) else None,
    )
    signed = notice.signed_bytes()
    sigs = {signing_key_id(key.public_key()): key.sign(signed) for key in keys[:SIGNATURES_MAX]}
    return replace(notice, sigs=sigs)


def check_notice(notice: Notice, trusted: Mapping[str, Ed25519PublicKey]) -> None:
    """See that somebody who is trusted signed a notice.

    Args:
        notice: as it came.
        trusted: public key by key id.

    Raises:
        SignatureError: nobody who is trusted did.
    """
    signed = notice.signed_bytes()
    for key_id, signature in notice.sigs.items():
        key = trusted.get(key_id)
        if key is not None:
            try:
                key.verify(signature, signed)
            except InvalidSignature:
                continue
            return
    raise SignatureError("No key that this device trusts has signed this bundle; publish it again.")


def check_body(notice: Notice, body: bytes) -> None:
    """See that a body is the one that a notice names.

    Raises:
        BundleError: it is another one.
    """
    if len(body) != notice.size or sha256(body).digest() != notice.sha256:
        raise BundleError("This body is not the one that was signed; fetch it again.")


def encode_notice(notice: Notice) -> bytes:
    """Return the message's body, ending in a newline, without its MAC line."""
    members: dict[str, Any] = {
        "v": 1,
        "name": notice.name,
        "version": list(notice.version),
        "sha256": notice.sha256.hex(),
        "size": notice.size,
        "expires_ms": notice.expires_ms,
        "sigs": {key_id: _to_text(signature) for key_id, signature in notice.sigs.items()},
    }
    if notice.body is not None:
        members["body"] = _to_text(notice.body)
    return encode(members) + b"\n"


def decode_notice(body: bytes) -> Notice:
    """Read a notice; whether it is signed is not looked at.

    Raises:
        InputError: it is malformed, or its body is not the one that it names.
    """
    members = parse_object(body.removesuffix(b"\n"))
    name, sigs = members.get("name"), as_object(members.get("sigs"), "sigs")
    if type(name) is not str or not is_bundle_name(name) or not 0 < len(sigs) <= SIGNATURES_MAX:
        raise BundleError(BundleError.__doc__)
    notice = Notice(
        name=name,
        version=version_of(members, "version"),
        sha256=octets(members, "sha256", 32),
        size=whole(members, "size", 0, bytes_max(name)),
        expires_ms=number(members, "expires_ms"),
        sigs={key_id: _from_text(value, SIGNATURE_BYTES) for key_id, value in sigs.items()},
    )
    if "body" not in members:
        return notice
    content = _from_text(members["body"], inline_max(name))
    check_body(notice, content)
    return replace(notice, body=content)


def authorization(device: str, key: LinkKey, path: str) -> str:
    """Return the header by which a device asks for a body: its name, and a MAC line over method and path."""
    return f"{_SCHEME} {device} {seal_message(key, f'GET {path}', _ASKED)[len(_ASKED) :].decode()}"


def check_authorization(header: str, path: str, keys_of: Callable[[str], Mapping[str, bytes]]) -> str:
    """Return the device that asks.

    Args:
        header: as it came.
        path: that was asked for.
        keys_of: the keys in force of a device, by key id.

    Raises:
        MacError: it is no device of this hub.
    """
    match header.split(" "):
        case [scheme, device, line] if scheme == _SCHEME:
            open_message(keys_of(device), f"GET {path}", _ASKED + line.encode("ascii", "replace"))
            return device
        case _:
            raise MacError(MacError.__doc__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubPublicKeys:
    """What the bundle `hub-keys` says.

    Attributes:
        signing: raw Ed25519 public keys that bundles may be signed with, newest first.
        sealing: raw public key that citizens' words are sealed to from now on.
    """

    signing: tuple[bytes, ...]
    sealing: bytes

    def trusted(self) -> dict[str, Ed25519PublicKey]:
        """Return the signing keys by key id."""
        keys = [Ed25519PublicKey.from_public_bytes(raw) for raw in self.signing]
        return {signing_key_id(key): key for key in keys}

    def to_body(self) -> bytes:
        """Write the bundle's body."""
        return encode({"v": 1, "signing": [raw.hex() for raw in self.signing], "sealing": self.sealing.hex()})

    @classmethod
    def from_body(cls, body: bytes) -> "HubPublicKeys":
        """Read the bundle's body.

        Raises:
            InputError: it is malformed: a device goes on with the keys that it has.
        """
        members = parse_object(body)
        listed = as_list(members.get("signing"), "signing")
        sealing = members.get("sealing")
        if not 0 < len(listed) <= SIGNATURES_MAX or type(sealing) is not str or not sealing:
            raise BundleError(BundleError.__doc__)
        try:
            raw = bytes.fromhex(sealing)
        except ValueError as error:
            raise BundleError(BundleError.__doc__) from error
        return cls(
            signing=tuple(octets({"signing": item}, "signing", _KEY_BYTES) for item in listed), sealing=raw
        )


def _to_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _from_text(value: object, length_max: int) -> bytes:
    """Read base64url that is written in the one way in which we write it.

    Raises:
        ParseError: it is written in another way, or too long.
    """
    if type(value) is str and len(value) <= length_max * 4 // 3 + 2:
        try:
            raw = urlsafe_b64decode(value + "=" * (-len(value) % 4))
        except ValueError:
            raw = b""
        if len(raw) <= length_max and _to_text(raw) == value:
            return raw
    message = "A bundle's signatures and body are base64url without padding, and no longer than they may be."
    raise ParseError(message)
