"""Every device tries every trick on every other one, with a client that is not ours: the broker says no."""

import socket
import ssl
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from hub.broker.nats import NatsServer
from shared.adapters.mqtt_link import DownReason, LinkDown, LinkUp, Received
from shared.model.event import Stream
from shared.protocol import topics
from shared.protocol.topics import Verb
from tests.support.polling import eventually
from tests.support.town import Inbox, Town


@dataclass(slots=True)
class Intruder:
    """A bare MQTT client with the certificate of an enrolled device, and no manners."""

    client: Client
    connected: list[bool] = field(default_factory=list)
    granted: list[bool] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    dropped: list[bool] = field(default_factory=list)

    @classmethod
    def connect(
        cls, town: Town, certificate: str | None, *, name: str = "", client_id: str = "", will: str = ""
    ) -> "Intruder":
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id or "intruder", reconnect_on_failure=False
        )
        self = cls(client)
        context = ssl.create_default_context(cadata=town.room.authority.pem)
        if certificate is not None:
            context.load_cert_chain(town.folder / f"{certificate}.crt", town.folder / f"{certificate}.key")
        client.tls_set_context(context)
        if name:
            client.username_pw_set(name, "")
        if will:
            client.will_set(will, b"forged", qos=1)
        client.on_connect = lambda _c, _d, _f, code, _p: self.connected.append(not code.is_failure)
        client.on_subscribe = lambda _c, _d, _m, codes, _p: self.granted.append(not codes[0].is_failure)
        client.on_publish = lambda _c, _d, mid, _r, _p: self.confirmed.append(mid)
        client.on_message = lambda _c, _d, message: self.heard.append((message.topic, bytes(message.payload)))
        client.on_disconnect = lambda *_: self.dropped.append(True)
        client.connect("localhost", town.port)
        client.loop_start()
        eventually(lambda: self.connected or self.dropped, what="an answer to CONNECT")
        return self

    def subscribes(self, topic_filter: str) -> bool:
        """Tell whether a subscription is granted."""
        self.granted.clear()
        self.client.subscribe(topic_filter, 1)
        eventually(lambda: self.granted or self.dropped, what=f"an answer to {topic_filter}")
        return any(self.granted)

    def close(self) -> None:
        """Break the connection without a farewell, so that a will is due."""
        sock = self.client.socket()
        if isinstance(sock, socket.socket):
            sock.shutdown(socket.SHUT_RDWR)
        self.client.loop_stop()


@pytest.fixture
def hub(town: Town) -> Inbox:
    """A hub that listens to everything, and confirms it."""
    _, inbox = town.link("hub")
    inbox.next(LinkUp)
    return inbox


@pytest.fixture
def intruder(town: Town) -> Generator[Intruder]:
    intruder = Intruder.connect(town, "kiosk-1")
    yield intruder
    intruder.close()


def last_word(town: Town, hub: Inbox) -> list[tuple[str, bytes]]:
    """Return what the hub received before a last honest message of another device."""
    device, inbox = town.link("kiosk-2")
    inbox.next(LinkUp)
    device.publish(topics.up("kiosk-2", Verb.RESULT), b"last word\n")
    heard = list[tuple[str, bytes]]()
    while (received := hub.next(Received)).payload != b"last word\n":
        heard.append((received.topic, received.payload))
    return heard


CONNECTIONS, EACH = 180, 6
"""More subscriptions of QoS 1 than the 1,000 that NATS keeps by itself; more than six are refused to each."""

FORGED = [
    topics.up("kiosk-2", Stream.PAYMENTS),
    topics.up("kiosk-2", Verb.BIRTH),
    topics.up("kiosk-2", Verb.REPORTED),
    "vt/1/kiosk-2/up",
    "vt/1/hub/up/birth",
    topics.ack("kiosk-2"),
    topics.ack("kiosk-1"),
    topics.desired("kiosk-1"),
    topics.HUB_STATE,
    "$MQTT/msgs/vt/1/kiosk-2/up/payments",
    "$MQTT/rmsgs/vt/1/hub/state",
    "$MQTT/deliver/pubrel/x",
    "$JS/API/STREAM/DELETE/$MQTT_msgs",
    "$SYS/REQ/SERVER/PING",
    "_INBOX/x",
]


@pytest.mark.sentence("T-2")
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_publish_as_another_never_reaches_anyone(
    town: Town, hub: Inbox, intruder: Intruder, qos: int
) -> None:
    device, at_device = town.link("kiosk-2")
    at_device.next(LinkUp)
    for topic in FORGED:
        intruder.client.publish(topic, b"forged", qos=qos)
        intruder.client.publish(topic, b"forged", qos=qos, retain=True)
    own = intruder.client.publish(topics.up("kiosk-1", Stream.CASES), b"own\n", qos=1)
    eventually(lambda: own.mid in intruder.confirmed)
    assert last_word(town, hub) == [(topics.up("kiosk-1", Stream.CASES), b"own\n")]
    assert not any(isinstance(event, Received) for event in at_device.rest())
    device.close()
    _, later = town.link("kiosk-2")
    later.next(LinkUp)
    _, second_hub = town.link("hub")
    second_hub.next(LinkUp)
    assert last_word(town, second_hub) == []
    assert not any(isinstance(event, Received) for event in later.rest())


@pytest.mark.sentence("T-2")
@pytest.mark.parametrize(
    "topic_filter",
    [
        topics.down_filter("kiosk-2"),
        topics.ack("kiosk-2"),
        topics.down_filter("+"),
        topics.up("kiosk-2", Stream.PAYMENTS),
        topics.up("kiosk-1", Stream.PAYMENTS),
        topics.UP_FILTER,
        "#",
        "+/+/+/+/+",
        "vt/#",
        "vt/1/hub/#",
        "$MQTT/#",
        "$MQTT/msgs/#",
        "$MQTT/sub/#",
        "$JS/API/#",
        "$JS/ACK/#",
        "$SYS/#",
        "_INBOX/#",
        "$share/g/vt/1/+/up/#",
    ],
)
def test_subscribe_beyond_its_own_is_refused(
    town: Town, hub: Inbox, intruder: Intruder, topic_filter: str
) -> None:
    """`$share/…` may be granted as a literal name that nobody publishes on: what counts is what is heard."""
    granted = intruder.subscribes(topic_filter)
    assert not granted or topic_filter.startswith("$share")
    last_word(town, hub)
    assert intruder.heard == []


@pytest.mark.sentence("T-2")
def test_subscribe_to_its_own_and_the_state_is_granted(town: Town, intruder: Intruder) -> None:
    hub, inbox = town.link("hub")
    inbox.next(LinkUp)
    assert intruder.subscribes(topics.down_filter("kiosk-1"))
    assert intruder.subscribes(topics.HUB_STATE)
    hub.publish(topics.HUB_STATE, b"{}\n", retain=True)
    hub.publish(topics.ack("kiosk-2"), b"for two\n")
    hub.publish(topics.ack("kiosk-1"), b"for one\n")
    eventually(lambda: len(intruder.heard) == 2)
    assert sorted(intruder.heard) == [(topics.HUB_STATE, b"{}\n"), (topics.ack("kiosk-1"), b"for one\n")]


def test_device_that_subscribes_without_end_leaves_the_hub_its_own(town: Town) -> None:
    """NATS limits what it keeps for subscriptions of QoS 1, for all together: no device may use it up."""
    intruders = [Intruder.connect(town, "kiosk-1", client_id=f"intruder-{n}") for n in range(CONNECTIONS)]
    for intruder in intruders:
        intruder.client.subscribe([(f"{topics.ack('kiosk-1')}/{n}", 1) for n in range(EACH)])
    eventually(lambda: all(intruder.granted or intruder.dropped for intruder in intruders), timeout_s=60)
    _, inbox = town.link("hub")
    inbox.next(LinkUp)
    for intruder in intruders:
        intruder.close()


def test_space_in_a_topic_costs_the_connection_and_nothing_else(
    town: Town, hub: Inbox, intruder: Intruder
) -> None:
    intruder.client.publish("vt/1/kiosk-1/up/payments vt/1/kiosk-2/up/payments", b"forged", qos=1)
    eventually(lambda: intruder.dropped)
    assert last_word(town, hub) == []


def test_will_on_anothers_topic_is_never_published(town: Town, hub: Inbox) -> None:
    intruder = Intruder.connect(town, "kiosk-1", will=topics.up("kiosk-2", Verb.DEATH))
    intruder.close()
    assert last_word(town, hub) == []


def test_name_of_another_in_connect_changes_nothing(town: Town, hub: Inbox) -> None:
    as_hub = town.users()[0].name
    intruder = Intruder.connect(town, "kiosk-1", name=as_hub)
    if any(intruder.connected):
        assert not intruder.subscribes(topics.UP_FILTER)
        intruder.client.publish(topics.ack("kiosk-2"), b"forged", qos=1)
    assert last_word(town, hub) == []
    intruder.close()


def test_client_id_of_another_takes_nobody_off_the_line(town: Town) -> None:
    """Brokers drop the elder of two equal client ids; so ours can not be guessed."""
    device, inbox = town.link("kiosk-2")
    inbox.next(LinkUp)
    hub, at_hub = town.link("hub")
    at_hub.next(LinkUp)
    intruders = [Intruder.connect(town, "kiosk-1", client_id=guess) for guess in ("kiosk-2", "hub")]
    device.publish(topics.up("kiosk-2", Stream.CASES), b"still here\n")
    hub.acknowledge(at_hub.next(Received))
    assert not any(isinstance(event, LinkDown) for event in (*inbox.rest(), *at_hub.rest()))
    for intruder in intruders:
        intruder.close()


def test_no_certificate_is_refused(town: Town) -> None:
    intruder = Intruder.connect(town, None)
    assert intruder.connected == []
    intruder.close()


def test_certificate_of_the_authority_that_is_not_listed_is_refused(town: Town) -> None:
    """Certified once, by a hub that was put back from a backup since: the registry does not know it."""
    town.certify("ghost", ec.generate_private_key(ec.SECP256R1()))
    _, inbox = town.link("ghost")
    assert inbox.next(LinkDown).reason is DownReason.REFUSED


def test_earlier_certificate_of_a_device_is_refused(town: Town) -> None:
    earlier = town.settings("kiosk-1")
    town.enrol("kiosk-1")
    town.broker.reload()
    _, inbox = town.link_with(earlier)
    assert inbox.next(LinkDown).reason is DownReason.REFUSED
    _, now = town.link("kiosk-1")
    now.next(LinkUp)


def test_reload_admits_a_new_device_at_once_and_drops_nobody(town: Town) -> None:
    device, inbox = town.link("kiosk-2")
    inbox.next(LinkUp)
    town.enrol("kiosk-3")
    began = time.monotonic()
    town.broker.reload()
    took_s = time.monotonic() - began
    _, new = town.link("kiosk-3")
    assert isinstance(new.events.get(timeout=5), LinkUp)
    device.publish(topics.up("kiosk-2", Stream.CASES), b"x\n")
    assert not any(isinstance(event, LinkDown) for event in inbox.rest())
    assert took_s < 1, "measured at about 15 ms"


def test_revoked_device_is_off_the_line_at_once_and_stays_off(town: Town) -> None:
    _, inbox = town.link("kiosk-1")
    inbox.next(LinkUp)
    _, other = town.link("kiosk-2")
    other.next(LinkUp)
    town.room.registry.revoke("kiosk-1", "stolen")
    began = time.monotonic()
    town.broker.reload()
    inbox.next(LinkDown)
    assert time.monotonic() - began < 1
    assert inbox.next(LinkDown).reason is DownReason.REFUSED
    assert not any(isinstance(event, LinkDown) for event in other.rest())


def test_own_protocol_of_nats_wants_a_certificate_and_is_on_loopback_only(town: Town) -> None:
    """The port beside MQTT: a client that names the hub's user without a certificate gets nowhere."""
    port = nats_port(town.broker)
    name = town.users()[0].name.encode()
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        answer = plain.recv(4096)
        assert b'"tls_required":true' in answer
        plain.sendall(b'CONNECT {"user":"%s","pass":""}\r\nSUB vt.1.*.up.> 1\r\nPING\r\n' % name)
        answer = heard_to_the_end(plain)
    assert b"PONG" not in answer
    log = (town.folder / "broker" / "nats.log").read_text()
    assert f"Listening for client connections on 127.0.0.1:{port}" in log


def heard_to_the_end(plain: socket.socket) -> bytes:
    """Read until the other side closes."""
    heard = b""
    try:
        while chunk := plain.recv(4096):
            heard += chunk
    except ConnectionError:
        pass
    return heard


def nats_port(broker: NatsServer) -> int:
    """Read the port of NATS's own protocol where the broker writes it."""
    ports = next(broker.settings.folder.glob("nats-server_*.ports")).read_text()
    return int(ports.split('"nats"')[1].split(":")[3].split('"')[0])
