"""An HTTP server that does what a test tells it, byte for byte, for answers that no real core gives."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import trustme

from hub.core.exchange import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    peer: int
    """The caller's port: the same for requests on one connection."""

    def form(self) -> dict[str, str]:
        """The body as a form."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}


Script = Callable[[Heard], bytes | None]
"""The whole answer in bytes; None closes the connection without one."""


def reply(status: int, body: str = "", *headers: str) -> bytes:
    """An answer in the right form."""
    content = body.encode()
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@asynccontextmanager
async def scripted(
    script: Script,
    *,
    timeout_s: float = 2.0,
    authority: trustme.CA | None = None,
    hangs_up: bool = False,
) -> AsyncIterator[tuple[Endpoint, list[Heard]]]:
    """Serve a script on a free port.

    Args:
        script: answers each request.
        timeout_s: the endpoint's deadline.
        authority: signs the server's certificate; without one there is no TLS.
        hangs_up: whether the server closes after each answer, without having said so.

    Yields:
        The endpoint, and the requests that came so far.
    """
    heard: list[Heard] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while True:
                request = await _read(reader, int(writer.get_extra_info("peername")[1]))
                heard.append(request)
                answer = script(request)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if hangs_up:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=_tls(authority))
    port = server.sockets[0].getsockname()[1]
    base_url = f"{'https' if authority else 'http'}://127.0.0.1:{port}"
    try:
        yield Endpoint(base_url=base_url, timeout_s=timeout_s, connect_timeout_s=timeout_s), heard
    finally:
        server.close()
        for writer in writers:
            writer.close()
        for writer in writers:
            with suppress(ConnectionError):
                await writer.wait_closed()


def _tls(authority: trustme.CA | None) -> ssl.SSLContext | None:
    if authority is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def _read(reader: asyncio.StreamReader, peer: int) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    address = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(address.query).items()}
    return Heard(method=method, path=address.path, query=query, headers=headers, body=body, peer=peer)
