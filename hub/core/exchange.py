"""One question to a core over HTTP and what came of it, as a value.

Here: connections that are kept for the next question, the deadline of a whole exchange, and the line between
"it never left" and "it may have arrived". Not here: HTTP itself (connection.py), what a status means
(meaning.py), and what is asked.

Rules:
- Only a failure to connect counts as not sent. Once a byte may have left, no answer means that we don't know.
- The deadline covers the whole exchange: a core that drips one byte a second does not hold a place for ever.
- Redirects are not followed and no proxy is used: an address is what the operator wrote.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlencode, urlsplit

import h11

from hub.core.connection import Address, AnswerTooLongError, Connection
from hub.core.meaning import Meaning, meaning, read_retry_after
from shared.model.errors import InputError

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a core listens and how we say who we are.

    Attributes:
        base_url: address without a slash at its end, e.g. https://avisos.example.es/v2.
        api_key: the core's key for us; empty where it asks for none.
        timeout_s: deadline from the question's first byte to the answer's last.
        connect_timeout_s: deadline of connecting, before that; shorter, so that a core that is down is known
            as such and not as an outcome in doubt.
        ca_file: certificate authority of the core, if it is not one that the machine trusts already.
    """

    base_url: str
    api_key: str = field(default="", repr=False)
    timeout_s: float = 10.0
    connect_timeout_s: float = 3.0
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The core answered."""

    status: int
    body: bytes
    retry_after_s: float | None

    @property
    def meaning(self) -> Meaning:
        """What the status means for the effect."""
        return meaning(self.status, self.retry_after_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """No connection: the core has seen nothing of it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Sent, or perhaps sent, and no whole answer."""

    reason: str


Outcome = Answer | NotSent | Lost
Query = Sequence[tuple[str, str]]


class Exchange:
    """Questions to one endpoint; as many connections as there are questions at once."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Prepare; nothing is opened before the first question.

        Args:
            endpoint: whom to ask.

        Raises:
            InputError: the address is none that can be asked.
        """
        parts = urlsplit(endpoint.base_url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise InputError("a core's address is http://… or https://… with a host; correct the setting")
        self._endpoint = endpoint
        self._base_path = parts.path.rstrip("/")
        self._address = Address(
            host=parts.hostname, port=parts.port or PORTS[parts.scheme], trust=_trust(parts.scheme, endpoint)
        )
        self._common = {
            "host": parts.netloc.rpartition("@")[2],
            "user-agent": "ventanilla",
            "accept": "application/json",
            "accept-encoding": "identity",
        }
        self._kept: list[Connection] = []

    async def get(
        self, path: str, query: Query = (), headers: Mapping[str, str] = MappingProxyType({})
    ) -> Outcome:
        """Ask for something; nothing changes at the core.

        Args:
            path: below the endpoint's base, with its slash.
            query: names and values, not yet escaped.
            headers: names in lower case.

        Returns:
            The answer, or why there is none.
        """
        return await self._ask("GET", f"{path}?{urlencode(query)}" if query else path, headers, b"")

    async def post(self, path: str, content: bytes, headers: Mapping[str, str]) -> Outcome:
        """Send something that may change the core.

        Args:
            path: below the endpoint's base, with its slash.
            content: the body in the form that the headers name.
            headers: names in lower case, at least the content type.

        Returns:
            The answer, or why there is none.
        """
        return await self._ask("POST", path, headers, content)

    async def close(self) -> None:
        """Close every connection."""
        while self._kept:
            await self._kept.pop().close()

    async def _ask(self, method: str, target: str, headers: Mapping[str, str], content: bytes) -> Outcome:
        try:
            async with asyncio.timeout(self._endpoint.connect_timeout_s):
                connection = await self._connect()
        except OSError as error:
            return NotSent(reason=f"no connection to the core ({type(error).__name__})")
        try:
            async with asyncio.timeout(self._endpoint.timeout_s):
                whole = [*self._common.items(), *headers.items()]
                response = await connection.ask(method, self._base_path + target or "/", whole, content)
        except (OSError, h11.RemoteProtocolError, AnswerTooLongError) as error:
            return Lost(reason=f"no answer from the core ({type(error).__name__})")
        finally:
            self._keep_or_drop(connection)
        return Answer(
            status=response.status,
            body=response.body,
            retry_after_s=read_retry_after(response.headers.get("retry-after"), time.time()),
        )

    async def _connect(self) -> Connection:
        """A connection that was kept and can go on, or a new one."""
        now_s = asyncio.get_running_loop().time()
        while self._kept:
            connection = self._kept.pop()
            if connection.can_go_on(now_s):
                return connection
            connection.abort()
        return await Connection.open(self._address)

    def _keep_or_drop(self, connection: Connection) -> None:
        """A connection whose question ended well is kept; every other is in no state to be used again."""
        if connection.can_go_on(asyncio.get_running_loop().time()):
            self._kept.append(connection)
        else:
            connection.abort()


def _trust(scheme: str, endpoint: Endpoint) -> ssl.SSLContext | None:
    """Whom we believe to be the core."""
    if scheme == "http":
        return None
    return ssl.create_default_context(cafile=str(endpoint.ca_file) if endpoint.ca_file else None)
