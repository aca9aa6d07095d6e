"""The link and a broker that lies, floods, falls silent or sends what is not MQTT: it costs time, no more."""

import ssl
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from hub.keys.authority import SERVER_CERTIFICATE, SERVER_KEY
from shared.adapters.mqtt_link import Address, DownReason, LinkDown, LinkUp, Published, Received
from shared.model.event import Stream
from shared.protocol import topics
from tests.support import mqtt_packets as mqtt
from tests.support.rogue_broker import RogueBroker, accept_session
from tests.support.town import Town

PAYMENTS = topics.up("kiosk-1", Stream.PAYMENTS)
Rogue = Callable[[Callable[[ssl.SSLSocket], None]], RogueBroker]


@pytest.fixture
def rogue(tmp_path: Path) -> Generator[tuple[Town, Rogue]]:
    """A town without a broker, and a maker of rogue ones."""
    town = Town(tmp_path, devices=("kiosk-1",))
    made = list[RogueBroker]()

    def make(script: Callable[[ssl.SSLSocket], None]) -> RogueBroker:
        made.append(RogueBroker(town.keys / SERVER_CERTIFICATE, town.keys / SERVER_KEY, script))
        return made[-1]

    yield town, make
    town.close()
    for broker in made:
        broker.close()


def at(port: int) -> tuple[Address, ...]:
    return (Address(host="127.0.0.1", port=port),)


def test_rogue_broker_without_connack_is_left(rogue: tuple[Town, Rogue]) -> None:
    town, make = rogue

    def script(connection: ssl.SSLSocket) -> None:
        mqtt.receive_packet(connection)
        connection.recv(1)

    broker = make(script)
    _, inbox = town.link("kiosk-1", addresses=at(broker.port), connect_timeout_s=0.3)
    assert inbox.next(LinkDown, timeout_s=5).reason is DownReason.SILENT


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x00",
        b"\xf0\xff\xff\xff\xff\x7f",
        b"\x30\x03\x00\xff\xff",
        b"\x30\x04\x00\x02\xff\xfe",
        b"\x40\x00",
        b"\x40\x01\x00",
        b"\x90\x00",
        b"\x36\x05\x00\x01a\x00\x01",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
def test_rogue_broker_that_sends_garbage_costs_a_connection_and_no_more(
    rogue: tuple[Town, Rogue], garbage: bytes
) -> None:
    town, make = rogue

    def script(connection: ssl.SSLSocket) -> None:
        accept_session(connection)
        if broker.served == 0:
            connection.sendall(garbage)
            return
        connection.sendall(mqtt.Publish("vt/1/kiosk-1/down/ack", b"sound\n").packet())
        mqtt.receive_packet(connection)

    broker = make(script)
    _, inbox = town.link("kiosk-1", addresses=at(broker.port))
    inbox.next(LinkDown)
    while (received := inbox.next(Received)).payload != b"sound\n":
        pass
    assert received.topic == "vt/1/kiosk-1/down/ack"


def test_rogue_broker_that_floods_before_the_subscription_is_bounded(rogue: tuple[Town, Rogue]) -> None:
    town, make = rogue

    def script(connection: ssl.SSLSocket) -> None:
        mqtt.receive_packet(connection)
        connection.sendall(mqtt.connack())
        mqtt.receive_packet(connection)
        flood = mqtt.Publish("vt/1/kiosk-1/down/ack", bytes(1000)).packet() * 100
        for _ in range(10_000):
            connection.sendall(flood)

    broker = make(script)
    _, inbox = town.link("kiosk-1", addresses=at(broker.port), connect_timeout_s=0.5, received_max=50)
    assert inbox.next(LinkDown, timeout_s=8).reason is DownReason.SILENT
    assert not any(isinstance(event, Received) for event in inbox.rest())


def test_rogue_broker_that_confirms_what_was_never_sent_confirms_nothing(rogue: tuple[Town, Rogue]) -> None:
    town, make = rogue

    def script(connection: ssl.SSLSocket) -> None:
        accept_session(connection)
        connection.sendall(mqtt.puback(9) * 3)
        head, body = mqtt.receive_packet(connection)
        assert head >> 4 == mqtt.Kind.PUBLISH
        mid = mqtt.Publish.parse(head, body).mid
        connection.sendall(mqtt.puback(mid) * 2)
        mqtt.receive_packet(connection)

    broker = make(script)
    link, inbox = town.link("kiosk-1", addresses=at(broker.port))
    inbox.next(LinkUp)
    handle = link.publish(PAYMENTS, b"x\n")
    assert inbox.next(Published).handle == handle
    link.close()
    assert [type(event) for event in inbox.rest()] == [LinkDown]
