"""Enrolment: the token a technician carries, what the device sends with it, and what it gets back. Pure.

    vt1/kiosk-7/hub.example.org:8443/9F3C-2A1B-…

The token names device and hub in the clear, so that a person can check both. The grouped part holds the
beginning of the authority's fingerprint, a secret, and a check over everything: the device trusts the hub by
the fingerprint, the hub trusts the device by the secret, and a mistyped character is told before anything is
sent. Crockford's alphabet: case does not matter, O reads as 0, I and L as 1.

Rules: valid for 15 minutes by the hub's clock (never the device's), once; the device makes its keys itself
and sends the derived link keys, the public signing key and a certification request.

Source: docs/PROTOCOL.md, section Keys; D. Crockford, "Base 32"; RFC 7468 (PEM).
"""

import hmac
import re
from dataclasses import MISSING, dataclass, field, fields
from hashlib import sha256
from typing import Any, Final, Self, TypeVar, cast

from shared.model.errors import InputError
from shared.protocol.keys import AIR_KEY_BYTES
from shared.protocol.parsing import encode, parse_object
from shared.protocol.topics import is_device_id

FINGERPRINT_BYTES: Final = 16
SECRET_BYTES: Final = 16
BODY_BYTES_MAX: Final = 16 * 1024
"""Request and answer are far smaller; what is longer is not read."""
AUTHORITY_PATH: Final = "/enrolment/authority"
ENROLMENT_PATH: Final = "/enrolment"
TOKENS_PATH: Final = "/enrolment/tokens"
RENEWAL_PATH: Final = "/enrolment/renewal"

_CHECK_BYTES: Final = 3
_CODE_BYTES: Final = FINGERPRINT_BYTES + SECRET_BYTES + _CHECK_BYTES
_CODE_LENGTH: Final = _CODE_BYTES * 8 // 5
_GROUP: Final = 4
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_ADDRESS: Final = re.compile(r"(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\]):[1-9][0-9]{0,4}")
_LATER: Final = frozenset({"k_up", "k_down", "link_key", "air_key"})
"""Members that an older side does not know; they are left out where they say nothing."""

F = TypeVar("F", "EnrolmentRequest", "EnrolmentAnswer", "RenewalRequest")


class TokenError(InputError):
    """The token is incomplete or mistyped; copy all of it, or ask the hub for a new one."""


class EnrolmentFormError(InputError):
    """This is not an enrolment of this version; update the older side and try again."""


def is_address(text: str) -> bool:
    """Tell whether `text` is host:port; an IPv6 address stands in brackets."""
    return _ADDRESS.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What the printed string says.

    Attributes:
        device: the id that the device will have.
        hub: host:port of the hub's HTTPS.
        fingerprint: first 16 bytes of the SHA-256 of the authority's certificate (DER).
        secret: 16 random bytes; the hub keeps their hash alone.
    """

    device: str
    hub: str
    fingerprint: bytes
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not is_device_id(self.device):
            raise InputError("a device id is 1 to 32 of a-z, 0-9 and hyphen, and not `hub`")
        if not is_address(self.hub):
            raise InputError("a hub's address is host:port, in lower case, e.g. hub.example.org:8443")

    def __str__(self) -> str:
        """Write the token as the technician sees it."""
        code = _to_base32(self.fingerprint + self.secret + self._check())
        groups = "-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP))
        return f"{self._clear()}/{groups}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token as a person gave it: spaces and line breaks inside are ignored.

        Raises:
            TokenError: something is missing, or a character is wrong.
        """
        parts = "".join(text.split()).split("/")
        if len(parts) != 4 or parts[0].lower() != "vt1":  # noqa: PLR2004 - the four parts above
            raise TokenError(TokenError.__doc__)
        code = _from_base32(parts[3])
        try:
            token = cls(
                device=parts[1].lower(),
                hub=parts[2].lower(),
                fingerprint=code[:FINGERPRINT_BYTES],
                secret=code[FINGERPRINT_BYTES : FINGERPRINT_BYTES + SECRET_BYTES],
            )
        except InputError as error:
            raise TokenError(TokenError.__doc__) from error
        if not hmac.compare_digest(code[FINGERPRINT_BYTES + SECRET_BYTES :], token._check()):
            raise TokenError(TokenError.__doc__)
        return token

    def matches(self, authority_der: bytes) -> bool:
        """Tell whether a certificate is the authority that the token names."""
        return hmac.compare_digest(sha256(authority_der).digest()[:FINGERPRINT_BYTES], self.fingerprint)

    def _clear(self) -> str:
        return f"vt1/{self.device}/{self.hub}"

    def _check(self) -> bytes:
        said = self._clear().encode() + b"\0" + self.fingerprint + self.secret
        return sha256(said).digest()[:_CHECK_BYTES]


def token_hash(secret: bytes) -> str:
    """Return what the hub keeps of a token."""
    return sha256(b"vt1 token|" + secret).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest:
    """What a device sends. Keys are lower-case hex.

    Attributes:
        secret: the token's.
        k_up: link key towards the hub, 32 bytes.
        k_down: link key from the hub, 32 bytes.
        signing: raw Ed25519 public key, 32 bytes.
        csr: PKCS#10 in PEM, for an EC P-256 key; its names are ignored.
        air_key: of a beacon alone, 16 bytes; empty of every other device.
    """

    device: str
    secret: str = field(repr=False)
    k_up: str = field(repr=False)
    k_down: str = field(repr=False)
    signing: str
    csr: str
    air_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        sizes = [(self.secret, SECRET_BYTES), (self.k_up, 32), (self.k_down, 32), (self.signing, 32)]
        if self.air_key:
            sizes.append((self.air_key, AIR_KEY_BYTES))
        if not is_device_id(self.device) or not all(_is_hex(value, size) for value, size in sizes):
            raise EnrolmentFormError(EnrolmentFormError.__doc__)

    def to_json(self) -> bytes:
        """Return the request as it travels."""
        return _to_json(self)

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Read a request.

        Raises:
            EnrolmentFormError: not one of this version.
        """
        return _from_json(cls, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentAnswer:
    """What a device gets. Keys are lower-case hex.

    Attributes:
        certificate: PEM, for the key of the request.
        authority: PEM.
        brokers: host:port of each broker.
        hub_url: base of the hub's HTTPS, for attachments and bundles.
        hub_signing: raw Ed25519 public key that bundles are signed with.
        hub_sealing: raw public key that citizens' words are sealed to.
        fleet_key: the key of pseudonyms (`subject`).
        time_ms: the hub's time.
        endorsement: the town's word for the device's signing key (`shared.protocol.receipts`); empty where an
            older hub gave none.
        link_key: id of the K_up that is in force from now on; empty where an older hub answered.
    """

    device: str
    kind: str
    site: str
    certificate: str
    authority: str
    brokers: tuple[str, ...]
    hub_url: str
    hub_signing: str
    hub_sealing: str
    fleet_key: str = field(repr=False)
    time_ms: int
    endorsement: str = ""
    link_key: str = ""

    def to_json(self) -> bytes:
        """Return the answer as it travels."""
        return _to_json(self)

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Read an answer.

        Raises:
            EnrolmentFormError: not one of this version.
        """
        return _from_json(cls, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalRequest:
    """What a device sends before its certificate ends, or to change its link keys; under a MAC of K_up.

    Attributes:
        k_up: a new link key towards the hub, 32 bytes in hex; empty where the keys stay.
        k_down: the one from the hub.
    """

    device: str
    csr: str
    k_up: str = field(default="", repr=False)
    k_down: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        wanted = (self.k_up, self.k_down)
        if any(wanted) and not all(_is_hex(key, 32) for key in wanted):
            raise EnrolmentFormError(EnrolmentFormError.__doc__)

    def to_json(self) -> bytes:
        """Return the request's body, which ends in a newline as every MACed body does."""
        return _to_json(self) + b"\n"

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Read a request whose MAC held.

        Raises:
            EnrolmentFormError: not one of this version.
        """
        return _from_json(cls, body)


def _to_json(form: EnrolmentRequest | EnrolmentAnswer | RenewalRequest) -> bytes:
    said = {item.name: getattr(form, item.name) for item in fields(form)}
    return encode({"v": 1, **{name: value for name, value in said.items() if value or name not in _LATER}})


def _from_json(cls: type[F], body: bytes) -> F:
    """Read one of the forms above: unknown members of a newer side are passed over.

    Missing ones are not, but for those that an older side does not know.
    """
    try:
        members = parse_object(body)
        if type(members["v"]) is not int or members["v"] != 1:
            raise EnrolmentFormError(EnrolmentFormError.__doc__)
        wanted = [item.name for item in fields(cls) if item.default is MISSING or item.name in members]
        return cls(**{name: _checked(name, members[name]) for name in wanted})
    except (InputError, KeyError) as error:
        raise EnrolmentFormError(EnrolmentFormError.__doc__) from error


def _checked(name: str, value: Any) -> Any:  # noqa: ANN401 - a member of a message, and the same one checked
    """Return a member whose type fits its name."""
    match name:
        case "time_ms" if type(value) is int:
            return value
        case "brokers":
            return _addresses(value)
        case _ if type(value) is str and name != "time_ms":
            return value
        case _:
            raise EnrolmentFormError(EnrolmentFormError.__doc__)


def _addresses(value: object) -> tuple[str, ...]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    addresses = tuple(item for item in items if isinstance(item, str) and is_address(item))
    if not items or len(addresses) != len(items):
        raise EnrolmentFormError(EnrolmentFormError.__doc__)
    return addresses


def _is_hex(value: str, size: int) -> bool:
    return re.fullmatch(f"[0-9a-f]{{{2 * size}}}", value) is not None


def _to_base32(raw: bytes) -> str:
    number = int.from_bytes(raw)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(len(raw) * 8 - 5, -1, -5))


def _from_base32(text: str) -> bytes:
    code = text.upper().replace("-", "").translate(_LOOKALIKES)
    if len(code) != _CODE_LENGTH or not set(code) <= set(_ALPHABET):
        raise TokenError(TokenError.__doc__)
    number = 0
    for character in code:
        number = number << 5 | _ALPHABET.index(character)
    return number.to_bytes(_CODE_BYTES)
