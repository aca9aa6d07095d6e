"""Receipts: what a citizen takes home, and what anybody can check with the town's public key alone. Pure.

    VT1:kiosk-7/7KXM-2PRT-94VW/incident.reported/2026-11-21T10:15:00Z/cases/9f3c2a1b/1041/<key>/<endorsement>/<signature>

A receipt says that a device has stored an event, and where: the place in its stream is what the hub counts
by, so an event that is missing there is seen to be missing. The device signs it when the event is on its
disk. Its key travels in the receipt, endorsed by the town, so that nothing has to be asked of anybody.

Rules: nothing of what was said is in it. The endorsement names device and key and ends with the device's
certificate. What is cut, altered, forged, too old or of another town is told apart.

Source: RFC 8032; docs/PROTOCOL.md, section Receipts.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.model.errors import InputError
from shared.model.event import Stream
from shared.model.fields import text
from shared.model.ids import check_device_id, check_reference
from shared.model.instants import from_rfc3339
from shared.protocol.parsing import as_list, as_object, encode, octets, parse_object
from shared.protocol.signing import signing_key_id

SCHEME: Final = "VT1:"
RECEIPT_LENGTH_MAX: Final = 600
"""A receipt with the longest names has some 450 characters; a QR code of that size is read from paper."""
SHOWN_LENGTH_MAX: Final = 1_200
"""What somebody shows: a receipt, with the address of a page in front of it."""
TOWN_KEYS_MAX: Final = 64
TOWN_LENGTH_MAX: Final = 100
KEYS_BYTES_MAX: Final = 64 * 1024
_ANY_VERSION: Final = re.compile(r"VT([0-9]{1,3}):")
_PARTS: Final = 10
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_EPOCH: Final = re.compile(r"[0-9a-f]{8}")
_TYPE: Final = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,15}")


class ReceiptError(InputError):
    """This is no receipt as a device writes it; look at what was to be signed."""


class TownKeysError(InputError):
    """This is no file of a town's public keys; ask for one: `ventanilla hub town-keys` writes it."""


class Verdict(StrEnum):
    """What a receipt is worth."""

    GENUINE = "genuine"
    """A device of this town has stored that event."""
    EXPIRED = "expired"
    """It was signed after the town's word for that device's key had ended."""
    FOREIGN = "foreign"
    """No key of this town has endorsed it: another town's, or the list of keys is too old."""
    FORGED = "forged"
    """It is whole, and the town has not endorsed whoever signed it."""
    ALTERED = "altered"
    """It is not what was signed."""
    CUT = "cut"
    """Something of it is missing."""
    NEWER = "newer"
    """It is of a version that this reader does not know."""
    NONE = "none"
    """It is no receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a receipt says.

    Attributes:
        device: who stored the event.
        reference: what the citizen was told.
        type: what happened, for example `incident.reported`.
        time: RFC 3339, by the device's clock.
        stream: the lane.
        epoch: of the lane, 8 hex digits.
        seq: its number there.
    """

    device: str
    reference: str
    type: str
    time: str
    stream: str
    epoch: str
    seq: int

    def __post_init__(self) -> None:
        try:
            check_device_id(self.device)
            is_whole = check_reference(self.reference) == self.reference and self.stream in set(Stream)
            from_rfc3339(self.time)
        except InputError as error:
            raise ReceiptError(ReceiptError.__doc__) from error
        if not (is_whole and _EPOCH.fullmatch(self.epoch) and _TYPE.fullmatch(self.type) and self.seq > 0):
            raise ReceiptError(ReceiptError.__doc__)

    def to_text(self) -> str:
        """Write what is signed, without keys."""
        return f"{self.device}/{self.reference}/{self.type}/{self.time}/{self.stream}/{self.epoch}/{self.seq}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What came of looking at a receipt.

    Attributes:
        verdict: what it is worth.
        receipt: what it says, where it could be read; to be believed if it is genuine.
    """

    verdict: Verdict
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TownKeys:
    """What a town publishes so that its receipts can be checked.

    Attributes:
        town: what it is called.
        keys: raw Ed25519 public keys that endorse devices, newest first, retired ones too.
    """

    town: str
    keys: tuple[bytes, ...]

    def to_body(self) -> bytes:
        """Write the file."""
        listed = [{"id": name, "ed25519": raw.hex()} for name, raw in self._named()]
        return encode({"v": 1, "town": self.town, "keys": listed}) + b"\n"

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Read the file.

        Raises:
            TownKeysError: it is none.
        """
        try:
            members = parse_object(body)
            listed = [as_object(item, "keys") for item in as_list(members.get("keys"), "keys")]
            if members.get("v") != 1 or not 0 < len(listed) <= TOWN_KEYS_MAX:
                raise TownKeysError(TownKeysError.__doc__)
            town = text(members, "town", TOWN_LENGTH_MAX)
            return cls(town=town, keys=tuple(octets(item, "ed25519", _KEY_BYTES) for item in listed))
        except InputError as error:
            raise TownKeysError(TownKeysError.__doc__) from error

    def by_id(self) -> dict[str, Ed25519PublicKey]:
        """Return the keys by their ids."""
        return {name: Ed25519PublicKey.from_public_bytes(raw) for name, raw in self._named()}

    def _named(self) -> list[tuple[str, bytes]]:
        return [(signing_key_id(Ed25519PublicKey.from_public_bytes(raw)), raw) for raw in self.keys]


def endorse(town_key: Ed25519PrivateKey, device: str, key: bytes, until_ms: int) -> str:
    """Write the town's word for a device's key.

    Args:
        town_key: the hub's signing key.
        device: whose key it is.
        key: raw Ed25519 public key, 32 bytes.
        until_ms: the word ends with this second, Unix epoch.

    Returns:
        `<until, seconds>.<id of the town's key>.<base64url>`.
    """
    until_s = until_ms // 1000
    signature = town_key.sign(_endorsed(device, key, until_s))
    return f"{until_s}.{signing_key_id(town_key.public_key())}.{_to_text(signature)}"


def write_receipt(receipt: Receipt, key: Ed25519PrivateKey, endorsement: str) -> str:
    """Sign a receipt; its event is durable already.

    Args:
        receipt: what it says.
        key: the device's.
        endorsement: the town's word for that key.
    """
    public = _to_text(key.public_key().public_bytes_raw())
    said = f"{SCHEME}{receipt.to_text()}/{public}/{endorsement}"
    return f"{said}/{_to_text(key.sign(_signed(said)))}"


def judge(shown: str, trusted: Mapping[str, Ed25519PublicKey]) -> Judgement:
    """Look at a receipt as somebody shows it; an address in front of it is passed over.

    Args:
        shown: its text; what is longer than any receipt is none.
        trusted: the town's keys by id.
    """
    version = _ANY_VERSION.search(shown)
    if version is None or len(shown) > SHOWN_LENGTH_MAX:
        return Judgement(verdict=Verdict.NONE)
    said = "".join(shown[version.start() :].split())
    if version[0] != SCHEME:
        return Judgement(verdict=Verdict.NEWER)
    parts = said.removeprefix(SCHEME).split("/")
    if len(parts) < _PARTS or len(parts[-1]) < len(_to_text(bytes(_SIGNATURE_BYTES))):
        return Judgement(verdict=Verdict.CUT)
    try:
        receipt, key = _read(parts)
        _hold(key, parts[-1], _signed(said.rpartition("/")[0]))
    except (InputError, ValueError, InvalidSignature):
        return Judgement(verdict=Verdict.ALTERED)
    return Judgement(verdict=_endorsement_of(receipt, key, parts[8], trusted), receipt=receipt)


def _read(parts: list[str]) -> tuple[Receipt, Ed25519PublicKey]:
    if len(parts) != _PARTS or _NUMBER.fullmatch(parts[6]) is None:
        raise ReceiptError(ReceiptError.__doc__)
    receipt = Receipt(
        device=parts[0],
        reference=parts[1],
        type=parts[2],
        time=parts[3],
        stream=parts[4],
        epoch=parts[5],
        seq=int(parts[6]),
    )
    return receipt, Ed25519PublicKey.from_public_bytes(_from_text(parts[7], _KEY_BYTES))


def _endorsement_of(
    receipt: Receipt, key: Ed25519PublicKey, endorsement: str, trusted: Mapping[str, Ed25519PublicKey]
) -> Verdict:
    until, _, rest = endorsement.partition(".")
    name, _, signature = rest.partition(".")
    if _NUMBER.fullmatch(until) is None:
        return Verdict.FORGED
    town_key = trusted.get(name)
    if town_key is None:
        return Verdict.FOREIGN
    try:
        _hold(town_key, signature, _endorsed(receipt.device, key.public_bytes_raw(), int(until)))
    except (InputError, ValueError, InvalidSignature):
        return Verdict.FORGED
    is_over = from_rfc3339(receipt.time) >= int(until) * 1000
    return Verdict.EXPIRED if is_over else Verdict.GENUINE


def _hold(key: Ed25519PublicKey, signature: str, signed: bytes) -> None:
    key.verify(_from_text(signature, _SIGNATURE_BYTES), signed)


def _signed(said: str) -> bytes:
    return b"vt1 receipt|" + said.encode()


def _endorsed(device: str, key: bytes, until_s: int) -> bytes:
    return f"vt1 endorsement|{device}|{key.hex()}|{until_s}".encode()


def _to_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _from_text(value: str, length: int) -> bytes:
    raw = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    if len(raw) != length or _to_text(raw) != value:  # the decoder passes over what is foreign
        raise ReceiptError(ReceiptError.__doc__)
    return raw
