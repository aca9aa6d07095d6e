"""A broker that says whatever a test wants, behind the town's own certificate."""

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

CONNACK = b"\x20\x02\x00\x00"
SUBACK_REFUSED = 0x80


class RogueBroker:
    """Takes connections one after the other and gives each to a script, in a thread.

    Args:
        certificate: PEM file of a server's certificate.
        key: PEM file of its key.
        script: speaks on one connection; what it raises of OSError ends the connection.

    Attributes:
        port: where it listens.
        served: connections that a script has finished with.
    """

    def __init__(self, certificate: Path, key: Path, script: Callable[[ssl.SSLSocket], None]) -> None:
        self.served = 0
        self._script = script
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port = int(self._socket.getsockname()[1])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                plain, _ = self._socket.accept()
            except TimeoutError:
                continue
            plain.settimeout(5)
            try:
                with self._context.wrap_socket(plain, server_side=True) as secure:
                    self._script(secure)
            except OSError:
                pass
            finally:
                plain.close()
            self.served += 1


def read_packet(connection: ssl.SSLSocket) -> bytes:
    """Read one MQTT packet: its type byte and its body."""
    kind = _exactly(connection, 1)
    length, shift = 0, 0
    while True:
        byte = _exactly(connection, 1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return kind + _exactly(connection, length)


def accept_session(connection: ssl.SSLSocket, *, granted: int = 1) -> None:
    """Answer CONNECT and the first SUBSCRIBE."""
    read_packet(connection)
    connection.sendall(CONNACK)
    subscribe = read_packet(connection)
    filters, at = 0, 3
    while at < len(subscribe):
        at += 2 + int.from_bytes(subscribe[at : at + 2]) + 1
        filters += 1
    connection.sendall(bytes([0x90, 2 + filters]) + subscribe[1:3] + bytes([granted]) * filters)


def publish_packet(topic: str, payload: bytes, *, qos: int = 0, mid: int = 1) -> bytes:
    """Return a PUBLISH."""
    name = topic.encode()
    body = len(name).to_bytes(2) + name + (mid.to_bytes(2) if qos else b"") + payload
    length, rest = b"", len(body)
    while True:
        rest, low = rest >> 7, rest & 127
        length += bytes([low | (128 if rest else 0)])
        if not rest:
            return bytes([0x30 | qos << 1]) + length + body


def _exactly(connection: ssl.SSLSocket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        chunk = connection.recv(count - len(got))
        if not chunk:
            raise ConnectionResetError
        got += chunk
    return got
