"""The town's own certificate authority: broker, hub and devices know it, and nobody else does.

EC P-256 throughout, because microcontrollers do it in hardware. A device's certificate carries its id as CN
and, as a URI, id *and* serial number: the broker admits exactly the certificates that the registry lists, so
an old certificate of a device that was enrolled again opens nothing.

Not here: which certificates are in force (`registry`), what they may do (`hub.broker`).

Source: RFC 5280; RFC 2986 (certification requests); CA/Browser Forum baseline 7.1: random serials.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.keys.files import KeyFileError, TwinFolder
from shared.adapters.durable_files import PUBLIC
from shared.model.errors import InputError
from shared.protocol.topics import is_device_id

CA_KEY: Final = "ca.key"
CA_CERTIFICATE: Final = "ca.crt"
SERVER_KEY: Final = "server.key"
SERVER_CERTIFICATE: Final = "server.crt"
HUB_KEY: Final = "hub.key"
HUB_CERTIFICATE: Final = "hub.crt"

CA_LIFE: Final = timedelta(days=20 * 365)
OWN_LIFE: Final = timedelta(days=2 * 365)
DEVICE_LIFE: Final = timedelta(days=2 * 365)
"""Revocation is immediate by the registry, so a long life costs no safety and saves visits to the street."""
RENEW_BEFORE: Final = timedelta(days=90)
BACKDATED: Final = timedelta(days=1)
"""A hub whose clock is set back a little after it issued a certificate must still admit it."""

_ALWAYS_NAMED: Final = ("localhost", "127.0.0.1", "::1")


class RequestError(InputError):
    """The certification request is not acceptable; make a new key of type EC P-256 and try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate, and what the registry notes of it.

    Attributes:
        pem: the certificate.
        serial: its serial number in lower-case hex.
        expires_ms: end of its validity, Unix epoch.
    """

    pem: str
    serial: str
    expires_ms: int


def certificate_uri(name: str, serial: str) -> str:
    """Return the name that tells one certificate of a device from all its others: the broker's user name."""
    return f"urn:ventanilla:{name}:{serial}"


class Authority:
    """The authority's key and certificate, loaded."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate = certificate
        self.pem = certificate.public_bytes(Encoding.PEM).decode()

    @classmethod
    def create(cls, folder: TwinFolder, now_ms: int) -> Self:
        """Make the authority and write it down."""
        now = _instant(now_ms)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ventanilla authority")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, SHA256())
        )
        folder.write(CA_KEY, _private_pem(key))
        folder.write(CA_CERTIFICATE, certificate.public_bytes(Encoding.PEM), PUBLIC)
        return cls(key, certificate)

    @classmethod
    def load(cls, folder: TwinFolder) -> Self:
        """Read the authority from its folder.

        Raises:
            KeyFileError: a file is missing or damaged, or the two don't belong together.
        """
        try:
            key = load_pem_private_key(folder.read(CA_KEY), None)
            certificate = x509.load_pem_x509_certificate(folder.read(CA_CERTIFICATE))
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyFileError(f"{KeyFileError.__doc__} ({CA_KEY}, {CA_CERTIFICATE})") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise KeyFileError(f"{KeyFileError.__doc__} ({CA_KEY} is not the key of {CA_CERTIFICATE})")
        return cls(key, certificate)

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate: what an enrolment token carries the beginning of."""
        return self.certificate.fingerprint(SHA256())

    def issue_device(self, device: str, csr_pem: str, now_ms: int) -> Issued:
        """Certify a device's key; the request's own names are ignored, only its key and proof of it count.

        Raises:
            RequestError: not a request, its signature does not hold, or its key is not EC P-256.
            InputError: `device` is no device id.
        """
        if not is_device_id(device):
            raise InputError("a device id is 1 to 32 of a-z, 0-9 and hyphen, and not `hub`")
        return self._issue_client(device, _key_of_request(csr_pem), now_ms, DEVICE_LIFE)

    def make_own(self, folder: TwinFolder, names: tuple[str, ...], now_ms: int) -> Issued:
        """Make the server's certificate (broker and HTTPS) and the hub's client certificate, with new keys.

        Args:
            folder: where they go.
            names: host names and addresses by which devices reach this hub; loopback is added.
            now_ms: Unix epoch.

        Returns:
            The hub's client certificate.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        pem = self._issue_server(names, key.public_key(), now_ms)
        folder.write(SERVER_KEY, _private_pem(key))
        folder.write(SERVER_CERTIFICATE, pem.encode(), PUBLIC)
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._issue_client("hub", key.public_key(), now_ms, OWN_LIFE)
        folder.write(HUB_KEY, _private_pem(key))
        folder.write(HUB_CERTIFICATE, issued.pem.encode(), PUBLIC)
        return issued

    def _issue_client(
        self, name: str, key: ec.EllipticCurvePublicKey, now_ms: int, life: timedelta
    ) -> Issued:
        serial = x509.random_serial_number()
        serial_hex = f"{serial:x}"
        expires = min(_instant(now_ms) + life, self.certificate.not_valid_after_utc)
        names = x509.SubjectAlternativeName(
            [x509.UniformResourceIdentifier(certificate_uri(name, serial_hex))]
        )
        certificate = self._certificate(
            name, key, serial, now_ms, expires, names, ExtendedKeyUsageOID.CLIENT_AUTH
        )
        return Issued(pem=certificate, serial=serial_hex, expires_ms=int(expires.timestamp() * 1000))

    def _issue_server(self, names: tuple[str, ...], key: ec.EllipticCurvePublicKey, now_ms: int) -> str:
        every = list(dict.fromkeys((*_ALWAYS_NAMED, *names)))
        alternative = x509.SubjectAlternativeName([_general_name(name) for name in every])
        expires = min(_instant(now_ms) + OWN_LIFE, self.certificate.not_valid_after_utc)
        serial = x509.random_serial_number()
        return self._certificate(
            "ventanilla-server", key, serial, now_ms, expires, alternative, ExtendedKeyUsageOID.SERVER_AUTH
        )

    def _certificate(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        serial: int,
        now_ms: int,
        expires: datetime,
        alternative: x509.SubjectAlternativeName,
        usage: x509.ObjectIdentifier,
    ) -> str:
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(serial)
            .not_valid_before(max(_instant(now_ms) - BACKDATED, self.certificate.not_valid_before_utc))
            .not_valid_after(expires)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(alternative, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, SHA256())
        )
        return certificate.public_bytes(Encoding.PEM).decode()


def own_certificates_need_renewal(folder: TwinFolder, names: tuple[str, ...], now_ms: int) -> bool:
    """Tell whether the server's or the hub's certificate ends soon, lacks a name, or does not fit its key.

    A power cut between the two files of a pair leaves a key that does not fit: a new pair mends that.

    Raises:
        KeyFileError: one is missing or damaged.
    """
    try:
        server = x509.load_pem_x509_certificate(folder.read(SERVER_CERTIFICATE))
        own = x509.load_pem_x509_certificate(folder.read(HUB_CERTIFICATE))
        server_key = load_pem_private_key(folder.read(SERVER_KEY), None)
        own_key = load_pem_private_key(folder.read(HUB_KEY), None)
    except ValueError as error:
        raise KeyFileError(f"{KeyFileError.__doc__} ({SERVER_CERTIFICATE}, {HUB_CERTIFICATE})") from error
    if server_key.public_key() != server.public_key() or own_key.public_key() != own.public_key():
        return True
    limit = _instant(now_ms) + RENEW_BEFORE
    if min(server.not_valid_after_utc, own.not_valid_after_utc) < limit:
        return True
    named = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return any(_general_name(name) not in named for name in names)


def load_own_serial(folder: TwinFolder) -> str:
    """Return the serial number of the hub's client certificate.

    Raises:
        KeyFileError: it is missing or damaged.
    """
    try:
        return f"{x509.load_pem_x509_certificate(folder.read(HUB_CERTIFICATE)).serial_number:x}"
    except ValueError as error:
        raise KeyFileError(f"{KeyFileError.__doc__} ({HUB_CERTIFICATE})") from error


def paths_of_server(folder: Path) -> tuple[Path, Path, Path]:
    """Return the server's certificate, its key, and the authority's certificate."""
    return folder / SERVER_CERTIFICATE, folder / SERVER_KEY, folder / CA_CERTIFICATE


def _key_of_request(csr_pem: str) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        holds = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise RequestError(RequestError.__doc__) from error
    if not holds or not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestError(RequestError.__doc__)
    return key


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _instant(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC).replace(microsecond=0)
