"""Fetching a bundle's body from the hub over HTTPS, with the device's identity.

The request carries a MAC line over method and path: the hub gives bodies to its devices and to nobody else.
What comes back is worth nothing until it is held against the signed notice.

Source: RFC 9110, sections 8.8.3 (ETag) and 13.1.2 (If-None-Match).
"""

from http.client import HTTPException, HTTPSConnection
from typing import Final

from shared.adapters.device_keys import Identity
from shared.adapters.tls import client_context
from shared.model.errors import TransientError
from shared.protocol.bundle import BUNDLES_PATH, Notice, authorization

TIMEOUT_S: Final = 20.0
_OK: Final = 200


class NotFetchedError(TransientError):
    """The hub did not give the bundle; it is fetched again when the hub offers it again."""


def fetch_body(identity: Identity, notice: Notice, timeout_s: float = TIMEOUT_S) -> bytes:
    """Fetch the body of a bundle.

    Args:
        identity: who asks, and where the hub is.
        notice: names the body; the caller checks it.
        timeout_s: for each step on the network.

    Raises:
        NotFetchedError: no answer, another answer than the body, or one of another length.
    """
    host, _, port = identity.answer.hub_url.removeprefix("https://").rstrip("/").rpartition(":")
    path = f"{BUNDLES_PATH}/{notice.name}/{notice.version}"
    headers = {"Authorization": authorization(identity.device, identity.keys.links.up, path)}
    context = client_context(ca_pem=identity.answer.authority)
    connection = HTTPSConnection(host.strip("[]"), int(port), timeout=timeout_s, context=context)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read(notice.size + 1)
    except (OSError, HTTPException) as error:
        raise NotFetchedError(f"{NotFetchedError.__doc__} ({type(error).__name__})") from error
    finally:
        connection.close()
    if response.status != _OK or len(body) != notice.size:
        raise NotFetchedError(f"{NotFetchedError.__doc__} ({response.status}, {len(body)} bytes)")
    return body
