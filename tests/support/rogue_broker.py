"""A broker that says whatever a test wants, behind the town's own certificate."""

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from tests.support import mqtt_packets as mqtt


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


def accept_session(connection: ssl.SSLSocket, *, granted: int = 1) -> None:
    """Answer CONNECT and the first SUBSCRIBE."""
    mqtt.receive_packet(connection)
    connection.sendall(mqtt.connack())
    mid, filters = mqtt.parse_subscribe(mqtt.receive_packet(connection)[1])
    connection.sendall(mqtt.suback(mid, [granted] * len(filters)))
