"""A client of the hub's own API, for the command line: it trusts the town's authority and shows the token.

Not here: what is asked, and how it is shown (`hub.cli`).
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from typing import Any, Final

from shared.model.errors import InputError, TransientError
from shared.protocol.parsing import encode, parse_object

TIMEOUT_S: Final = 60.0
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
_OK: Final = (200, 503)
"""Readiness answers 503 with a body of its own."""


class HubAnswerError(InputError):
    """The hub refused; its own words follow."""


class HubAwayError(TransientError):
    """The hub does not answer; look whether it runs (`ventanilla hub status`), then repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClient:
    """One hub.

    Attributes:
        host: of its HTTPS.
        context: trusts its authority.
        token: of its API.
    """

    host: str
    port: int
    context: ssl.SSLContext
    token: str = field(repr=False)

    def get(self, path: str) -> dict[str, Any]:
        """Ask.

        Raises:
            HubAwayError: no answer.
            HubAnswerError: the hub refused.
        """
        return self._call("GET", path, None)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Order.

        Raises:
            HubAwayError: no answer.
            HubAnswerError: the hub refused.
        """
        return self._call("POST", path, encode(body or {}))

    def _call(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection = HTTPSConnection(self.host, self.port, timeout=TIMEOUT_S, context=self.context)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            status, answer = response.status, response.read(ANSWER_BYTES_MAX)
        except (OSError, HTTPException) as error:
            raise HubAwayError(f"{HubAwayError.__doc__} ({type(error).__name__})") from error
        finally:
            connection.close()
        members = parse_object(answer)
        if status not in _OK or "title" in members:
            raise HubAnswerError(str(members.get("detail") or f"the hub refused with {status}"))
        return members
