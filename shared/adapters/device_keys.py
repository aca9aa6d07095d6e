"""A device's identity folder: its keys, its certificate, what it knows of its hub, and the boot counter.

    identity/1/          secret signing.key tls.key tls.crt ca.crt answer.json
    identity/2/          the same, after it was enrolled again or its certificate was renewed
    identity/pending/    keys of an enrolment whose answer has not come
    identity/next        the secret of link keys that the hub is to take up; gone when it has
    identity/boot, identity/boot.copy

Rules:
- A folder gets its number by a rename, after everything in it was fsynced: it is there whole, or not at all.
  The highest number counts; the one before is kept, since both sides honour its keys for the keep window.
- New link keys are durable before the hub hears of them, and the hub may speak under them from then on. So
  at no moment do the two share none, wherever either is cut.
- Private files are 0600. The secret never leaves the machine: the hub is sent the keys derived from it.
- The identity lies apart from the outbox: a data disk that is lost or put back takes no key with it.

Source: docs/PROTOCOL.md, section Keys.
"""

import shutil
import ssl
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from shared.adapters.durable_files import PUBLIC, make_folder, sync_folder, write_whole
from shared.adapters.tls import client_context
from shared.model.errors import DeviceError, InputError
from shared.protocol.enrolment import EnrolmentAnswer
from shared.protocol.keys import SECRET_BYTES, LinkKeys, derive
from shared.protocol.sealing import HubSealingPublicKey
from shared.protocol.topics import is_device_id

_PENDING: Final = "pending"
_SECRET: Final = "secret"  # noqa: S105 - the name of a file
_SIGNING: Final = "signing.key"
_TLS_KEY: Final = "tls.key"
_TLS_CERTIFICATE: Final = "tls.crt"
_AUTHORITY: Final = "ca.crt"
_ANSWER: Final = "answer.json"
_NEXT: Final = "next"
_BOOT: Final = ("boot.copy", "boot")
_KEPT: Final = 2


class NotEnrolledError(DeviceError):
    """This machine has no identity; enrol it with a token from `ventanilla hub enrol`."""


class IdentityDamagedError(DeviceError):
    """The identity folder is damaged; enrol this machine again with a new token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """The private keys of one enrolment.

    Attributes:
        links: derived from the secret.
        signing: signs payment lines.
        tls: the certificate's key.
    """

    links: LinkKeys = field(repr=False)
    signing: Ed25519PrivateKey = field(repr=False)
    tls: ec.EllipticCurvePrivateKey = field(repr=False)

    def certification_request(self, device: str) -> str:
        """Return a PKCS#10 request in PEM."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self.tls, SHA256())
        return request.public_bytes(Encoding.PEM).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who this machine is, and its hub.

    Attributes:
        folder: where the files of this identity lie.
        keys: in use.
        previous: link keys of the identity before; the hub may still speak under them.
        coming: link keys that the hub is to take up; it may speak under them already.
        answer: what the hub said at enrolment.
        hub_sealing: what citizens' words are sealed to.
        fleet_key: the key of pseudonyms.
        certificate_ends_ms: when the certificate is over, by the hub's clock.
    """

    folder: Path
    keys: KeySet
    previous: LinkKeys | None = field(repr=False)
    coming: LinkKeys | None = field(default=None, repr=False)
    answer: EnrolmentAnswer
    hub_sealing: HubSealingPublicKey = field(repr=False)
    fleet_key: bytes = field(repr=False)
    certificate_ends_ms: int

    @property
    def device(self) -> str:
        """The device's id."""
        return self.answer.device

    @property
    def down_keys(self) -> dict[str, bytes]:
        """K_down by key id: what the hub may speak under."""
        links = (self.previous, self.keys.links, self.coming)
        return {pair.down.id: pair.down.key for pair in links if pair is not None}

    def tls_context(self) -> ssl.SSLContext:
        """Return a context that trusts the hub's authority and shows this device's certificate.

        Raises:
            IdentityUnreadableError: a file vanished since it was loaded.
        """
        return client_context(
            ca_pem=self.answer.authority,
            certificate=self.folder / _TLS_CERTIFICATE,
            key=self.folder / _TLS_KEY,
        )

    def show_in(self, context: ssl.SSLContext) -> None:
        """Show this certificate in a context's next connections, in place of an earlier one of this device.

        Raises:
            IdentityDamagedError: a file vanished since it was loaded.
        """
        try:
            context.load_cert_chain(self.folder / _TLS_CERTIFICATE, self.folder / _TLS_KEY)
        except (OSError, ValueError) as error:
            raise IdentityDamagedError(f"{IdentityDamagedError.__doc__} ({self.folder})") from error


def load(folder: Path) -> Identity:
    """Read the newest identity.

    Raises:
        NotEnrolledError: there is none.
        IdentityDamagedError: a file of it is missing or damaged.
    """
    numbers = _numbers(folder)
    if not numbers:
        raise NotEnrolledError(NotEnrolledError.__doc__)
    before = [folder / str(number) for number in numbers[-2:-1]]
    identity = _read_identity(folder / str(numbers[-1]), before)
    coming = _coming(folder)
    return identity if coming == identity.keys.links else replace(identity, coming=coming)


def pending_keys(folder: Path) -> KeySet:
    """Return the keys of the enrolment that is under way, making them if there is none.

    They are made once and kept until an answer comes: a repeated request with the same token must name the
    same keys.

    Raises:
        OSError: the folder cannot be written.
    """
    pending = folder / _PENDING
    if pending.is_dir():
        try:
            return _read_keys(pending)
        except (OSError, ValueError, TypeError, InputError):
            shutil.rmtree(pending)  # cut while they were made: no hub has heard of them
    make_folder(pending)
    signing, tls = Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    write_whole(pending / _SECRET, token_bytes(SECRET_BYTES))
    write_whole(pending / _SIGNING, _pem(signing))
    write_whole(pending / _TLS_KEY, _pem(tls))
    return _read_keys(pending)


def coming_keys(folder: Path) -> LinkKeys:
    """Draw new link keys, or return those that were drawn and are not in use yet.

    A process that was started before they were drawn does not hear the hub under them: start it again, then
    let the hub know.

    Raises:
        NotEnrolledError: there is no identity.
        IdentityDamagedError: it is damaged.
        OSError: the folder cannot be written; nothing has changed.
    """
    found = load(folder).coming
    if found is not None:
        return found
    secret = token_bytes(SECRET_BYTES)
    write_whole(folder / _NEXT, secret)
    return derive(secret)


def renewal_keys(folder: Path, *, coming: bool = False) -> KeySet:
    """Return the present keys for a renewal, copied to where the answer will be stored.

    Args:
        folder: the identity folder.
        coming: the link keys are the ones that were drawn with `coming_keys`.

    Raises:
        NotEnrolledError: there is no identity.
        IdentityDamagedError: it is damaged.
        OSError: the folder cannot be written.
    """
    present = load(folder)
    pending = folder / _PENDING
    if pending.is_dir():
        shutil.rmtree(pending)
    make_folder(pending)
    for name in (_SECRET, _SIGNING, _TLS_KEY):
        source = folder / _NEXT if coming and name == _SECRET else present.folder / name
        write_whole(pending / name, source.read_bytes())
    return _read_keys(pending)


def accept(folder: Path, answer: EnrolmentAnswer) -> Identity:
    """Store the hub's answer beside the pending keys and make them this machine's identity.

    Raises:
        IdentityDamagedError: the answer does not belong to the pending keys; the identity before stays.
        OSError: the folder cannot be written; the same token may be used again.
    """
    pending = folder / _PENDING
    numbers = _numbers(folder)
    write_whole(pending / _AUTHORITY, answer.authority.encode(), PUBLIC)
    write_whole(pending / _TLS_CERTIFICATE, answer.certificate.encode(), PUBLIC)
    write_whole(pending / _ANSWER, answer.to_json())
    _read_identity(pending, [])
    number = numbers[-1] + 1 if numbers else 1
    pending.rename(folder / str(number))
    sync_folder(folder)
    for old in numbers[: 1 - _KEPT]:
        shutil.rmtree(folder / str(old), ignore_errors=True)
    if _coming(folder) == (accepted := load(folder)).keys.links:
        (folder / _NEXT).unlink()
    return accepted


class BootCounter:
    """How often this machine's owner process has started; durable before it is used.

    Args:
        folder: the identity folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def count(self) -> int:
        """Count this start and return its number.

        The two copies are written one after the other: a cut leaves at least one, and the higher one counts.

        Raises:
            IdentityDamagedError: both copies are damaged.
            OSError: the counter cannot be written: the device must not speak.
        """
        make_folder(self._folder)
        boot = self._last() + 1
        for name in _BOOT:
            write_whole(self._folder / name, _counted(boot))
        return boot

    def _last(self) -> int:
        present = [self._folder / name for name in _BOOT if (self._folder / name).is_file()]
        values = [_read_count(path.read_bytes()) for path in present]
        sound = [value for value in values if value is not None]
        if present and not sound:
            raise IdentityDamagedError(f"{IdentityDamagedError.__doc__} (boot counter)")
        return max(sound, default=0)


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit() and entry.is_dir())


def _coming(folder: Path) -> LinkKeys | None:
    """The link keys that were drawn last; None where there are none, or where they are no keys."""
    try:
        return derive((folder / _NEXT).read_bytes())
    except (OSError, InputError):
        return None


def _read_identity(folder: Path, before: list[Path]) -> Identity:
    """Read an identity's files, and see that they belong together.

    Raises:
        IdentityDamagedError: one is missing or damaged, or the certificate is for another key.
    """
    try:
        answer = EnrolmentAnswer.from_json((folder / _ANSWER).read_bytes())
        certificate = x509.load_pem_x509_certificate((folder / _TLS_CERTIFICATE).read_bytes())
        identity = Identity(
            folder=folder,
            keys=_read_keys(folder),
            previous=derive((before[0] / _SECRET).read_bytes()) if before else None,
            answer=answer,
            hub_sealing=HubSealingPublicKey(bytes.fromhex(answer.hub_sealing)),
            fleet_key=bytes.fromhex(answer.fleet_key),
            certificate_ends_ms=int(certificate.not_valid_after_utc.timestamp() * 1000),
        )
    except (OSError, ValueError, TypeError, InputError) as error:
        raise IdentityDamagedError(f"{IdentityDamagedError.__doc__} ({folder})") from error
    if certificate.public_key() != identity.keys.tls.public_key() or not is_device_id(answer.device):
        raise IdentityDamagedError(f"{IdentityDamagedError.__doc__} ({folder})")
    return identity


def _read_keys(folder: Path) -> KeySet:
    signing = load_pem_private_key((folder / _SIGNING).read_bytes(), None)
    tls = load_pem_private_key((folder / _TLS_KEY).read_bytes(), None)
    if not isinstance(signing, Ed25519PrivateKey) or not isinstance(tls, ec.EllipticCurvePrivateKey):
        raise ValueError("a key of another kind")  # noqa: TRY004 - the file's content, not an argument
    return KeySet(links=derive((folder / _SECRET).read_bytes()), signing=signing, tls=tls)


def _pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _counted(value: int) -> bytes:
    return b"%d %s\n" % (value, sha256(b"%d" % value).hexdigest()[:8].encode())


def _read_count(content: bytes) -> int | None:
    number = content.partition(b" ")[0]
    if number.isdigit() and len(number) < 19 and _counted(int(number)) == content:  # noqa: PLR2004 - 64 bits
        return int(number)
    return None
