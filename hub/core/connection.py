"""One HTTP/1.1 connection, kept alive between questions: h11 speaks, asyncio carries.

Here: opening, one question at a time, and whether another may follow. Not here: pools, deadlines, and what a
failure means (exchange.py).

A question costs the hub a sixth of the processor time that httpx takes for it (0.5 against 3 ms, measured on
one busy machine): with a report a request, that decides how fast a backlog of reports is cleared.

Source: RFC 9112 (HTTP/1.1).
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import h11

ANSWER_BYTES_MAX = 16 * 1024 * 1024
"""A thousand requests with descriptions of 4,000 characters, and as much again."""
READ_BYTES = 64 * 1024
IDLE_S_MAX = 4.0
"""Below the 5 s after which common servers close a quiet connection: one that closes loses what is sent."""
CLOSE_S = 1.0

Headers = Sequence[tuple[str, str]]


class AnswerTooLongError(Exception):
    """The answer is longer than anyone needs; the rest of it was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens.

    Attributes:
        host: name or IP address.
        port: TCP port.
        trust: whom to believe, for TLS; None: no TLS.
    """

    host: str
    port: int
    trust: ssl.SSLContext | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back, whole.

    Attributes:
        status: HTTP status code.
        headers: by name in lower case; of a repeated one the last.
        body: as it came.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """An open connection; it carries one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wrap streams that are open; `open` makes them.

        Args:
            reader: from the server.
            writer: to the server.
        """
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.CLIENT)
        self._idle_since_s = 0.0

    @classmethod
    async def open(cls, address: Address) -> Self:
        """Connect, and shake hands where there is TLS.

        Raises:
            OSError: there is no way to the server, or it is not the one that we trust.
        """
        return cls(*await asyncio.open_connection(address.host, address.port, ssl=address.trust))

    def can_go_on(self, now_s: float) -> bool:
        """Whether another question may follow.

        Args:
            now_s: the event loop's clock.
        """
        rested = self._protocol.our_state is h11.IDLE and self._protocol.their_state is h11.IDLE
        return rested and not self._reader.at_eof() and now_s - self._idle_since_s < IDLE_S_MAX

    async def ask(self, method: str, target: str, headers: Headers, content: bytes) -> Response:
        """Send a question and read the whole answer.

        Args:
            method: GET or POST.
            target: path and query.
            headers: all but the length of the content.
            content: the body; may be empty.

        Raises:
            OSError: the connection broke.
            h11.RemoteProtocolError: what came is no HTTP, or ended in the middle.
            AnswerTooLongError: the answer has more than `ANSWER_BYTES_MAX`.
        """
        length = [("content-length", str(len(content)))] if content else []
        send = self._protocol.send
        head = send(h11.Request(method=method, target=target, headers=[*headers, *length]))
        body = send(h11.Data(data=content)) if content else b""
        self._writer.write(b"".join(part for part in (head, body, send(h11.EndOfMessage())) if part))
        await self._writer.drain()
        response = await self._read()
        if self._protocol.our_state is self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()
            self._idle_since_s = asyncio.get_running_loop().time()
        return response

    def abort(self) -> None:
        """Drop the connection at once."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close in order, but don't wait for ever for the other side."""
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._writer.wait_closed()
        except OSError:
            self.abort()

    async def _read(self) -> Response:
        head: h11.Response | None = None
        body = bytearray()
        while True:
            event = self._protocol.next_event()
            if event is h11.NEED_DATA:
                self._protocol.receive_data(await self._reader.read(READ_BYTES))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > ANSWER_BYTES_MAX:
                    raise AnswerTooLongError
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
                return Response(status=head.status_code, headers=headers, body=bytes(body))
            elif not isinstance(event, h11.InformationalResponse):
                raise ConnectionResetError
