"""Enrolment, the hub's side: a token is issued, used once, and turned into a device with keys.

Rules:
- The token's use and the device's keys are one line of the registry: two requests at once cannot both win,
  and a power cut leaves both or neither.
- The same request again (same token, same keys, within the token's life) gets the same answer, because an
  answer may get lost. The same token with other keys is refused.
- The broker admits the new certificate before the device hears of it.

Not here: HTTP (`hub.api.enrolment`), the form of token and request (`shared.protocol.enrolment`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.keys.authority import Issued, RequestError
from hub.keys.hub_keys import API_TOKEN
from hub.keys.journal import JournalBusyError
from hub.keys.records import CertificateRenewed, DeviceEnrolled, HubKeyRole, KeysRotated, TokenIssued
from hub.keys.room import KeyRoom
from shared.adapters.enrolment_client import ask_for_token
from shared.model.errors import ConflictError, InputError
from shared.protocol import limits, mac
from shared.protocol.enrolment import (
    FINGERPRINT_BYTES,
    RENEWAL_PATH,
    SECRET_BYTES,
    EnrolmentAnswer,
    EnrolmentRequest,
    RenewalRequest,
    Token,
    token_hash,
)
from shared.protocol.receipts import endorse

LABEL_LENGTH_MAX: Final = 64
BEACON: Final = "beacon"
"""The kind of device that has an air key."""


class TokenUnknownError(InputError):
    """This hub gave out no such token; ask for one with `ventanilla hub enrol`."""


class TokenExpiredError(InputError):
    """The token's 15 minutes are over; ask for a new one with `ventanilla hub enrol`."""


class OldKeysError(ConflictError):
    """This machine speaks under link keys that were replaced: its disk is an older one; enrol it again."""


class AirKeyError(InputError):
    """A beacon names its air key when it is enrolled, and no other device does; update the enrolling side."""


class TokenUsedError(ConflictError):
    """Another machine has used this token; if it wasn't yours, revoke that device, then enrol this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAddress:
    """How devices reach this hub.

    Attributes:
        hub: host:port of its HTTPS.
        brokers: host:port of each broker.
    """

    hub: str
    brokers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWanted:
    """For which device a token is asked.

    Attributes:
        device: 1 to 32 of a-z, 0-9 and hyphen.
        kind: what it is, e.g. kiosk, terminal, beacon.
        site: where it stands, in the town's words.
    """

    device: str
    kind: str = "kiosk"
    site: str = ""


class Enrolment:
    """Issues tokens and turns them into devices.

    Args:
        room: the open key folder.
        address: what devices are told.
        clock: the hub's time, Unix epoch in milliseconds.
        admit: called when the list of certificates has changed, before the device hears of it
            (`NatsServer.reload`).
    """

    def __init__(
        self, room: KeyRoom, address: HubAddress, *, clock: Callable[[], int], admit: Callable[[], None]
    ) -> None:
        self._room = room
        self._address = address
        self._clock = clock
        self._admit = admit

    def issue(self, wanted: TokenWanted) -> Token:
        """Give out a token; an open one of the same device is void from now on.

        Raises:
            InputError: the id cannot name a device, or a label is too long.
            SecondCopyError: the second copy of the keys cannot be written.
            JournalWriteError: the key registry cannot be written.
        """
        labels = (wanted.kind, wanted.site)
        if not wanted.kind or any(len(t) > LABEL_LENGTH_MAX or not t.isprintable() for t in labels):
            raise InputError(f"kind and site are printable and at most {LABEL_LENGTH_MAX} characters")
        token = Token(
            device=wanted.device,
            hub=self._address.hub,
            fingerprint=self._room.authority.fingerprint[:FINGERPRINT_BYTES],
            secret=token_bytes(SECRET_BYTES),
        )
        registry = self._room.registry
        registry.forget_expired()
        registry.record(
            TokenIssued(
                token_hash=token_hash(token.secret),
                device=wanted.device,
                kind=wanted.kind,
                site=wanted.site,
                expires_ms=self._clock() + limits.ENROLMENT_TOKEN_LIFE_MS,
            )
        )
        return token

    def enrol(self, request: EnrolmentRequest) -> EnrolmentAnswer:
        """Use a token.

        Raises:
            TokenUnknownError: never given out, replaced by a newer one, or of another device.
            TokenExpiredError: its 15 minutes are over.
            TokenUsedError: it was used with other keys.
            AirKeyError: a beacon without an air key, or another device with one; the token stays open.
            RequestError: the certification request is not acceptable; the token stays open.
            SecondCopyError: the second copy of the keys cannot be written; the token stays open.
            JournalWriteError: the key registry cannot be written; the token stays open.
        """
        name = token_hash(bytes.fromhex(request.secret))
        asked = _request_hash(request)
        with self._room.registry.exclusively():
            token = self._room.registry.token(name)
            if token is None or token.device != request.device:
                raise TokenUnknownError(TokenUnknownError.__doc__)
            if self._clock() >= token.expires_ms:
                raise TokenExpiredError(TokenExpiredError.__doc__)
            if token.used_by is not None and token.used_by.request_hash != asked:
                raise TokenUsedError(TokenUsedError.__doc__)
            if bool(request.air_key) is not (token.kind == BEACON):
                raise AirKeyError(AirKeyError.__doc__)
            enrolled = token.used_by
            if enrolled is None:
                issued = self._room.authority.issue_device(request.device, request.csr, self._clock())
                enrolled = DeviceEnrolled(
                    token_hash=name,
                    request_hash=asked,
                    device=request.device,
                    kind=token.kind,
                    site=token.site,
                    k_up=request.k_up,
                    k_down=request.k_down,
                    signing=request.signing,
                    serial=issued.serial,
                    expires_ms=issued.expires_ms,
                    certificate=issued.pem,
                    air_key=request.air_key,
                )
                self._room.registry.record(enrolled)
        self._admit()
        return self._answer(
            enrolled.device,
            enrolled.kind,
            enrolled.site,
            Issued(pem=enrolled.certificate, serial=enrolled.serial, expires_ms=enrolled.expires_ms),
            bytes.fromhex(enrolled.signing),
        )

    def renew(self, device: str, message: bytes) -> EnrolmentAnswer:
        """Give a device a further certificate, and take up its new link keys where it names some.

        The earlier certificate stays until it ends. New link keys are taken under the newest K_up alone: who
        has an earlier one must not put his own in force. Asked for again they are there already.

        Args:
            device: who says it is asking.
            message: a `RenewalRequest` with a MAC line under the device's K_up.

        Raises:
            MacError: the device is unknown or revoked, or the MAC does not hold.
            OldKeysError: the device has newer link keys than those it speaks under.
            EnrolmentFormError: the request is not of this version.
            RequestError: the certification request is not acceptable.
            SecondCopyError: the second copy of the keys cannot be written.
            JournalWriteError: the key registry cannot be written.
        """
        registry = self._room.registry
        with registry.exclusively():
            body = mac.open_message(registry.keys_of(device), renewal_topic(device), message)
            request = RenewalRequest.from_json(body)
            newest = registry.device(device).links[0].up
            is_known = request.k_up == newest.key.hex()
            is_new = bool(request.k_up) and not is_known
            if not is_known and mac.key_id_of(message) != newest.id:
                raise OldKeysError(OldKeysError.__doc__)
            issued = self._room.authority.issue_device(device, request.csr, self._clock())
            if is_new:
                registry.record(KeysRotated(device=device, k_up=request.k_up, k_down=request.k_down))
            registry.record(
                CertificateRenewed(device=device, serial=issued.serial, expires_ms=issued.expires_ms)
            )
        self._admit()
        known = registry.device(device)
        return self._answer(device, known.kind, known.site, issued, known.signing[0])

    def _answer(self, device: str, kind: str, site: str, issued: Issued, signing: bytes) -> EnrolmentAnswer:
        registry, keys = self._room.registry, self._room.keys
        return EnrolmentAnswer(
            device=device,
            kind=kind,
            site=site,
            certificate=issued.pem,
            authority=self._room.authority.pem,
            brokers=self._address.brokers,
            hub_url=f"https://{self._address.hub}",
            hub_signing=registry.hub_keys(HubKeyRole.SIGNING)[0].public.hex(),
            hub_sealing=registry.hub_keys(HubKeyRole.SEALING)[0].public.hex(),
            fleet_key=keys.fleet.hex(),
            time_ms=self._clock(),
            endorsement=endorse(keys.signing, device, signing, issued.expires_ms),
            link_key=registry.device(device).link_key,
        )


def renewal_topic(device: str) -> str:
    """Return what the MAC of a renewal covers in place of a topic."""
    return f"{RENEWAL_PATH}/{device}"


def enrol_token(
    folder: Path,
    copy_folder: Path | None,
    wanted: TokenWanted,
    *,
    address: HubAddress,
    local: str,
    clock: Callable[[], int],
) -> str:
    """Return a token's text, from the running hub if there is one, else from the key folder itself.

    Args:
        folder: the key folder.
        copy_folder: its second copy.
        wanted: for which device.
        address: what devices are told.
        local: host:port at which the running hub's HTTPS is reached from here.
        clock: Unix epoch in milliseconds.

    Raises:
        InputError: the id cannot name a device, or a label is too long.
        TransientError: the hub runs and does not answer, or the key folder cannot be written.
        DeviceError: the key folder is damaged, or the hub was never set up.
    """
    try:
        room = KeyRoom.open(folder, copy_folder, clock=clock, count_start=False)
    except JournalBusyError:
        ca_pem = (folder / "ca.crt").read_text()
        api_token = (folder / API_TOKEN).read_text()
        members = {"device": wanted.device, "kind": wanted.kind, "site": wanted.site}
        return ask_for_token(local, ca_pem, api_token, members)
    try:
        enrolment = Enrolment(room, address, clock=clock, admit=lambda: None)
        return str(enrolment.issue(wanted))
    finally:
        room.close()


def _request_hash(request: EnrolmentRequest) -> str:
    """Name the keys of a request; its CSR counts by its key, because its signature differs each time."""
    try:
        key = x509.load_pem_x509_csr(request.csr.encode()).public_key()
    except ValueError as error:
        raise RequestError(RequestError.__doc__) from error
    public = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()
    said = f"{request.device}|{request.k_up}|{request.k_down}|{request.signing}|{public}"
    if request.air_key:
        said = f"{said}|{request.air_key}"
    return sha256(said.encode()).hexdigest()
