"""Enrolment, the device's side: `enrol(folder, token)` turns a token into an identity, or says what to do.

1. Make keys in `identity/pending/`, or find those of an attempt that was cut.
2. Fetch the hub's authority, trusting nothing yet: it counts only if its fingerprint is the token's.
3. Send the request over TLS that trusts this authority alone.
4. Store the answer; a rename makes it this machine's identity.

Each step may be cut and repeated with the same token within its 15 minutes. The machine's own clock decides
nothing: the hub judges the token, and certificates' dates are not checked here (`tls`).

Not here: what is sent (`shared.protocol.enrolment`), how it is stored (`device_keys`).
"""

import ssl
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final

from shared.adapters import device_keys
from shared.adapters.device_keys import Identity
from shared.adapters.tls import client_context
from shared.model.errors import DeviceError, InputError, TransientError
from shared.protocol import mac
from shared.protocol.enrolment import (
    AUTHORITY_PATH,
    BODY_BYTES_MAX,
    ENROLMENT_PATH,
    RENEWAL_PATH,
    TOKENS_PATH,
    EnrolmentAnswer,
    EnrolmentFormError,
    EnrolmentRequest,
    RenewalRequest,
    Token,
)
from shared.protocol.keys import LinkKey
from shared.protocol.parsing import encode, parse_object

TIMEOUT_S: Final = 20.0
_OK: Final = 200
_CLIENT_ERRORS: Final = range(400, 500)


class HubUnreachableError(TransientError):
    """The hub does not answer at this address; check cable and address, then repeat with the same token."""


class WrongHubError(DeviceError):
    """The machine at this address is not the hub that gave out the token; check the address."""


class RefusedError(InputError):
    """The hub refused; its own words follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caller:
    """One hub, and how it is trusted; a connection for each call."""

    hub: str
    context: ssl.SSLContext
    timeout_s: float

    def get(self, path: str) -> bytes:
        return self._call("GET", path, None, {})

    def post(self, path: str, body: bytes, authorization: str = "") -> bytes:
        headers = {"Content-Type": "application/json"}
        if authorization:
            headers["Authorization"] = authorization
        return self._call("POST", path, body, headers)

    def _call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        host, _, port = self.hub.rpartition(":")
        connection = HTTPSConnection(
            host.strip("[]"), int(port), timeout=self.timeout_s, context=self.context
        )
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return _accepted(response.status, response.read(BODY_BYTES_MAX))
        except ssl.SSLCertVerificationError as error:
            raise WrongHubError(f"{WrongHubError.__doc__} ({error.verify_message})") from error
        except (OSError, HTTPException) as error:
            raise HubUnreachableError(f"{HubUnreachableError.__doc__} ({self.hub}: {error})") from error
        finally:
            connection.close()


def enrol(folder: Path, token: Token, *, timeout_s: float = TIMEOUT_S) -> Identity:
    """Make this machine the device that the token names.

    Args:
        folder: the identity folder; an identity in it is superseded when the new one is complete.
        token: what the technician brought.
        timeout_s: for each step on the network.

    Raises:
        HubUnreachableError: no answer, or the hub asks to come back; repeat with the same token.
        WrongHubError: the authority's fingerprint is not the token's.
        RefusedError: token expired, used by another machine, or unknown; the hub's sentence says what to do.
        OSError: the identity folder cannot be written.
    """
    keys = device_keys.pending_keys(folder)
    request = EnrolmentRequest(
        device=token.device,
        secret=token.secret.hex(),
        k_up=keys.links.up.key.hex(),
        k_down=keys.links.down.key.hex(),
        signing=keys.signing.public_key().public_bytes_raw().hex(),
        csr=keys.certification_request(token.device),
    )
    return device_keys.accept(folder, ask_to_enrol(token, request, timeout_s=timeout_s))


def ask_to_enrol(token: Token, request: EnrolmentRequest, *, timeout_s: float = TIMEOUT_S) -> EnrolmentAnswer:
    """Ask the hub that a token names to enrol a device, and return its answer.

    Args:
        token: what the technician brought.
        request: the device's keys, with this token's secret.
        timeout_s: for each step on the network.

    Raises:
        HubUnreachableError: no answer, or the hub asks to come back; repeat with the same token and keys.
        WrongHubError: the authority's fingerprint is not the token's.
        RefusedError: token expired, used by another machine, or unknown; the hub's sentence says what to do.
    """
    authority = _fetch_authority(token, timeout_s)
    caller = _Caller(hub=token.hub, context=client_context(ca_pem=authority), timeout_s=timeout_s)
    answer = _read_answer(caller.post(ENROLMENT_PATH, request.to_json()))
    if answer.device != token.device or not token.matches(_der(answer.authority)):
        raise WrongHubError(WrongHubError.__doc__)
    return answer


def renew(folder: Path, *, rotating: bool = False, timeout_s: float = TIMEOUT_S) -> Identity:
    """Fetch a further certificate for this machine, before its own ends; keys stay, or its link keys change.

    Args:
        folder: the identity folder.
        rotating: the link keys that were drawn are to be taken up; this process hears the hub under them.
        timeout_s: for each step on the network.

    Raises:
        HubUnreachableError: no answer; try again later.
        RefusedError: the hub does not know this device any more, or knows newer keys: enrol it again.
        WrongHubError: the hub is of an older version and left the link keys as they were.
        DeviceError: there is no identity, or it is damaged.
        OSError: the identity folder cannot be written.
    """
    present = device_keys.load(folder)
    keys = device_keys.renewal_keys(folder, coming=rotating)
    up, down = keys.links.up, keys.links.down
    request = RenewalRequest(
        device=present.device,
        csr=keys.certification_request(present.device),
        k_up=up.key.hex() if rotating else "",
        k_down=down.key.hex() if rotating else "",
    )
    path = f"{RENEWAL_PATH}/{present.device}"
    caller = _Caller(
        hub=present.answer.hub_url.removeprefix("https://"),
        context=client_context(ca_pem=present.answer.authority),
        timeout_s=timeout_s,
    )

    def ask(key: LinkKey) -> EnrolmentAnswer:
        return _read_answer(caller.post(path, mac.seal_message(key, path, request.to_json())))

    try:
        answer = ask(present.keys.links.up)
    except RefusedError:
        if not rotating:
            raise
        answer = ask(up)  # taken up long ago, and the answer was lost: the earlier key has ended since
    if rotating and answer.link_key != up.id:
        raise WrongHubError("The hub does not change link keys; update it to the version of this device.")
    return device_keys.accept(folder, answer)


def ask_for_token(hub: str, ca_pem: str, api_token: str, wanted: Mapping[str, str]) -> str:
    """Ask a running hub for a token, as its operator.

    Args:
        hub: host:port of its HTTPS.
        ca_pem: its authority.
        api_token: the bearer token of its API.
        wanted: `device`, `kind` and `site`.

    Raises:
        HubUnreachableError: no answer.
        RefusedError: wrong API token, or the id cannot name a device.
    """
    caller = _Caller(hub=hub, context=client_context(ca_pem=ca_pem), timeout_s=TIMEOUT_S)
    reply = parse_object(caller.post(TOKENS_PATH, encode(wanted), f"Bearer {api_token}"))
    return str(reply["token"])


def _fetch_authority(token: Token, timeout_s: float) -> str:
    """Return the hub's authority in PEM, if it is the token's.

    This connection is trusted by nobody: nothing is sent on it, and what comes is checked by fingerprint.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    caller = _Caller(hub=token.hub, context=context, timeout_s=timeout_s)
    authority = caller.get(AUTHORITY_PATH).decode("ascii", "replace")
    if not token.matches(_der(authority)):
        raise WrongHubError(WrongHubError.__doc__)
    return authority


def _accepted(status: int, body: bytes) -> bytes:
    if status == _OK:
        return body
    try:
        said = str(parse_object(body).get("detail", ""))
    except InputError:
        said = ""
    if status in _CLIENT_ERRORS:
        raise RefusedError(said or f"The hub refused with {status}; check that the address is a hub's.")
    raise HubUnreachableError(f"{HubUnreachableError.__doc__} ({status} {said})".strip())


def _read_answer(body: bytes) -> EnrolmentAnswer:
    try:
        return EnrolmentAnswer.from_json(body)
    except EnrolmentFormError as error:
        raise WrongHubError("The hub's answer is of another version; update the older side.") from error


def _der(pem: str) -> bytes:
    """Return the bytes inside a PEM certificate; empty where there are none."""
    lines = [line for line in pem.splitlines() if line and not line.startswith("-----")]
    try:
        return b64decode("".join(lines), validate=True)
    except ValueError:
        return b""
