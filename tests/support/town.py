"""A town in a folder: real keys, a real broker on a free port, and devices that are enrolled.

Everything is made when the test runs; no key lies in the repository.
"""

import queue
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub.broker.nats import BrokerEvent, NatsServer
from hub.broker.permissions import BrokerSettings, BrokerUser
from hub.keys.authority import (
    CA_CERTIFICATE,
    HUB_CERTIFICATE,
    HUB_KEY,
    SERVER_CERTIFICATE,
    SERVER_KEY,
    certificate_uri,
)
from hub.keys.records import DeviceEnrolled
from hub.keys.room import KeyRoom, set_up
from shared.adapters.mqtt_link import Address, LinkEvent, LinkSettings, MqttLink, Will
from shared.adapters.ports import own_ports
from shared.adapters.tls import client_context
from shared.protocol import keys, topics

E = TypeVar("E", bound=LinkEvent)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def free_port() -> int:
    return own_ports(1)[0]


def make_request(key: ec.EllipticCurvePrivateKey, name: str = "anybody") -> str:
    """A certification request for a key, under any name."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )


@dataclass(slots=True, kw_only=True)
class Inbox:
    """The events of a link, read in order."""

    events: "queue.SimpleQueue[LinkEvent]" = field(default_factory=queue.SimpleQueue)

    def next(self, kind: type[E], *, timeout_s: float = 30.0) -> E:
        """Return the next event of a kind; others before it are dropped."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                event = self.events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {kind.__name__} within {timeout_s} s") from None
            if isinstance(event, kind):
                return event

    def rest(self) -> list[LinkEvent]:
        """Return what has come and was not read."""
        found = list[LinkEvent]()
        while not self.events.empty():
            found.append(self.events.get())
        return found


class Town:
    """Keys and a broker in one folder, and links to it.

    Args:
        folder: an empty folder of the test.
        devices: who is enrolled from the beginning.
    """

    def __init__(self, folder: Path, devices: Iterable[str] = ()) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        self.port = free_port()
        self.broker_events: list[BrokerEvent] = []
        set_up(self.keys, folder / "copy", names=(), now_ms=now_ms())
        self.room = KeyRoom.open(self.keys, folder / "copy", clock=now_ms)
        for device in devices:
            self.enrol(device)
        self.broker = self.make_broker()
        self._links: list[MqttLink] = []

    def make_broker(
        self,
        *,
        users: Callable[[], list[BrokerUser]] | None = None,
        probe_every_s: float = 5.0,
        probe_timeout_s: float = 5.0,
    ) -> NatsServer:
        """Make the broker; it admits everyone who is enrolled, or whom a test names."""
        settings = BrokerSettings(
            host="127.0.0.1",
            port=self.port,
            folder=self.folder / "broker",
            certificate=self.keys / SERVER_CERTIFICATE,
            key=self.keys / SERVER_KEY,
            authority=self.keys / CA_CERTIFICATE,
            own_certificate=self.keys / HUB_CERTIFICATE,
            own_key=self.keys / HUB_KEY,
            probe_every_s=probe_every_s,
            probe_timeout_s=probe_timeout_s,
        )
        return NatsServer(settings, users or self.users, self.broker_events.append)

    def users(self) -> list[BrokerUser]:
        hub = BrokerUser(name=certificate_uri("hub", self.room.own_serial), device=None)
        return [
            hub,
            *(
                BrokerUser(name=certificate_uri(device.id, certificate.serial), device=device.id)
                for device in self.room.registry.devices()
                for certificate in device.certificates
            ),
        ]

    def enrol(self, device: str, kind: str = "kiosk") -> None:
        """Enrol a device the short way; its certificate lies in the folder under its name."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self.certify(device, key)
        link = keys.derive(token_bytes(keys.SECRET_BYTES))
        self.room.registry.record(
            DeviceEnrolled(
                token_hash="",
                request_hash="",
                device=device,
                kind=kind,
                site="plaza",
                k_up=link.up.key.hex(),
                k_down=link.down.key.hex(),
                signing=Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex(),
                serial=issued,
                expires_ms=now_ms() + 86_400_000,
                certificate="",
            )
        )

    def certify(self, device: str, key: ec.EllipticCurvePrivateKey) -> str:
        """Issue a certificate and write it down as files; return its serial."""
        issued = self.room.authority.issue_device(device, make_request(key), now_ms())
        (self.folder / f"{device}.crt").write_text(issued.pem)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / f"{device}.key").write_bytes(pem)
        return issued.serial

    def tls(self, name: str | None) -> ssl.SSLContext:
        """Return a context that shows the certificate of a device, of the hub, or none."""
        ca_pem = (self.keys / CA_CERTIFICATE).read_text()
        match name:
            case None:
                return client_context(ca_pem=ca_pem)
            case "hub":
                return client_context(
                    ca_pem=ca_pem, certificate=self.keys / HUB_CERTIFICATE, key=self.keys / HUB_KEY
                )
            case device:
                certificate, key = self.folder / f"{device}.crt", self.folder / f"{device}.key"
                return client_context(ca_pem=ca_pem, certificate=certificate, key=key)

    def settings(self, name: str, **changes: object) -> LinkSettings:
        """Return a link's settings as hub or device would have them, with short waits."""
        subscriptions = (topics.UP_FILTER,) if name == "hub" else (topics.down_filter(name), topics.HUB_STATE)
        values: dict[str, object] = {
            "name": name,
            "addresses": (Address(host="127.0.0.1", port=self.port),),
            "tls": self.tls(name),
            "subscriptions": subscriptions,
            "subscription_qos": int(name == "hub"),
            "backoff_first_ms": 50,
            "backoff_max_ms": 200,
            "connect_timeout_s": 5.0,
            **changes,
        }
        return LinkSettings(**values)  # pyright: ignore[reportArgumentType] - by name

    def link(self, name: str, **changes: object) -> tuple[MqttLink, Inbox]:
        """Start a link; `close` ends it."""
        return self.link_with(self.settings(name, **changes))

    def link_with(
        self, settings: LinkSettings, *, will: Callable[[int], Will | None] | None = None
    ) -> tuple[MqttLink, Inbox]:
        inbox = Inbox()
        link = MqttLink(settings, inbox.events.put, will=will)
        self._links.append(link)
        link.start()
        return link, inbox

    def close(self) -> None:
        for link in self._links:
            link.close()
        self.broker.stop()
        self.room.close()
