"""What the key registry says, line by line: one frozen class a record, and its JSON form.

Rules: a record is never changed or removed; a later one supersedes it. Keys are lower-case hex. A record of a
kind or with a member that this version does not know stops the start: a newer hub wrote it, and its meaning
must not be lost. A member with a default is one that came later: it is left out where it says nothing.
"""

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, cast

from shared.model.errors import DeviceError


class RecordError(DeviceError):
    """A line of the key registry is unknown here: run the version that wrote it, or a newer one."""


class HubKeyRole(StrEnum):
    """What a key pair of the hub is for."""

    SEALING = "sealing"  #: opens what citizens gave (HPKE)
    SIGNING = "signing"  #: signs bundles (Ed25519)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryBegun:
    """The first line of every registry."""

    format: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued:
    """A technician was given a token; only its hash is written down."""

    token_hash: str
    device: str
    kind: str
    site: str
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEnrolled:
    """A token was used and its device has keys, both in one line: neither exists without the other.

    Attributes:
        request_hash: names the keys that were asked for, so that a repeated request gets the same answer.
        certificate: PEM, to give the same answer.
        air_key: of a beacon, what its identifiers in the air follow from; empty of any other device.
    """

    token_hash: str
    request_hash: str
    device: str
    kind: str
    site: str
    k_up: str
    k_down: str
    signing: str
    serial: str
    expires_ms: int
    certificate: str
    air_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRenewed:
    """A device has a further certificate; the earlier one stays in force until it expires."""

    device: str
    serial: str
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysRotated:
    """A device has new link keys; the previous ones hold for the keep window."""

    device: str
    k_up: str
    k_down: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFenced:
    """A device takes no new money until a clerk releases it."""

    device: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReleased:
    """A clerk looked at a fenced device and let it go on."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRevoked:
    """A device is out: stolen, lost or retired. Its keys and certificates end at once."""

    device: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubKeyMade:
    """The hub has a key pair, in use from now on."""

    role: HubKeyRole
    key_id: str
    public: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubKeyRetired:
    """A key pair of the hub is in use no more; it is kept for ever."""

    role: HubKeyRole
    key_id: str


Record = (
    RegistryBegun
    | TokenIssued
    | DeviceEnrolled
    | CertificateRenewed
    | KeysRotated
    | DeviceFenced
    | DeviceReleased
    | DeviceRevoked
    | HubKeyMade
    | HubKeyRetired
)

_NAMES = MappingProxyType(
    {
        "registry_begun": RegistryBegun,
        "token_issued": TokenIssued,
        "device_enrolled": DeviceEnrolled,
        "certificate_renewed": CertificateRenewed,
        "keys_rotated": KeysRotated,
        "device_fenced": DeviceFenced,
        "device_released": DeviceReleased,
        "device_revoked": DeviceRevoked,
        "hub_key_made": HubKeyMade,
        "hub_key_retired": HubKeyRetired,
    }
)
_TYPES = MappingProxyType({cls: name for name, cls in _NAMES.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record, and when it was written (Unix epoch, the hub's clock)."""

    at_ms: int
    record: Record


def to_json(entry: Entry) -> bytes:
    """Return an entry as one JSON object without line breaks."""
    head = {"at_ms": entry.at_ms, "record": _TYPES[type(entry.record)]}
    later = {item.name: item.default for item in fields(entry.record) if item.default is not MISSING}
    said = {name: value for name, value in asdict(entry.record).items() if later.get(name, MISSING) != value}
    return json.dumps({**head, **said}, separators=(",", ":")).encode()


def from_json(text: bytes) -> Entry:
    """Read an entry.

    Raises:
        RecordError: not one of ours, or of a newer version.
    """
    try:
        members = cast("dict[str, Any]", json.loads(text))
        at_ms, cls = members.pop("at_ms"), _NAMES[members.pop("record")]
        expected = {item.name: item.type for item in fields(cls)}
        needed = {item.name for item in fields(cls) if item.default is MISSING}
        if type(at_ms) is not int or not needed <= members.keys() <= expected.keys():
            raise RecordError(RecordError.__doc__)
        for name, value in members.items():
            if type(value) is not (int if expected[name] is int else str):
                raise RecordError(RecordError.__doc__)
            if expected[name] is HubKeyRole:
                members[name] = HubKeyRole(value)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(RecordError.__doc__) from error
    return Entry(at_ms=at_ms, record=cls(**members))
