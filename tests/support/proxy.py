"""A TCP proxy between two parties: the network of a bad day, as it is ordered.

It freezes, cuts, refuses, delays, garbles, half-closes and swallows, each way by itself. It forwards bytes
and understands none: TLS passes through it.
"""

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass

_CHUNK_BYTES = 16 * 1024


@dataclass(slots=True, kw_only=True)
class Way:
    """What is done to the bytes that go one way.

    Attributes:
        gate: open while bytes may pass.
        delay_s: each piece waits so long.
        cut_in: the connection is reset when so many more bytes have passed; None never.
        garble_every: a bit of each so many bytes is flipped; 0 none.
        closes: this way is ended, the other one goes on.
        swallows: bytes are taken and go nowhere.
        passed: bytes that went through, or would have.
    """

    gate: asyncio.Event
    delay_s: float = 0.0
    cut_in: int | None = None
    garble_every: int = 0
    closes: bool = False
    swallows: bool = False
    passed: int = 0

    def garbled(self, chunk: bytes) -> bytes:
        """Flip what is to be flipped of bytes that follow those that have passed."""
        if not self.garble_every:
            return chunk
        spoilt = bytearray(chunk)
        for at in range(-self.passed % self.garble_every, len(chunk), self.garble_every):
            spoilt[at] ^= 0x10
        return bytes(spoilt)


class Proxy:
    """Listens on a free port of loopback, in a thread of its own.

    Attributes:
        port: where it listens.
        accepted: connections that it has taken so far.
        up: what is done to what goes to the target.
        down: what is done to what comes from it.
    """

    def __init__(self, target_port: int) -> None:
        self.accepted = 0
        self._target_port = target_port
        self._refusing = False
        self._pairs: set[tuple[StreamWriter, StreamWriter]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.up = Way(gate=self._call(_make_event(open_at_first=True)))
        self.down = Way(gate=self._call(_make_event(open_at_first=True)))
        self._server = self._call(asyncio.start_server(self._take, "127.0.0.1", 0))
        self.port = int(self._server.sockets[0].getsockname()[1])

    def freeze(self, *, up: bool = False, down: bool = False) -> None:
        """Hold bytes back, towards the target or from it; connections stay open."""
        for way, frozen in ((self.up, up), (self.down, down)):
            self._loop.call_soon_threadsafe(way.gate.clear if frozen else way.gate.set)

    def heal(self) -> None:
        """Do nothing to any byte any more; what is broken stays broken."""
        self.freeze()
        for way in (self.up, self.down):
            way.delay_s, way.cut_in, way.garble_every, way.closes, way.swallows = 0.0, None, 0, False, False

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
            await asyncio.gather(_pump(reader, far_writer, self.up), _pump(far_reader, writer, self.down))
        finally:
            self._pairs.discard(pair)
            writer.transport.abort()
            far_writer.transport.abort()


async def _make_event(*, open_at_first: bool) -> asyncio.Event:
    event = asyncio.Event()
    if open_at_first:
        event.set()
    return event


async def _pump(reader: StreamReader, writer: StreamWriter, way: Way) -> None:
    """Carry bytes one way until either end goes; then both ends go."""
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            await way.gate.wait()
            if way.delay_s:
                await asyncio.sleep(way.delay_s)
            if way.closes and writer.can_write_eof():
                writer.write_eof()
            if way.swallows or way.closes or writer.transport.is_closing():
                way.passed += len(chunk)
                continue
            cut_in = way.cut_in
            passing = way.garbled(chunk)[:cut_in]
            way.passed += len(passing)
            writer.write(passing)
            await writer.drain()
            if cut_in is not None:
                way.cut_in = cut_in - len(passing)
                if not way.cut_in:
                    break
    except OSError:
        pass
    writer.transport.abort()
