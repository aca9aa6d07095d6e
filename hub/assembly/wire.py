"""From settings and keys to the wire: the broker, who may speak on it, the hub's own link, its ports."""

import socket
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from hub.broker.nats import BrokerDown, BrokerEvent, NatsServer
from hub.broker.permissions import LOOPBACK, BrokerSettings, BrokerUser
from hub.config import HubConfig
from hub.ingest.state_hint import state_hint
from hub.keys.authority import HUB_CERTIFICATE, HUB_KEY, certificate_uri, paths_of_server
from hub.keys.room import KeyRoom
from shared.adapters.mqtt_link import Address, LinkEvent, LinkSettings, MqttLink, Will
from shared.adapters.tls import client_context
from shared.model.errors import DeviceError
from shared.protocol import limits, topics

PUBLISHES_OUTSTANDING_MAX: Final = 4_000
"""Answers that may wait for the broker: every device of a group, several groups over."""
EMBEDDED: Final = "embedded"

log = structlog.get_logger(__name__)


class PortTakenError(DeviceError):
    """The hub cannot listen there; stop who has the port, or change api_host, api_port or broker_port."""


def make_broker(config: HubConfig, room: KeyRoom, port: int) -> NatsServer | None:
    """Make the embedded broker; None where a city runs its own.

    Raises:
        BrokerError: there is no NATS server on this machine.
    """
    if config.broker != EMBEDDED:
        return None
    certificate, key, authority = paths_of_server(config.keys_dir)
    settings = BrokerSettings(
        host=config.broker_host,
        port=port,
        folder=config.broker_dir,
        certificate=certificate,
        key=key,
        authority=authority,
        own_certificate=config.keys_dir / HUB_CERTIFICATE,
        own_key=config.keys_dir / HUB_KEY,
        binary=config.broker_binary,
    )
    return NatsServer(settings, lambda: broker_users(room), _tell)


def broker_users(room: KeyRoom) -> Sequence[BrokerUser]:
    """Return every certificate that may connect: the hub's, and those of devices that are in force."""
    devices = (
        BrokerUser(name=certificate_uri(device.id, certificate.serial), device=device.id)
        for device in room.registry.devices()
        for certificate in device.certificates
    )
    return (BrokerUser(name=certificate_uri("hub", room.own_serial), device=None), *devices)


def make_link(
    config: HubConfig,
    port: int,
    deliver: Callable[[LinkEvent], None],
    *,
    incarnation: Callable[[], int],
    clock: Callable[[], int],
) -> MqttLink:
    """Make the hub's link; it does not dial yet.

    Args:
        config: the settings.
        port: of the embedded broker.
        deliver: takes what happens on the link.
        incarnation: this life of the hub, for the last will.
        clock: the hub's time, Unix epoch in milliseconds.
    """
    own = (Address(host=LOOPBACK.get(config.broker_host, config.broker_host), port=port),)
    settings = LinkSettings(
        name="hub",
        addresses=own
        if config.broker == EMBEDDED
        else tuple(_address(text) for text in config.broker_addresses),
        tls=client_context(
            ca_pem=paths_of_server(config.keys_dir)[2].read_text(),
            certificate=config.keys_dir / HUB_CERTIFICATE,
            key=config.keys_dir / HUB_KEY,
        ),
        subscriptions=(topics.UP_FILTER, topics.HUB_STATE),
        subscription_qos=1,
        outstanding_max=PUBLISHES_OUTSTANDING_MAX,
        # The worker bounds what waits, and drops; the link's own bound lies above it.
        received_max=limits.INBOX_MESSAGES_MAX + limits.GROUP_MESSAGES_MAX,
        received_bytes_max=2 * limits.INBOX_BYTES_MAX,
    )

    def will(_session: int) -> Will:
        payload = state_hint(incarnation(), clock(), on=False)
        return Will(topic=topics.HUB_STATE, payload=payload, retain=True)

    return MqttLink(settings, deliver, will=will)


def listen(host: str, port: int) -> socket.socket:
    """Take a port, 0 for a free one, before anybody is told of it.

    Its connections hold no piece of an answer back until the one before was acknowledged.

    Raises:
        PortTakenError: somebody else has it, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise PortTakenError(f"{PortTakenError.__doc__} ({host}:{port}: {error.strerror})") from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def free_port(host: str) -> int:
    """Find a port that nobody listens on."""
    with listen(host, 0) as probe:
        return int(probe.getsockname()[1])


def _tell(event: BrokerEvent) -> None:
    if isinstance(event, BrokerDown):
        log.error("broker_down", retry_ms=event.retry_ms)
    else:
        log.info("broker_up", pid=event.pid)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host=host.strip("[]"), port=int(port))
