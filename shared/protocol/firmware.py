"""A beacon's firmware as the town signs it: a manifest of its files, and their bytes. Pure.

    {"v":1,"board":"esp32","sequence":12,"minimum":3,"version":"0.2.0","expires_s":…,"files":24,"bytes":61234}
    <bytes> <SHA-256> beacon_node/firmware/air.mpy
    …
    ~rsa-sha256.<key id>.<signature>

Rules:
- The signature is over every byte before its line: RSA of 3,072 bits, PKCS#1 v1.5, SHA-256. A node checks
  it with its built-in `pow`.
- The key is the town's and lies with who answers for firmware, offline; the hub has no use for it.
- A node believes two public keys at most, so that one can follow the other.

The node's own reading is beacon_node/firmware/manifest.py; vectors hold the two together.

Source: RFC 8017, section 8.2; docs/BEACON.md, section Firmware over the air.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from shared.model.errors import InputError
from shared.model.fields import INTEGER_MAX, text, whole
from shared.protocol import limits
from shared.protocol.parsing import encode, parse_object

FIRMWARE_PATH: Final = "/device/firmware"
"""Below it a node asks for what is offered, and for its files."""
FIRMWARE_KEYS: Final = "/firmware.keys"
"""Where a node has the town's public keys."""
KEY_BITS: Final = 3072
EXPONENT: Final = 65537
MODULUS_BYTES: Final = KEY_BITS // 8
KEYS_MAX: Final = 2
BOARD_FORM: Final = re.compile(r"[a-z0-9-]{1,32}")
VERSION_FORM: Final = re.compile(r"[A-Za-z0-9.-]{1,32}")
_NAME_FORM: Final = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9_.]+(/[A-Za-z0-9_.]+)*\.(mpy|py)")
_FILE_FORM: Final = re.compile(r"(\d{1,9}) ([0-9a-f]{64}) (\S+)")
_MARK: Final = b"~rsa-sha256."


class FirmwareError(InputError):
    """This is no firmware as beacons take it; build and sign it again with `ventanilla beacon firmware`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareFile:
    """A file of a firmware.

    Attributes:
        name: below the slot.
        size: bytes.
        sha256: in hex.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a firmware is.

    Attributes:
        board: which board it is for.
        sequence: its number; it rises.
        minimum: nodes take nothing of a lower number from then on.
        version: for people.
        expires_s: Unix seconds; later no node begins to take it.
        files: in order.
    """

    board: str
    sequence: int
    minimum: int
    version: str
    expires_s: int
    files: Sequence[FirmwareFile]

    def __post_init__(self) -> None:
        """See that a node would read it.

        Raises:
            FirmwareError: it would not.
        """
        names = [file.name for file in self.files]
        is_right = (
            BOARD_FORM.fullmatch(self.board)
            and VERSION_FORM.fullmatch(self.version)
            and 0 < len(names) <= limits.FIRMWARE_FILES_MAX
            and len(set(names)) == len(names)
            and all(_NAME_FORM.fullmatch(name) and not {"", ".", ".."} & {*name.split("/")} for name in names)
            and 0 < self.sequence < 1 << 31
            and 0 <= self.minimum <= self.sequence
        )
        if not is_right:
            raise FirmwareError(FirmwareError.__doc__)
        if self.size > limits.FIRMWARE_BYTES_MAX:
            raise FirmwareError(
                f"a firmware has at most {limits.FIRMWARE_BYTES_MAX} bytes; leave something out"
            )

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def unsigned(self) -> bytes:
        """Return what is signed."""
        head = encode(
            {
                "v": 1,
                "board": self.board,
                "sequence": self.sequence,
                "minimum": self.minimum,
                "version": self.version,
                "expires_s": self.expires_s,
                "files": len(self.files),
                "bytes": self.size,
            }
        )
        rows = (f"{file.size} {file.sha256} {file.name}\n" for file in self.files)
        return head + b"\n" + "".join(rows).encode()

    @classmethod
    def parse(cls, unsigned: bytes) -> Self:
        """Read one.

        Raises:
            FirmwareError: it is none.
        """
        if len(unsigned) > limits.FIRMWARE_MANIFEST_BYTES_MAX:
            raise FirmwareError(FirmwareError.__doc__)
        head, _, rest = unsigned.partition(b"\n")
        try:
            members = parse_object(head)
            files = tuple(_file(line) for line in rest.decode("ascii").splitlines())
            found = cls(
                board=text(members, "board", 32),
                sequence=whole(members, "sequence", 1, INTEGER_MAX),
                minimum=whole(members, "minimum", 0, INTEGER_MAX),
                version=text(members, "version", 32),
                expires_s=whole(members, "expires_s", 1, 1 << 39),
                files=files,
            )
        except (InputError, UnicodeDecodeError) as error:
            raise FirmwareError(FirmwareError.__doc__) from error
        if found.unsigned() != unsigned:
            raise FirmwareError(FirmwareError.__doc__)
        return found


def sign(unsigned: bytes, key: RSAPrivateKey) -> bytes:
    """Return a manifest with its signature."""
    signature = key.sign(unsigned, PKCS1v15(), SHA256())
    return unsigned + _MARK + key_id(key.public_key()) + b"." + urlsafe_b64encode(signature) + b"\n"


def split(signed: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what was signed, the key's id and the signature.

    Raises:
        FirmwareError: there is no signature, or no form in it.
    """
    unsigned, mark, line = signed.rpartition(_MARK)
    key, _, said = line.partition(b".")
    try:
        signature = urlsafe_b64decode(said)
    except ValueError as error:
        raise FirmwareError(FirmwareError.__doc__) from error
    if (
        not mark
        or len(signature) != MODULUS_BYTES
        or line != key + b"." + urlsafe_b64encode(signature) + b"\n"
    ):
        raise FirmwareError(FirmwareError.__doc__)
    return unsigned, key, signature


def verify(signed: bytes, keys: Sequence[RSAPublicKey]) -> Manifest:
    """Return a manifest that one of these keys signed.

    Raises:
        FirmwareError: none of them did, or it is no manifest.
    """
    unsigned, named, signature = split(signed)
    for key in keys:
        if key_id(key) == named:
            try:
                key.verify(signature, unsigned, PKCS1v15(), SHA256())
            except InvalidSignature:
                continue
            return Manifest.parse(unsigned)
    raise FirmwareError("the firmware is not signed by this key; look for the key that nodes were given")


def check_body(manifest: Manifest, body: bytes) -> None:
    """See that the bytes are those of the manifest.

    Raises:
        FirmwareError: they are not.
    """
    at = 0
    for file in manifest.files:
        if sha256(body[at : at + file.size]).hexdigest() != file.sha256:
            raise FirmwareError(f"{file.name} is not what its manifest says; build the firmware again")
        at += file.size
    if at != len(body):
        raise FirmwareError(FirmwareError.__doc__)


def key_id(key: RSAPublicKey) -> bytes:
    """Return a public key's name: 8 hex digits."""
    return sha256(modulus(key)).hexdigest()[:8].encode()


def modulus(key: RSAPublicKey) -> bytes:
    """Return what a node keeps of a key.

    Raises:
        FirmwareError: it is no key for firmware.
    """
    numbers = key.public_numbers()
    if key.key_size != KEY_BITS or numbers.e != EXPONENT:
        raise FirmwareError(f"a key for firmware is RSA of {KEY_BITS} bits; make one with `… firmware key`")
    return numbers.n.to_bytes(MODULUS_BYTES, "big")


def keys_of(moduli: bytes) -> tuple[RSAPublicKey, ...]:
    """Return the keys of a node's `/firmware.keys`.

    Raises:
        FirmwareError: they are none, or more than two.
    """
    count, rest = divmod(len(moduli), MODULUS_BYTES)
    if rest or not 0 < count <= KEYS_MAX:
        raise FirmwareError(
            "a node has one or two public keys for firmware, 384 bytes each; export them again"
        )
    parts = (moduli[at * MODULUS_BYTES : (at + 1) * MODULUS_BYTES] for at in range(count))
    return tuple(RSAPublicNumbers(EXPONENT, int.from_bytes(part, "big")).public_key() for part in parts)


def _file(line: str) -> FirmwareFile:
    found = _FILE_FORM.fullmatch(line)
    if found is None:
        raise FirmwareError(FirmwareError.__doc__)
    return FirmwareFile(size=int(found[1]), sha256=found[2], name=found[3])
