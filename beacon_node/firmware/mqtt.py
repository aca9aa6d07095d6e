"""MQTT 3.1.1 over one stream: what a node needs of it, and no more.

One publish of QoS 1 is under way at a time; subscriptions have QoS 0; sessions are clean. A packet that is
longer than a node takes is read past, never held.

Not here: connecting again, TLS, Wi-Fi (`link`); what messages say (`delivery`). Why it is our own: docs/adr.

Source: OASIS, "MQTT Version 3.1.1".
"""

import asyncio
import struct

PACKET_BYTES_MAX = 6 * 1024
"""The longest message that a node takes: a twin of a node's settings has 4 KiB."""
KEEPALIVE_S = 60
_CHUNK = 256
_CONNACK, _PUBLISH, _PUBACK, _SUBACK, _PINGRESP = 0x20, 0x30, 0x40, 0x90, 0xD0
_QOS = 0x06
_WILL_QOS_1 = 0x0C
_CLEAN = 0x02
_REFUSED = 0x80


class MqttError(OSError):
    """The broker refused, broke off or said something that MQTT does not know."""


class Mqtt:
    """One connection to a broker."""

    def __init__(self, reader, writer) -> None:
        """Stand on an open stream; `connect` comes first."""
        self.pinged = False
        """A ping is under way, and its answer has not come."""
        self._reader = reader
        self._writer = writer
        self._packet = 0
        self._answered = asyncio.Event()
        self._awaited = None

    async def connect(self, client: str, will: tuple) -> None:
        """Say who is there; `will` is topic and payload of the last will.

        Raises:
            MqttError: the broker refuses.
            OSError: the stream broke.
        """
        topic, payload = will
        flags = _WILL_QOS_1 | _CLEAN
        body = b"\x00\x04MQTT\x04" + struct.pack("!BH", flags, KEEPALIVE_S) + _text(client.encode())
        await self._send(0x10, body, _text(topic.encode()), struct.pack("!H", len(payload)), payload)
        kind, answer = await self._read()
        if kind != _CONNACK or len(answer) != 2 or answer[1]:
            raise MqttError("the broker refuses this node; look whether its certificate is admitted")

    async def subscribe(self, *topics: str) -> None:
        """Ask for topics, QoS 0; what is published before the answer is lost.

        Raises:
            MqttError: one is not allowed.
            OSError: the stream broke.
        """
        self._packet = self._packet % 0xFFFF + 1
        pieces = [struct.pack("!H", self._packet)]
        for topic in topics:
            pieces.append(_text(topic.encode()))
            pieces.append(b"\x00")
        await self._send(0x82, *pieces)
        while True:
            kind, answer = await self._read()
            if kind == _SUBACK:
                break
        if any(code & _REFUSED for code in answer[2:]):
            raise MqttError("the broker does not let this node subscribe; look at its permissions")

    async def publish(self, topic: str, payload: bytes, timeout_s: float) -> None:
        """Publish with QoS 1 and wait for the broker's word; `receive` must run meanwhile.

        Raises:
            OSError: the stream broke, or no word came in time.
        """
        self._packet = self._packet % 0xFFFF + 1
        self._awaited = self._packet
        self._answered.clear()
        await self._send(0x32, _text(topic.encode()), struct.pack("!H", self._packet), payload)
        try:
            await asyncio.wait_for(self._answered.wait(), timeout_s)
        except asyncio.TimeoutError:
            raise MqttError("the broker swallows what is published")

    async def ping(self) -> None:
        """Ask whether the broker is there.

        Raises:
            OSError: it did not answer the last time, or the stream broke.
        """
        if self.pinged:
            raise MqttError("the broker does not answer")
        self.pinged = True
        await self._send(0xC0)

    async def receive(self) -> tuple:
        """Return the next message, topic and payload; answers to pings and publishes are taken on the way.

        Raises:
            OSError: the stream broke, or what came is no MQTT.
        """
        while True:
            kind, body = await self._read()
            if kind == _PINGRESP:
                self.pinged = False
            elif kind == _PUBACK and len(body) == 2:
                if struct.unpack("!H", body)[0] == self._awaited:
                    self._awaited = None
                    self._answered.set()
            elif kind & 0xF0 == _PUBLISH and body is not None:
                message = _message(kind, body)
                if message is not None:
                    return message

    async def close(self) -> None:
        """Let go of the stream without a word: the broker speaks the last will."""
        try:
            self._writer.close()
            await self._writer.wait_closed()
        except OSError:
            pass

    async def _send(self, kind: int, *pieces: bytes) -> None:
        size = sum(len(piece) for piece in pieces)
        head = bytearray([kind])
        while True:
            head.append(size & 0x7F | (0x80 if size > 0x7F else 0))
            size >>= 7
            if not size:
                break
        self._writer.write(bytes(head))
        for piece in pieces:
            self._writer.write(piece)
        await self._writer.drain()

    async def _read(self) -> tuple:
        """Return the next packet's kind and body; the body is None where it was too long to be held."""
        kind = (await self._exactly(1))[0]
        size = shift = 0
        while True:
            byte = (await self._exactly(1))[0]
            size |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
            shift += 7
            if shift > 21:
                raise MqttError("what comes is no MQTT")
        if size <= PACKET_BYTES_MAX:
            return kind, await self._exactly(size) if size else b""
        while size:
            size -= len(await self._exactly(min(size, _CHUNK)))
        return kind, None

    async def _exactly(self, size: int) -> bytes:
        try:
            return await self._reader.readexactly(size)
        except EOFError:
            raise MqttError("the broker broke off")


def _text(raw: bytes) -> bytes:
    return struct.pack("!H", len(raw)) + raw


def _message(kind: int, body: bytes):
    """Return topic and payload of a PUBLISH; None where it is none, or not of QoS 0."""
    if len(body) < 2 or kind & _QOS:
        return None
    end = 2 + struct.unpack("!H", body[:2])[0]
    if end > len(body):
        return None
    try:
        return body[2:end].decode(), body[end:]
    except ValueError:
        return None
