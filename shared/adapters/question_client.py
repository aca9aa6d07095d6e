"""Asking the hub over HTTPS, with the device's identity: how a report stands, what is open near by.

Each question is one exchange on a connection of its own: they are rare, and a citizen waits for each.

    ask(identity, "case", "7KXM-2PRT-94VW")      {"kind":"report","status":"closed",…,"picture":"ffd8…"}
    ask(identity, "nearby", "43.4,-3.8,aceras")  {"reports":[…]}
"""

from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import quote, urlencode

from shared.adapters.device_keys import Identity
from shared.adapters.enrolment_client import HubUnreachableError
from shared.adapters.tls import client_context
from shared.model.errors import CapacityError, InputError
from shared.protocol.bundle import authorization
from shared.protocol.parsing import ParseError, parse_object
from shared.protocol.questions import (
    ANSWER_BYTES_MAX,
    CASE,
    NEARBY,
    NEARBY_PATH,
    PICTURE,
    PICTURE_BYTES_MAX,
    case_path,
)

TIMEOUT_S: Final = 8.0
"""For each step on the network: a citizen stands there."""


_MEMBERS: Final = 3


class CaseUnknownError(InputError):
    """The hub knows nothing under this code yet; compare it with the receipt, or come back tomorrow."""


class AskedTooOftenError(CapacityError):
    """The hub answers this device no more questions for now; try again in some minutes."""


def ask(identity: Identity, what: str, about: str, timeout_s: float = TIMEOUT_S) -> Mapping[str, Any]:
    """Ask the hub.

    Args:
        identity: who asks, and where the hub is.
        what: `case` or `nearby`.
        about: a code, or `lat,long,service_code`.
        timeout_s: for each step on the network.

    Returns:
        Its answer; of a case whose repair has a picture, with the JPEG's bytes in hex as `picture`.

    Raises:
        InputError: the question is none.
        CaseUnknownError: the hub has nothing under this code.
        AskedTooOftenError: the hub asks for patience.
        HubUnreachableError: no answer, or none that can be read.
    """
    if what == NEARBY:
        return _read(_get(identity, nearby_path(about), ANSWER_BYTES_MAX, timeout_s))
    if what != CASE:
        raise InputError(f"a question is {CASE} or {NEARBY}; correct the sender")
    path = case_path(about)
    answer = {**_read(_get(identity, path, ANSWER_BYTES_MAX, timeout_s))}
    if answer.pop("has_picture", False) is True:
        answer["picture"] = _get(identity, f"{path}/{PICTURE}", PICTURE_BYTES_MAX, timeout_s).hex()
    return answer


def _get(identity: Identity, path: str, bytes_max: int, timeout_s: float) -> bytes:
    host, _, port = identity.answer.hub_url.removeprefix("https://").rstrip("/").rpartition(":")
    headers = {"Authorization": authorization(identity.device, identity.keys.links.up, path)}
    context = client_context(ca_pem=identity.answer.authority)
    connection = HTTPSConnection(host.strip("[]"), int(port), timeout=timeout_s, context=context)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read(bytes_max + 1)
    except (OSError, HTTPException) as error:
        raise HubUnreachableError(f"{HubUnreachableError.__doc__} ({type(error).__name__})") from error
    finally:
        connection.close()
    match response.status:
        case HTTPStatus.OK if len(body) <= bytes_max:
            return body
        case HTTPStatus.NOT_FOUND:
            raise CaseUnknownError(CaseUnknownError.__doc__)
        case HTTPStatus.TOO_MANY_REQUESTS:
            raise AskedTooOftenError(AskedTooOftenError.__doc__)
        case status:
            raise HubUnreachableError(f"{HubUnreachableError.__doc__} ({status}, {len(body)} bytes)")


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        return parse_object(body)
    except ParseError as error:
        raise HubUnreachableError(f"{HubUnreachableError.__doc__} (an answer that cannot be read)") from error


def nearby_path(about: str) -> str:
    """Return where a device asks what is open around a place.

    Args:
        about: `lat,long,service_code`.

    Raises:
        InputError: it is something else.
    """
    members = about.split(",", _MEMBERS - 1)
    try:
        lat, long = float(members[0]), float(members[1])
        service_code = members[2]
    except (ValueError, IndexError):
        raise InputError("a place is asked about as lat,long,service_code; correct the sender") from None
    query = {"lat": f"{lat:.5f}", "long": f"{long:.5f}", "service_code": service_code}
    return f"{NEARBY_PATH}?{urlencode(query, quote_via=quote)}"
