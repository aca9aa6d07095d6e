"""Uploading bodies, the device's side: where a body stands, the next piece of it, or that it is gone.

One connection to the hub, kept while it works, dialled again when it does not. Each request carries a MAC
under the device's K_up over what it says; the hub answers with how far it is, and that is the truth.

Not here: which body, and when to try again (`shared.edge.uploader`); what is sent (`attachment_store`).
"""

import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, HTTPSConnection, RemoteDisconnected
from typing import Final

from shared.adapters.device_keys import Identity
from shared.adapters.enrolment_client import TIMEOUT_S, HubUnreachableError, RefusedError
from shared.protocol.attachment import LENGTH_HEADER, OFFSET_HEADER, body_path, sign_request
from shared.protocol.keys import LinkKey

ANSWER_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far the hub is with a body.

    Attributes:
        awaited: it knows the body's event; otherwise nothing else counts.
        offset: bytes that it has.
        length: bytes that it wants.
        spoilt: what it was given whole was not the body, and it begins anew.
        hub_ms: its clock, Unix epoch.
    """

    awaited: bool
    offset: int = 0
    length: int = 0
    spoilt: bool = False
    hub_ms: int

    @property
    def complete(self) -> bool:
        """Whether the hub has all of it."""
        return self.awaited and self.offset == self.length


class AttachmentClient:
    """One device's way to its hub; used by one thread.

    Args:
        address: host:port of the hub's HTTPS.
        device: the device's id.
        key: its K_up.
        context: trusts the hub's authority alone.
        timeout_s: for each step on the network.
    """

    def __init__(
        self, address: str, device: str, key: LinkKey, context: ssl.SSLContext, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._address = address
        self._device = device
        self._key = key
        self._context = context
        self._timeout_s = timeout_s
        self._connection: HTTPSConnection | None = None

    @classmethod
    def of(cls, identity: Identity, context: ssl.SSLContext) -> "AttachmentClient":
        """Make the client of an enrolled device; `context` trusts its hub."""
        address = identity.answer.hub_url.removeprefix("https://")
        return cls(address, identity.device, identity.keys.links.up, context)

    def look(self, name: str) -> Standing:
        """Ask how far the hub is with a body; raises as `append` does."""
        return self._ask("HEAD", name, 0, b"")

    def append(self, name: str, offset: int, content: bytes) -> Standing:
        """Send a piece of a body.

        Args:
            name: SHA-256 of the sealed body, in hex.
            offset: where the piece belongs.
            content: at most `ATTACHMENT_STEP_BYTES`.

        Returns:
            How far the hub is now, also where it did not take the piece.

        Raises:
            HubUnreachableError: no answer, or the hub asks to come back.
            RefusedError: the hub does not know this device, or refuses the body.
        """
        return self._ask("PATCH", name, offset, content)

    def give_up(self, name: str) -> None:
        """Say that a body cannot come any more; raises as `append` does."""
        self._ask("DELETE", name, 0, b"")

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, method: str, name: str, offset: int, content: bytes) -> Standing:
        path = body_path(self._device, name)
        headers = {
            "Authorization": sign_request(self._key, method, path, offset, content),
            OFFSET_HEADER: str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        kept = self._connection is not None
        try:
            response = self._exchange(method, path, content, headers)
        except (RemoteDisconnected, ConnectionError) as error:
            if not kept:
                raise _unreachable(error) from error
            response = self._again(method, path, content, headers)
        return _read(response)

    def _again(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> HTTPResponse:
        """Ask on a new connection: the hub ends one that was idle."""
        try:
            return self._exchange(method, path, content, headers)
        except (RemoteDisconnected, ConnectionError) as error:
            raise _unreachable(error) from error

    def _exchange(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> HTTPResponse:
        """Ask once; asking twice does no harm, because the hub goes by offset."""
        connection = self._connection
        if connection is None:
            host, _, port = self._address.rpartition(":")
            connection = HTTPSConnection(
                host.strip("[]"), int(port), timeout=self._timeout_s, context=self._context
            )
            self._connection = connection
        try:
            connection.request(method, path, content or None, headers)
            response = connection.getresponse()
            response.read(ANSWER_BYTES_MAX)
        except (RemoteDisconnected, ConnectionError):
            self.close()
            raise
        except (OSError, HTTPException) as error:
            self.close()
            raise _unreachable(error) from error
        if not response.isclosed():
            self.close()
        return response


def _unreachable(error: Exception) -> HubUnreachableError:
    return HubUnreachableError(f"{HubUnreachableError.__doc__} ({type(error).__name__})")


def _read(response: HTTPResponse) -> Standing:
    hub_ms = _instant_ms(response.headers.get("Date", ""))
    match response.status:
        case HTTPStatus.OK | HTTPStatus.CONFLICT | HTTPStatus.NO_CONTENT:
            offset, length = (_number(response, name) for name in (OFFSET_HEADER, LENGTH_HEADER))
            return Standing(awaited=True, offset=offset, length=length, hub_ms=hub_ms)
        case HTTPStatus.UNPROCESSABLE_ENTITY:
            return Standing(awaited=True, spoilt=True, length=1, hub_ms=hub_ms)
        case HTTPStatus.NOT_FOUND:
            return Standing(awaited=False, hub_ms=hub_ms)
        case status if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RefusedError(f"The hub refuses a photograph ({status}); enrol the device again.")
        case status:
            raise HubUnreachableError(f"{HubUnreachableError.__doc__} ({status})")


def _number(response: HTTPResponse, name: str) -> int:
    text = response.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):  # noqa: PLR2004 - a petabyte
        raise HubUnreachableError(f"{HubUnreachableError.__doc__} ({name})")
    return int(text)


def _instant_ms(text: str) -> int:
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except ValueError as error:
        raise HubUnreachableError(f"{HubUnreachableError.__doc__} (Date)") from error
