"""MQTT 3.1.1 packets, the little that test brokers and a herd of clients need; no connection of its own.

    head, body = await read_packet(reader)     # or `receive_packet(socket)`
    said = Publish.parse(head, body)

Not here: quality 2, sessions that outlive a connection, and version 5.

Source: MQTT 3.1.1 (OASIS, 2014), chapters 2 and 3.
"""

import socket
from asyncio import StreamReader
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Self


class Kind(IntEnum):
    """A packet's type: the upper half of its first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


@dataclass(frozen=True, slots=True)
class Publish:
    """A message on its way; `mid` is 0 at quality 0."""

    topic: str
    payload: bytes
    mid: int = 0
    retain: bool = False

    @classmethod
    def parse(cls, head: int, body: bytes) -> Self:
        """Read a PUBLISH."""
        end = 2 + int.from_bytes(body[:2])
        start = end + 2 if head & 0b110 else end
        return cls(body[2:end].decode(), body[start:], int.from_bytes(body[end:start]), bool(head & 1))

    def packet(self) -> bytes:
        """Return the PUBLISH; at quality 1 where it has a `mid`."""
        head = Kind.PUBLISH << 4 | (2 if self.mid else 0) | self.retain
        mid = self.mid.to_bytes(2) if self.mid else b""
        return packet(head, _text(self.topic) + mid + self.payload)


def connect(client_id: str, keepalive_s: int, will: Publish | None = None) -> bytes:
    """Return a CONNECT for a clean session; a will is of quality 1."""
    flags, last = 0b10, b""
    if will is not None:
        flags |= 0b1100 | will.retain << 5
        last = _text(will.topic) + len(will.payload).to_bytes(2) + will.payload
    head = _text("MQTT") + bytes([4, flags]) + keepalive_s.to_bytes(2)
    return packet(Kind.CONNECT << 4, head + _text(client_id) + last)


def connack(code: int = 0) -> bytes:
    """Return a CONNACK; 0 admits."""
    return packet(Kind.CONNACK << 4, bytes([0, code]))


def subscribe(mid: int, filters: Sequence[str]) -> bytes:
    """Return a SUBSCRIBE at quality 0, as devices do."""
    body = b"".join(_text(each) + b"\0" for each in filters)
    return packet(Kind.SUBSCRIBE << 4 | 2, mid.to_bytes(2) + body)


def parse_subscribe(body: bytes) -> tuple[int, list[str]]:
    """Read a SUBSCRIBE: its packet identifier and its filters."""
    filters, at = list[str](), 2
    while at < len(body):
        end = at + 2 + int.from_bytes(body[at : at + 2])
        filters.append(body[at + 2 : end].decode())
        at = end + 1
    return int.from_bytes(body[:2]), filters


def suback(mid: int, granted: Sequence[int]) -> bytes:
    """Return a SUBACK: for each filter its quality, or 0x80, which refuses it."""
    return packet(Kind.SUBACK << 4, mid.to_bytes(2) + bytes(granted))


def puback(mid: int) -> bytes:
    """Return a PUBACK."""
    return packet(Kind.PUBACK << 4, mid.to_bytes(2))


def packet(head: int, body: bytes = b"") -> bytes:
    """Put a packet together: first byte, length, body."""
    length, rest = b"", len(body)
    while True:
        rest, low = rest >> 7, rest & 127
        length += bytes([low | (128 if rest else 0)])
        if not rest:
            return bytes([head]) + length + body


async def read_packet(reader: StreamReader) -> tuple[int, bytes]:
    """Read one packet from a stream: its first byte and its body.

    Raises:
        asyncio.IncompleteReadError: the stream ended.
    """
    reading = _reading()
    wanted = next(reading)
    while True:
        try:
            wanted = reading.send(await reader.readexactly(wanted))
        except StopIteration as done:
            return done.value


def receive_packet(connection: socket.socket) -> tuple[int, bytes]:
    """Read one packet from a socket: its first byte and its body.

    Raises:
        ConnectionResetError: the other side closed.
    """
    reading = _reading()
    wanted = next(reading)
    while True:
        try:
            wanted = reading.send(_exactly(connection, wanted))
        except StopIteration as done:
            return done.value


def _reading() -> Generator[int, bytes, tuple[int, bytes]]:
    """Ask for so many bytes, again and again, until a packet is whole."""
    (head,) = yield 1
    length = shift = 0
    while True:
        (byte,) = yield 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    body = (yield length) if length else b""
    return head, body


def _exactly(connection: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = connection.recv(count - len(got))
        if not more:
            raise ConnectionResetError
        got += more
    return got


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2) + raw
