"""A TCP proxy between a link and its broker that can freeze, cut and refuse: the network of a bad day.

It forwards bytes and understands none: TLS passes through it.
"""

import asyncio
import threading
from asyncio import StreamReader, StreamWriter

_CHUNK_BYTES = 16 * 1024


class Proxy:
    """Listens on a free port of loopback, in a thread of its own.

    Attributes:
        port: where it listens.
        accepted: connections that it has taken so far.
    """

    def __init__(self, target_port: int) -> None:
        self.accepted = 0
        self._target_port = target_port
        self._refusing = False
        self._pairs: set[tuple[StreamWriter, StreamWriter]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._up = self._call(_make_event(open_at_first=True))
        self._down = self._call(_make_event(open_at_first=True))
        self._server = self._call(asyncio.start_server(self._take, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])

    def freeze(self, *, up: bool = False, down: bool = False) -> None:
        """Hold bytes back, towards the broker or towards the link; connections stay open."""
        for event, frozen in ((self._up, up), (self._down, down)):
            self._loop.call_soon_threadsafe(event.clear if frozen else event.set)

    def cut(self) -> None:
        """Break every connection with a reset."""
        self._loop.call_soon_threadsafe(self._abort)

    def refuse(self, *, refusing: bool) -> None:
        """Break new connections as soon as they come."""
        self._refusing = refusing

    def close(self) -> None:
        """Break everything and stop."""
        self.freeze()
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, coroutine):  # noqa: ANN001, ANN202 - passes any result through
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _end(self) -> None:
        self._server.close()
        self._abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _abort(self) -> None:
        for pair in self._pairs:
            for writer in pair:
                writer.transport.abort()

    async def _take(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.accepted += 1
        if self._refusing:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(_pump(reader, far_writer, self._up), _pump(far_reader, writer, self._down))
        finally:
            self._pairs.discard(pair)
            writer.transport.abort()
            far_writer.transport.abort()


async def _make_event(*, open_at_first: bool) -> asyncio.Event:
    event = asyncio.Event()
    if open_at_first:
        event.set()
    return event


async def _pump(reader: StreamReader, writer: StreamWriter, gate: asyncio.Event) -> None:
    """Carry bytes one way until either end goes; then both ends go."""
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            await gate.wait()
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    writer.transport.abort()
