"""A board becomes a device of the hub: its secret is made on it, its keys told, its certificate brought.

    /secret       32 bytes, made on the node; they never leave it
    /tls.key      its key for TLS, DER: made by this tool, because MicroPython makes none
    /tls.crt      its certificate, DER
    /ca.crt       the hub's authority, DER
    /firmware.keys   the town's public keys for firmware, where it has any
    /enrolment    {"v":1,"device":…,"site":…,"brokers":[…],"hub_url":…}
    /identity     {"v":1,"device":…,"town":…}: written last, it says that the rest is there

Rules:
- What was begun goes on: the same board with the same token makes the same request, and gets the same answer.
- What leaves the board is what follows from the secret: link keys and air key.
- The signing key of the request is drawn and forgotten: a beacon signs neither payments nor receipts.

Source: docs/PROTOCOL.md, section Keys; docs/BEACON.md.
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID

from beacon_node.provisioning.board import Board, BoardError
from shared.adapters.enrolment_client import ask_to_enrol
from shared.model.errors import InputError
from shared.protocol.enrolment import EnrolmentAnswer, EnrolmentRequest, Token
from shared.protocol.firmware import FIRMWARE_KEYS, keys_of
from shared.protocol.parsing import encode, parse_object

SECRET: Final = "/secret"  # noqa: S105  the name of a file
TLS_KEY: Final = "/tls.key"
TLS_CERTIFICATE: Final = "/tls.crt"
AUTHORITY: Final = "/ca.crt"
ENROLMENT: Final = "/enrolment"
IDENTITY: Final = "/identity"
TELL_KEYS: Final = """
import os, sys
sys.path.insert(0, ROOT + "/a")
from binascii import hexlify
from beacon_node.firmware.mac import hkdf
try:
    with open(ROOT + "/secret", "rb") as file:
        secret = file.read()
except OSError:
    secret = b""
if len(secret) != 32:
    secret = os.urandom(32)
    with open(ROOT + "/secret.new", "wb") as file:
        file.write(secret)
    os.rename(ROOT + "/secret.new", ROOT + "/secret")
for info in (b"vt1 up", b"vt1 down", b"vt1 air"):
    print(hexlify(hkdf(secret, info)).decode())
"""
"""Runs on the board: makes the secret where there is none, and prints what follows from it."""
_AIR_DIGITS: Final = 32
_KEY_DIGITS: Final = 64
_TOLD: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldKeys:
    """What a board told: keys in hex."""

    up: str = field(repr=False)
    down: str = field(repr=False)
    air: str = field(repr=False)


def enrol_board(
    board: Board,
    token: Token,
    town: str,
    *,
    firmware_keys: bytes = b"",
    ask: Callable[[Token, EnrolmentRequest], EnrolmentAnswer] = ask_to_enrol,
) -> EnrolmentAnswer:
    """Make a board, whose firmware is on it, the beacon that a token names.

    Args:
        board: on the cable.
        token: of `ventanilla hub enrol --kind beacon`.
        town: the town's name as in its public keys document; identifiers in the air follow from it.
        firmware_keys: the town's public keys, as `ventanilla beacon firmware key` writes them beside its own;
            empty: no firmware reaches this node over the air.
        ask: brings the request to the hub.

    Raises:
        FirmwareError: these are no such keys.
        BoardError: the board does not answer, or does not do what it is told.
        HubUnreachableError: repeat with the same token.
        RefusedError: the hub's sentence says what to do.
        WrongHubError: the machine at this address is not the hub that gave out the token.
    """
    if firmware_keys:
        keys_of(firmware_keys)
        board.write(FIRMWARE_KEYS, firmware_keys)
    keys = told_keys(board)
    tls = _tls_key(board)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, token.device)])
    request = EnrolmentRequest(
        device=token.device,
        secret=token.secret.hex(),
        k_up=keys.up,
        k_down=keys.down,
        air_key=keys.air,
        signing=_forgotten_key(board),
        csr=x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .sign(tls, SHA256())
        .public_bytes(Encoding.PEM)
        .decode(),
    )
    answer = ask(token, request)
    told = {
        "v": 1,
        "device": answer.device,
        "site": answer.site,
        "brokers": list(answer.brokers),
        "hub_url": answer.hub_url,
    }
    board.write(TLS_CERTIFICATE, _der(answer.certificate))
    board.write(AUTHORITY, _der(answer.authority))
    board.write(ENROLMENT, encode(told))
    board.write(IDENTITY, encode({"v": 1, "device": answer.device, "town": town}))
    return answer


def told_keys(board: Board) -> ToldKeys:
    """Have the board make its secret, if it has none, and tell what follows from it.

    Raises:
        BoardError: it told something else.
    """
    lines = board.run(TELL_KEYS).split()
    if len(lines) != _TOLD or not all(len(line) == _KEY_DIGITS for line in lines):
        raise BoardError(BoardError.__doc__)
    up, down, air = lines
    return ToldKeys(up=up, down=down, air=air[:_AIR_DIGITS])


def _tls_key(board: Board) -> ec.EllipticCurvePrivateKey:
    """Return the board's TLS key: the one that an earlier attempt left, or a new one that it has by then."""
    stored = board.read(TLS_KEY)
    if stored is not None:
        try:
            found = load_der_private_key(stored, None)
        except ValueError:
            found = None
        if isinstance(found, ec.EllipticCurvePrivateKey):
            return found
    made = ec.generate_private_key(ec.SECP256R1())
    board.write(TLS_KEY, made.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return made


def _forgotten_key(board: Board) -> str:
    """Return a public key whose private one is nowhere; the same one at every attempt."""
    stored = board.read(ENROLMENT + ".begun")
    if stored is not None:
        try:
            return str(parse_object(stored)["signing"])
        except (InputError, KeyError):
            pass
    drawn = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    board.write(ENROLMENT + ".begun", encode({"signing": drawn}))
    return drawn


def _der(pem: str) -> bytes:
    lines = (line for line in pem.splitlines() if line and not line.startswith("-----"))
    return b64decode("".join(lines))
