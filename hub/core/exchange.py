"""One question to a core over HTTP and what came of it, as a value.

Here: the connection pool, the deadline of a whole exchange, the longest answer that is read, and the line
between "it never left" and "it may have arrived". Not here: what a status means (meaning.py) and what is
asked.

Rules:
- Only a failure to connect counts as not sent. Once a byte may have left, no answer means that we don't know.
- The deadline covers the whole exchange: a core that drips one byte a second does not hold a place for ever.
- Redirects are not followed and the environment's proxies are not used: an address is what the operator
  wrote.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from hub.core.meaning import Meaning, meaning, read_retry_after

ANSWER_BYTES_MAX = 16 * 1024 * 1024
"""A thousand requests with descriptions of 4,000 characters, and as much again."""
IDLE_CONNECTION_S = 4.0
"""Below the 5 s after which common servers close a quiet connection: one that closes loses what is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a core listens and how we say who we are.

    Attributes: base_url: address without a slash at its end, e.g. https://avisos.example.es/v2. api_key: the
        core's key for us; empty where it asks for none. timeout_s: deadline of a whole exchange.
        connect_timeout_s: share of it that connecting may take; shorter, so that a core that is down is
        known as
            such and not as an outcome in doubt.
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
    """The kept-alive connections to one endpoint."""

    def __init__(self, endpoint: Endpoint, connections_max: int) -> None:
        """Prepare connections; none is opened before the first question.

        Args:
            endpoint: whom to ask.
            connections_max: questions that may be under way at once.
        """
        self._deadline_s = endpoint.timeout_s
        self._client = httpx.AsyncClient(
            base_url=endpoint.base_url,
            timeout=httpx.Timeout(endpoint.timeout_s, connect=endpoint.connect_timeout_s),
            limits=httpx.Limits(
                max_connections=connections_max,
                max_keepalive_connections=connections_max,
                keepalive_expiry=IDLE_CONNECTION_S,
            ),
            verify=_trust(endpoint),
            follow_redirects=False,
            trust_env=False,
        )

    async def get(self, path: str, query: Query = ()) -> Outcome:
        """Ask for something; nothing changes at the core.

        Args:
            path: below the endpoint's base, with its slash.
            query: names and values, not yet escaped.

        Returns:
            The answer, or why there is none.
        """
        return await self._ask(self._client.build_request("GET", path, params=list(query)))

    async def post(self, path: str, content: bytes, headers: Mapping[str, str]) -> Outcome:
        """Send something that may change the core.

        Args:
            path: below the endpoint's base, with its slash.
            content: the body in the form that the headers name.
            headers: at least the content type.

        Returns:
            The answer, or why there is none.
        """
        return await self._ask(
            self._client.build_request("POST", path, content=content, headers=dict(headers))
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _ask(self, request: httpx.Request) -> Outcome:
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._read(await self._client.send(request, stream=True))
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as error:
            return NotSent(reason=f"no connection to the core ({type(error).__name__})")
        except (httpx.HTTPError, TimeoutError) as error:
            return Lost(reason=f"no answer from the core ({type(error).__name__})")

    async def _read(self, response: httpx.Response) -> Outcome:
        try:
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > ANSWER_BYTES_MAX:
                    return Lost(reason=f"the core's answer is longer than {ANSWER_BYTES_MAX} bytes")
                parts.append(part)
        finally:
            await response.aclose()
        return Answer(
            status=response.status_code,
            body=b"".join(parts),
            retry_after_s=read_retry_after(response.headers.get("retry-after"), time.time()),
        )


def _trust(endpoint: Endpoint) -> ssl.SSLContext:
    """Whom we believe to be the core; without TLS nobody is asked, so no certificates are loaded."""
    if endpoint.base_url.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ssl.create_default_context(cafile=str(endpoint.ca_file) if endpoint.ca_file else None)
