"""Asking the two doors: the hub's API over HTTPS with its token, the core over HTTP.

Rules: every call is bounded; nobody there is `AwayError`, which the stage expects while things are broken.
"""

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final

from shared.model.errors import DeviceError, TransientError

TIMEOUT_S: Final = 5.0
PAGE: Final = 1_000
ASKED_MAX: Final = 1_000


class AwayError(TransientError):
    """Nobody answers there now; the log in the demonstration's folder says why."""


class RefusedError(DeviceError):
    """The demonstration was refused something; report it, with the logs of its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One address that is asked.

    Attributes:
        port: on loopback.
        token: what is shown; empty: nothing.
        context: for HTTPS; None for HTTP.
    """

    port: int
    token: str = field(default="", repr=False)
    context: ssl.SSLContext | None = None

    def ask(self, method: str, path: str, body: object = None, *, timeout_s: float = TIMEOUT_S) -> bytes:
        """Call, and return the body.

        Raises:
            AwayError: no answer.
            RefusedError: an answer that refuses.
        """
        if self.context is None:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        else:
            connection = HTTPSConnection("127.0.0.1", self.port, timeout=timeout_s, context=self.context)
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, HTTPException) as error:
            raise AwayError(f"{AwayError.__doc__} ({type(error).__name__})") from error
        finally:
            connection.close()
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise AwayError(AwayError.__doc__)
        if answer.status != HTTPStatus.OK:
            raise RefusedError(f"{RefusedError.__doc__} ({method} {path}: {answer.status})")
        return said

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Ask for JSON."""
        return json.loads(self.ask("GET", path))

    def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Order, and read what came of it."""
        return json.loads(self.ask("POST", path, {} if body is None else body, timeout_s=30))

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Give every item of one of the hub's listings."""
        after: object = None
        joint = "&" if "?" in path else "?"
        while True:
            page = self.get(f"{path}{joint}limit={PAGE}" + ("" if after is None else f"&after={after}"))
            yield from page["items"]
            if (after := page["next"]) is None:
                return

    def journal(self) -> Iterator[Mapping[str, Any]]:
        """Give everything that took effect at the core."""
        after = 0
        while rows := self.get(f"/effects/journal?after={after}"):
            yield from rows
            after = rows[-1]["n"]

    def fates(self, asked: Sequence[Mapping[str, object]]) -> list[Mapping[str, Any]]:
        """Ask the hub what became of events, some at a time."""
        found: list[Mapping[str, Any]] = []
        for start in range(0, len(asked), ASKED_MAX):
            found += self.post("/v1/reconciliation", asked[start : start + ASKED_MAX])["events"]
        return found

    def metrics(self) -> dict[str, float]:
        """Every figure of the hub by its name with labels."""
        lines = (line for line in self.ask("GET", "/metrics").decode().splitlines() if line[:1] != "#")
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
