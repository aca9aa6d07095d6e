"""A device, a token and a hub key as the registry sees them now, and what each record changes. Pure.

Rules:
- A device's previous link keys hold for the keep window; its signing keys are kept for ever, for the auditor.
- A fence outlives a new enrolment; revocation ends everything, and a device enrolled after it begins anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

from hub.keys.records import (
    CertificateRenewed,
    DeviceEnrolled,
    DeviceFenced,
    DeviceReleased,
    DeviceRevoked,
    HubKeyRole,
    KeysRotated,
)
from shared.protocol import limits
from shared.protocol.keys import LinkKey, key_id

NO_KEYS: Mapping[str, bytes] = MappingProxyType({})


class DeviceState(StrEnum):
    """Whether a device may speak, and whether it may take money."""

    ACTIVE = "active"
    FENCED = "fenced"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that the broker admits until it expires."""

    serial: str
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPair:
    """Both link keys of a device, and when they end (None: in use)."""

    up: LinkKey
    down: LinkKey
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What the registry knows of a device.

    Attributes:
        links: newest first.
        signing: raw Ed25519 public keys, newest first, all that there ever were.
        certificates: newest first, expired ones removed.
        hub_signing: id of the hub's signing key that its last enrolment or renewal told it of.
        up_keys: K_up by key id, of every pair in force.
        air_key: of a beacon, 16 bytes; empty of any other device, and of one that is revoked.
    """

    id: str
    kind: str
    site: str
    state: DeviceState
    fence_reason: str | None
    enrolled_ms: int
    links: tuple[LinkPair, ...]
    signing: tuple[bytes, ...]
    certificates: tuple[Certificate, ...]
    hub_signing: str = ""
    up_keys: Mapping[str, bytes] = field(default_factory=lambda: NO_KEYS, repr=False)
    air_key: bytes = field(default=b"", repr=False)

    @property
    def link_key(self) -> str:
        """The id of the newest K_up; empty of a device that is revoked."""
        return self.links[0].up.id if self.links else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An enrolment token that has not expired.

    Attributes:
        used_by: the enrolment it led to; None while it is open.
    """

    device: str
    kind: str
    site: str
    expires_ms: int
    used_by: DeviceEnrolled | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubKey:
    """A public key of the hub; the last one made of a role is in use."""

    role: HubKeyRole
    key_id: str
    public: bytes
    retired: bool = False


def enrolled(before: Device | None, record: DeviceEnrolled, at_ms: int) -> Device:
    """Return a device that was just given keys, for the first time or again."""
    signing = bytes.fromhex(record.signing)
    fenced = before is not None and before.state is DeviceState.FENCED
    device = Device(
        id=record.device,
        kind=record.kind,
        site=record.site,
        state=DeviceState.FENCED if fenced else DeviceState.ACTIVE,
        fence_reason=before.fence_reason if before is not None and fenced else None,
        enrolled_ms=at_ms,
        links=(),
        signing=(signing, *(() if before is None else (k for k in before.signing if k != signing))),
        certificates=(Certificate(serial=record.serial, expires_ms=record.expires_ms),),
        air_key=bytes.fromhex(record.air_key),
    )
    links = () if before is None else before.links
    return _linked(device, _with_link(links, record.k_up, record.k_down, at_ms))


def changed(
    device: Device,
    record: CertificateRenewed | KeysRotated | DeviceFenced | DeviceReleased | DeviceRevoked,
    at_ms: int,
) -> Device:
    """Return a device after a record about it."""
    match record:
        case CertificateRenewed(serial=serial, expires_ms=expires_ms):
            newest = Certificate(serial=serial, expires_ms=expires_ms)
            return replace(device, certificates=(newest, *device.certificates))
        case KeysRotated(k_up=k_up, k_down=k_down):
            return _linked(device, _with_link(device.links, k_up, k_down, at_ms))
        case DeviceFenced(reason=reason):
            return replace(device, state=DeviceState.FENCED, fence_reason=reason)
        case DeviceReleased():
            return replace(device, state=DeviceState.ACTIVE, fence_reason=None)
        case DeviceRevoked():
            out = replace(device, state=DeviceState.REVOKED, fence_reason=None, certificates=(), air_key=b"")
            return _linked(out, ())
        case _:
            assert_never(record)


def in_force_at(device: Device, now_ms: int) -> Device:
    """Return a device without the link keys and certificates that ended by now."""
    links = tuple(pair for pair in device.links if pair.until_ms is None or pair.until_ms > now_ms)
    certificates = tuple(c for c in device.certificates if c.expires_ms > now_ms)
    return _linked(replace(device, certificates=certificates), links)


def _linked(device: Device, links: tuple[LinkPair, ...]) -> Device:
    up_keys = {pair.up.id: pair.up.key for pair in links}
    return replace(device, links=links, up_keys=MappingProxyType(up_keys))


def _with_link(links: tuple[LinkPair, ...], k_up: str, k_down: str, now_ms: int) -> tuple[LinkPair, ...]:
    """Put a pair first; the others end when the keep window does."""
    up, down = bytes.fromhex(k_up), bytes.fromhex(k_down)
    newest = LinkPair(up=LinkKey(key_id(up), up), down=LinkKey(key_id(down), down))
    until_ms = now_ms + limits.KEEP_WINDOW_MS
    older = (
        pair if pair.until_ms is not None else replace(pair, until_ms=until_ms)
        for pair in links
        if pair.up != newest.up
    )
    return (newest, *older)
