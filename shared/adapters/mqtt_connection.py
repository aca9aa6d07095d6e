"""One MQTT connection, from dialling to its end, driven by one thread.

paho-mqtt does the packets and nothing else: a fresh client for every connection, so that its queues die with
it; no thread of its own, no automatic reconnect, and no call from a second thread.

Source: MQTT 3.1.1 (OASIS, 2014); paho-mqtt 2, "Network loop" for external event loops.
"""

import selectors
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from shared.adapters.mqtt_events import Address, DownReason, LinkSettings, Will

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_MALFORMED = (ValueError, IndexError, KeyError, TypeError, struct.error)


_PACKETS_A_TURN = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a connection ended, for a machine and for a person."""

    reason: DownReason
    detail: str


class Listener(Protocol):
    """Who hears what the connection brings; called on the connection's thread."""

    def on_ready(self) -> None:
        """Every subscription is granted."""

    def on_message(self, topic: str, payload: bytes, mid: int, qos: int, *, retained: bool) -> None:
        """A message came."""

    def on_puback(self, mid: int) -> None:
        """A publish is confirmed."""


class _RememberingContext:
    """A TLS context for paho, which forgets to close a socket whose handshake failed."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.check_hostname = context.check_hostname
        self._context = context
        self._wrapped: ssl.SSLSocket | None = None

    def wrap_socket(self, sock: socket.socket, **options: Any) -> ssl.SSLSocket:  # noqa: ANN401 - passed on
        self._wrapped = self._context.wrap_socket(sock, **options)
        return self._wrapped

    def close(self) -> None:
        if self._wrapped is not None:
            self._wrapped.close()


class Connection:
    """A socket, paho's packets on it, and the reason when it ends.

    Attributes:
        fault: None while the connection lives.
        ready: every subscription is granted.
    """

    def __init__(
        self, settings: LinkSettings, address: Address, will: Will | None, listener: Listener
    ) -> None:
        self.fault: Fault | None = None
        self.ready = False
        self._settings = settings
        self._address = address
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._socket: socket.socket | None = None
        self._write_wanted = False
        self._handshake_log = ""
        self._tls = None if settings.tls is None else _RememberingContext(settings.tls)
        self._client = self._make_client(will)

    # ---- life

    def open(self) -> None:
        """Dial, shake hands and send CONNECT; at most two connect time-outs. A failure is left in `fault`."""
        address = self._address
        if self._settings.tls is None and address.host not in _LOOPBACK:
            self._end(DownReason.TLS, "without TLS only loopback is dialled; enrol this machine")
            return
        try:
            self._client.connect(address.host, address.port, keepalive=self._settings.keepalive_s)
        except ssl.SSLCertVerificationError as error:
            self._end(
                DownReason.TLS, f"{address} shows another certificate than the hub's: {error.verify_message}"
            )
        except ssl.SSLError as error:
            self._end(DownReason.TLS, f"{address}: {error.reason or error}")
        except (OSError, UnicodeError) as error:
            self._end(DownReason.UNREACHABLE, f"{address}: {error}")

    def turn(self, wait_s: float, wake_fd: int, has_room: Callable[[], bool]) -> None:
        """Wait until there is something to do, for at most `wait_s`, and do it.

        Args:
            wait_s: longest wait.
            wake_fd: an eventfd that ends the wait.
            has_room: asked before each packet is read; False leaves what comes in the kernel's buffers,
                which is how the other side is slowed.
        """
        sock = self._client.socket()
        if sock is None or self._socket is None:
            self._end(DownReason.LOST, f"{self._address} closed the connection")
            return
        read = has_room()
        mask = selectors.EVENT_READ if read else 0
        if self._client.want_write() or self._write_wanted:
            mask |= selectors.EVENT_WRITE
        buffered = read and _holds_bytes(sock)
        ready = self._wait(mask, 0.0 if buffered else wait_s, wake_fd)
        try:
            if buffered or ready & selectors.EVENT_READ:
                self._after(self._client.loop_read())
                for _ in range(_PACKETS_A_TURN):
                    if self.fault is not None or not _holds_bytes(sock) or not has_room():
                        break
                    self._after(self._client.loop_read())
            if ready & selectors.EVENT_WRITE and self.fault is None:
                self._write_wanted = False
                self._after(self._client.loop_write())
            if self.fault is None and self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._end(DownReason.SILENT, f"{self._address} does not answer any more")
        except _MALFORMED as error:
            self._end(DownReason.GARBAGE, f"{self._address} sent what is not MQTT ({type(error).__name__})")

    def give_up(self, reason: DownReason, detail: str) -> None:
        """End the connection without a farewell: the broker publishes the will."""
        self._end(reason, detail)

    def say_farewell(self, detail: str) -> None:
        """End the connection with DISCONNECT: the will is not published."""
        if self.fault is None and self._client.socket() is not None:
            self._client.disconnect()
            self._client.loop_write()
        self._end(DownReason.CLOSED, detail)

    def release(self) -> None:
        """Close the socket and what watches it; the connection cannot be used again."""
        self._client.on_socket_close = None
        self._client.on_socket_unregister_write = None
        sock = self._client.socket()
        if sock is not None:
            sock.close()
        if self._tls is not None:
            self._tls.close()
        self._selector.close()

    # ---- what is sent

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """Hand a message to the socket and return its packet identifier."""
        return self._client.publish(topic, payload, qos=1, retain=retain).mid

    def acknowledge(self, mid: int, qos: int) -> None:
        """Confirm a message to the broker."""
        self._client.ack(mid, qos)

    # ---- paho's side

    def _make_client(self, will: Will | None) -> Client:
        settings = self._settings
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{settings.name}-{token_hex(8)}",
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = settings.connect_timeout_s
        client.max_inflight_messages_set(settings.outstanding_max)
        if self._tls is not None:
            client.tls_set_context(self._tls)  # pyright: ignore[reportUnknownMemberType] - no types there
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        client.on_socket_open = lambda _client, _data, sock: self._on_socket_open(sock)
        client.on_socket_close = lambda _client, _data, _sock: self._on_socket_close()
        client.on_socket_register_write = lambda _client, _data, _sock: self._want_write(wanted=True)
        client.on_socket_unregister_write = lambda _client, _data, _sock: self._want_write(wanted=False)
        client.on_log = self._on_log
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        return client

    def _on_socket_open(self, sock: object) -> None:
        if isinstance(sock, socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = sock

    def _on_socket_close(self) -> None:
        self._socket = None
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)

    def _want_write(self, *, wanted: bool) -> None:
        self._write_wanted = wanted

    def _on_log(self, _client: Client, _data: object, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._handshake_log = text

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _props: Properties | None
    ) -> None:
        client.on_log = None
        if code.is_failure:
            self._end(DownReason.REFUSED, f"{self._address} does not admit this machine: {code}")
        elif self._settings.subscriptions:
            qos = self._settings.subscription_qos
            client.subscribe([(topic_filter, qos) for topic_filter in self._settings.subscriptions])
        else:
            self._become_ready()

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, codes: list[ReasonCode], _props: Properties | None
    ) -> None:
        if any(code.is_failure for code in codes):
            self._end(
                DownReason.SUBSCRIPTION_REFUSED,
                f"{self._address} refuses a subscription; check its permissions",
            )
        elif not self.ready:
            self._become_ready()

    def _become_ready(self) -> None:
        self.ready = True
        self._listener.on_ready()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._listener.on_message(
            message.topic, bytes(message.payload), message.mid, message.qos, retained=message.retain
        )

    def _on_publish(
        self, _client: Client, _data: object, mid: int, _code: ReasonCode, _props: Properties | None
    ) -> None:
        self._listener.on_puback(mid)

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _props: Properties | None,
    ) -> None:
        if "SSL" in self._handshake_log:
            self._end(
                DownReason.TLS, f"{self._address} does not accept this machine's certificate; enrol it again"
            )
        elif code == "Keep alive timeout":
            self._end(DownReason.SILENT, f"{self._address} does not answer any more")
        else:
            self._end(DownReason.LOST, f"{self._address} closed the connection")

    # ---- inside

    def _wait(self, mask: int, wait_s: float, wake_fd: int) -> int:
        """Return the events of the socket; the wake descriptor is only listened to."""
        watched = self._selector.get_map()
        if wake_fd not in watched:
            self._selector.register(wake_fd, selectors.EVENT_READ)
        if self._socket is not None:
            self._watch(self._socket, mask)
        ready = 0
        for key, events in self._selector.select(wait_s):
            if key.fileobj is self._socket:
                ready = events
        return ready

    def _watch(self, sock: socket.socket, mask: int) -> None:
        key = self._selector.get_map().get(sock)
        if key is None and mask:
            self._selector.register(sock, mask)
        elif key is not None and not mask:
            self._selector.unregister(sock)
        elif key is not None and key.events != mask:
            self._selector.modify(sock, mask)

    def _after(self, code: MQTTErrorCode) -> None:
        if code not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            self._end(DownReason.LOST, f"{self._address} closed the connection")

    def _end(self, reason: DownReason, detail: str) -> None:
        if self.fault is None:
            self.fault = Fault(reason, detail)


def _holds_bytes(sock: object) -> bool:
    """Tell whether TLS has bytes that the kernel gave it already, which no selector will report."""
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
