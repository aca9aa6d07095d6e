"""The certificate authority: what it certifies, what it refuses, what its certificates say."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.keys.authority import Authority, RequestError, certificate_uri
from hub.keys.files import TwinFolder
from shared.model.errors import InputError
from tests.support.town import make_request

NOW_MS = 1_800_000_000_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
EMPTY_REQUEST = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"


@pytest.fixture
def folder(tmp_path: Path) -> TwinFolder:
    return TwinFolder(tmp_path / "keys", None)


@pytest.fixture
def authority(folder: TwinFolder) -> Authority:
    return Authority.create(folder, NOW_MS)


def issue(authority: Authority, device: str = "kiosk-7", name: str = "anybody") -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    return x509.load_pem_x509_certificate(
        authority.issue_device(device, make_request(key, name), NOW_MS).pem.encode()
    )


@pytest.mark.sentence("T-1")
def test_device_certificate_names_the_device_whatever_the_request_says(authority: Authority) -> None:
    certificate = issue(authority, "kiosk-7", name="hub")
    assert certificate.subject.rfc4514_string() == "CN=kiosk-7"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    serial = f"{certificate.serial_number:x}"
    assert list(names) == [x509.UniformResourceIdentifier(certificate_uri("kiosk-7", serial))]


def test_device_certificate_is_for_clients_only_and_certifies_nobody(authority: Authority) -> None:
    extensions = issue(authority).extensions
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_serials_are_random(authority: Authority) -> None:
    serials = {issue(authority).serial_number for _ in range(20)}
    assert len(serials) == 20
    assert min(serials) > 2**64


def test_validity_begins_a_day_ago_and_ends_before_the_authoritys(authority: Authority) -> None:
    certificate = issue(authority)
    assert (NOW - certificate.not_valid_before_utc).days == 1
    assert (certificate.not_valid_after_utc - NOW).days == 730
    late_ms = NOW_MS + 19 * 365 * 86_400_000
    key = ec.generate_private_key(ec.SECP256R1())
    issued = authority.issue_device("kiosk-7", make_request(key), late_ms)
    assert issued.expires_ms == int(authority.certificate.not_valid_after_utc.timestamp() * 1000)


def test_certificate_is_signed_by_the_authority_that_was_loaded(
    authority: Authority, folder: TwinFolder
) -> None:
    loaded = Authority.load(folder)
    assert loaded.fingerprint == authority.fingerprint
    issue(loaded).verify_directly_issued_by(authority.certificate)


@pytest.mark.parametrize("device", ["hub", "", "A", "a b", "a/b", "k" * 33, "kiosk-7\n", "*", "CN=x"])
def test_device_id_that_is_none_is_refused(authority: Authority, device: str) -> None:
    with pytest.raises(InputError):
        issue(authority, device)


def test_request_for_another_kind_of_key_is_refused(authority: Authority) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
        with pytest.raises(RequestError, match="P-256"):
            authority.issue_device("kiosk-7", request.public_bytes(Encoding.PEM).decode(), NOW_MS)


def test_request_without_proof_of_its_key_is_refused(authority: Authority) -> None:
    """One byte of the signature differs: whoever asks does not hold the key."""
    pem = make_request(ec.generate_private_key(ec.SECP256R1()))
    request = bytearray(x509.load_pem_x509_csr(pem.encode()).public_bytes(Encoding.DER))
    request[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(request)).public_bytes(Encoding.PEM).decode()
    with pytest.raises(RequestError):
        authority.issue_device("kiosk-7", forged, NOW_MS)


@pytest.mark.parametrize("text", ["", "x", EMPTY_REQUEST])
def test_request_that_is_none_is_refused(authority: Authority, text: str) -> None:
    with pytest.raises(RequestError):
        authority.issue_device("kiosk-7", text, NOW_MS)


def test_server_certificate_names_loopback_and_the_hubs_names(
    authority: Authority, folder: TwinFolder
) -> None:
    authority.make_own(folder, ("hub.example.org", "192.0.2.7"), NOW_MS)
    certificate = x509.load_pem_x509_certificate(folder.read("server.crt"))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "hub.example.org"]
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["127.0.0.1", "::1", "192.0.2.7"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
