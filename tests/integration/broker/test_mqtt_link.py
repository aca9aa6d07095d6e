"""The link on a real broker, through a bad network where that is the point."""

import os
import signal
import socket
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.broker.nats import BrokerDown, BrokerUp
from shared.adapters.mqtt_link import (
    Address,
    DownReason,
    LinkDown,
    LinkDownError,
    LinkFullError,
    LinkUp,
    MqttLink,
    Published,
    Received,
    Will,
)
from shared.model.errors import CapacityError, InputError
from shared.model.event import Stream
from shared.protocol import topics
from shared.protocol.topics import Verb
from tests.support.polling import eventually
from tests.support.proxy import Proxy
from tests.support.town import Inbox, Town, free_port

PAYMENTS = topics.up("kiosk-1", Stream.PAYMENTS)


@pytest.fixture
def proxy(town: Town) -> Generator[Proxy]:
    proxy = Proxy(town.port)
    yield proxy
    proxy.close()


def at(port: int) -> tuple[Address, ...]:
    return (Address(host="127.0.0.1", port=port),)


def test_publish_device_to_hub_arrives_and_is_confirmed(town: Town) -> None:
    hub, at_hub = town.link("hub")
    at_hub.next(LinkUp)
    device, at_device = town.link("kiosk-1")
    at_device.next(LinkUp)
    handle = device.publish(PAYMENTS, b"frame\n")
    assert at_device.next(Published).handle == handle
    received = at_hub.next(Received)
    assert (received.topic, received.payload, received.retained) == (PAYMENTS, b"frame\n", False)
    hub.acknowledge(received)


def test_publish_while_down_is_refused_and_never_sent_later(town: Town) -> None:
    _, at_hub = town.link("hub")
    at_hub.next(LinkUp)
    device, at_device = town.link("kiosk-1", addresses=at(free_port()))
    at_device.next(LinkDown)
    with pytest.raises(LinkDownError, match="next LinkUp"):
        device.publish(PAYMENTS, b"frame\n")
    again, at_again = town.link("kiosk-1")
    at_again.next(LinkUp)
    again.publish(PAYMENTS, b"later\n")
    assert at_hub.next(Received).payload == b"later\n"


@pytest.mark.parametrize("topic", ["", "vt/1/kiosk-1/up/+", "vt/1/kiosk-1/up/#"])
def test_publish_on_a_filter_is_refused(town: Town, topic: str) -> None:
    device, inbox = town.link("kiosk-1")
    inbox.next(LinkUp)
    with pytest.raises(InputError):
        device.publish(topic, b"x\n")


def test_publish_larger_than_any_message_is_refused(town: Town) -> None:
    device, inbox = town.link("kiosk-1")
    inbox.next(LinkUp)
    with pytest.raises(CapacityError):
        device.publish(PAYMENTS, bytes(200_000))


def test_largest_message_passes_the_broker(town: Town) -> None:
    hub, at_hub = town.link("hub")
    at_hub.next(LinkUp)
    device, at_device = town.link("kiosk-1")
    at_device.next(LinkUp)
    device.publish(topics.up("kiosk-1", Verb.BIRTH), bytes(129 * 1024))
    received = at_hub.next(Received)
    assert len(received.payload) == 129 * 1024
    hub.acknowledge(received)


def test_link_has_no_delay_on_small_packets(town: Town) -> None:
    """Asked of the kernel: every socket of this process that leads to the broker has TCP_NODELAY set."""
    _, inbox = town.link("kiosk-1")
    inbox.next(LinkUp)
    found = list[int]()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            sock = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:
            continue
        with sock:
            if sock.family == socket.AF_INET and _leads_to(sock, town.port):
                found.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    assert found == [1]


def _leads_to(sock: socket.socket, port: int) -> bool:
    try:
        return sock.getpeername()[1] == port
    except OSError:
        return False


def test_broker_killed_link_comes_back_and_unconfirmed_publishes_are_unknown(town: Town) -> None:
    device, inbox = town.link("kiosk-1")
    first = inbox.next(LinkUp)
    pid = town.broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    down = inbox.next(LinkDown)
    assert (down.session, down.reason) == (first.session, DownReason.LOST)
    second = inbox.next(LinkUp)
    assert second.session > first.session
    handle = device.publish(PAYMENTS, b"again\n")
    assert inbox.next(Published).handle == handle
    eventually(lambda: len(town.broker_events) == 3, what="the supervisor's word")
    assert [type(event) for event in town.broker_events] == [BrokerUp, BrokerDown, BrokerUp]


def test_connection_cut_with_publishes_in_flight_gives_no_confirmation_of_them(
    town: Town, proxy: Proxy
) -> None:
    device, inbox = town.link("kiosk-1", addresses=at(proxy.port))
    inbox.next(LinkUp)
    proxy.freeze(up=True)
    handles = [device.publish(PAYMENTS, b"%d\n" % n) for n in range(10)]
    proxy.cut()
    inbox.next(LinkDown)
    proxy.freeze()
    inbox.next(LinkUp)
    later = device.publish(PAYMENTS, b"later\n")
    assert inbox.next(Published).handle == later
    assert later not in handles
    assert inbox.rest() == []


def test_puback_swallowed_link_leaves_in_bounded_time_and_dials_again(town: Town, proxy: Proxy) -> None:
    device, inbox = town.link("kiosk-1", addresses=at(proxy.port), puback_timeout_ms=400)
    inbox.next(LinkUp)
    proxy.freeze(down=True)
    began = time.monotonic()
    device.publish(PAYMENTS, b"frame\n")
    down = inbox.next(LinkDown, timeout_s=5)
    assert down.reason is DownReason.SILENT
    assert 0.4 <= time.monotonic() - began < 3
    proxy.freeze()
    inbox.next(LinkUp)


def test_silent_broker_is_left_after_the_keep_alive(town: Town, proxy: Proxy) -> None:
    _, inbox = town.link("kiosk-1", addresses=at(proxy.port), keepalive_s=1)
    inbox.next(LinkUp)
    proxy.freeze(down=True)
    assert inbox.next(LinkDown, timeout_s=8).reason is DownReason.SILENT


def test_publishes_outstanding_are_bounded_and_flow_again(town: Town, proxy: Proxy) -> None:
    device, inbox = town.link("kiosk-1", addresses=at(proxy.port), outstanding_max=5)
    inbox.next(LinkUp)
    proxy.freeze(down=True)
    for _ in range(5):
        device.publish(PAYMENTS, b"x\n")
    with pytest.raises(LinkFullError):
        device.publish(PAYMENTS, b"x\n")
    proxy.freeze()
    for _ in range(5):
        inbox.next(Published)
    device.publish(PAYMENTS, b"x\n")


def test_message_storm_is_bounded_by_what_the_owner_holds(town: Town) -> None:
    hub, at_hub = town.link("hub", received_max=20)
    at_hub.next(LinkUp)
    device, at_device = town.link("kiosk-1", outstanding_max=500)
    at_device.next(LinkUp)
    for n in range(500):
        device.publish(PAYMENTS, b"%d\n" % n)
    for _ in range(500):
        at_device.next(Published)
    first = at_hub.next(Received)
    held = [first, *(at_hub.next(Received) for _ in range(19))]
    assert [e for e in at_hub.rest() if isinstance(e, Received)] == []
    payloads = list[bytes]()
    while held:
        received = held.pop(0)
        payloads.append(received.payload)
        hub.acknowledge(received)
        if len(payloads) + len(held) < 500:
            held.append(at_hub.next(Received))
    assert payloads == [b"%d\n" % n for n in range(500)]


def test_message_storm_of_large_messages_is_bounded_in_bytes(town: Town) -> None:
    hub, at_hub = town.link("hub", received_bytes_max=300_000)
    at_hub.next(LinkUp)
    device, at_device = town.link("kiosk-1")
    at_device.next(LinkUp)
    for _ in range(20):
        device.publish(PAYMENTS, bytes(60_000))
    for _ in range(20):
        at_device.next(Published)
    held = [at_hub.next(Received) for _ in range(5)]
    assert [e for e in at_hub.rest() if isinstance(e, Received)] == []
    for received in held:
        hub.acknowledge(received)
    for _ in range(5):
        at_hub.next(Received)


def test_owner_that_stops_for_longer_than_the_puback_timeout_is_no_fault_of_the_broker(town: Town) -> None:
    hub, at_hub = town.link("hub", received_max=1, puback_timeout_ms=300)
    at_hub.next(LinkUp)
    device, at_device = town.link("kiosk-1")
    at_device.next(LinkUp)
    device.publish(PAYMENTS, b"x\n")
    held = at_hub.next(Received)
    handle = hub.publish(topics.ack("kiosk-1"), b"ack\n")
    began = time.monotonic()
    eventually(lambda: time.monotonic() - began > 0.8)
    hub.acknowledge(held)
    assert at_hub.next(Published).handle == handle


def test_acknowledge_of_an_earlier_connection_is_ignored(town: Town, proxy: Proxy) -> None:
    hub, at_hub = town.link("hub", addresses=at(proxy.port))
    at_hub.next(LinkUp)
    device, at_device = town.link("kiosk-1")
    at_device.next(LinkUp)
    device.publish(PAYMENTS, b"one\n")
    old = at_hub.next(Received)
    proxy.cut()
    at_hub.next(LinkUp)
    hub.acknowledge(old)
    device.publish(PAYMENTS, b"two\n")
    assert at_hub.next(Received).payload == b"two\n"


def test_subscription_refused_is_an_error(town: Town) -> None:
    _, inbox = town.link("kiosk-1", subscriptions=(topics.down_filter("kiosk-2"),))
    down = inbox.next(LinkDown)
    assert down.reason is DownReason.SUBSCRIPTION_REFUSED
    assert not any(isinstance(event, LinkUp) for event in inbox.rest())


def test_will_is_published_when_the_connection_is_cut_and_not_after_a_farewell(
    town: Town, proxy: Proxy
) -> None:
    hub, at_hub = town.link("hub")
    at_hub.next(LinkUp)
    death = topics.up("kiosk-1", Verb.DEATH)
    settings = replace(town.settings("kiosk-1"), addresses=at(proxy.port))
    link, inbox = town.link_with(settings, will=lambda n: Will(topic=death, payload=b"session %d\n" % n))
    inbox.next(LinkUp)
    proxy.cut()
    received = at_hub.next(Received)
    assert (received.topic, received.payload) == (death, b"session 1\n")
    hub.acknowledge(received)
    inbox.next(LinkUp)
    link.close()
    assert inbox.next(LinkDown).reason is DownReason.CLOSED
    device, at_device = town.link("kiosk-1")
    at_device.next(LinkUp)
    device.publish(PAYMENTS, b"after\n")
    assert at_hub.next(Received).payload == b"after\n"


def test_addresses_are_dialled_in_turn(town: Town) -> None:
    _, inbox = town.link("kiosk-1", addresses=(*at(free_port()), *at(town.port)))
    assert inbox.next(LinkDown).reason is DownReason.UNREACHABLE
    assert inbox.next(LinkUp).address.port == town.port


def test_redial_makes_a_new_connection(town: Town) -> None:
    device, inbox = town.link("kiosk-1")
    first = inbox.next(LinkUp)
    device.redial("no answer to three births")
    down = inbox.next(LinkDown)
    assert (down.reason, down.detail) == (DownReason.REDIALLED, "no answer to three births")
    assert inbox.next(LinkUp).session == first.session + 1


def test_waits_between_attempts_are_drawn_at_random_below_a_rising_ceiling(town: Town) -> None:
    settings = town.settings("kiosk-1", addresses=at(free_port()), backoff_first_ms=8, backoff_max_ms=64)
    inbox = Inbox()
    link = MqttLink(settings, inbox.events.put, draw=lambda: 0.999)
    link.start()
    waits = [inbox.next(LinkDown).retry_ms for _ in range(6)]
    link.close()
    assert waits == [7, 15, 31, 63, 63, 63]


@pytest.mark.sentence("T-5")
def test_plain_link_beyond_loopback_is_refused(town: Town) -> None:
    _, inbox = town.link("kiosk-1", tls=None, addresses=(Address(host="192.0.2.1", port=1883),))
    down = inbox.next(LinkDown)
    assert down.reason is DownReason.TLS
    assert "enrol" in down.detail


def test_broker_of_another_authority_is_not_spoken_to(town: Town, tmp_path: Path) -> None:
    stranger = Town(tmp_path / "stranger")
    stranger.broker.start()
    _, inbox = town.link("kiosk-1", addresses=at(stranger.port))
    assert inbox.next(LinkDown).reason is DownReason.TLS
    stranger.close()


def test_broker_that_accepts_and_says_nothing_is_left(town: Town) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        _, inbox = town.link("kiosk-1", addresses=at(mute.getsockname()[1]), connect_timeout_s=0.3)
        assert inbox.next(LinkDown, timeout_s=5).reason in {DownReason.UNREACHABLE, DownReason.TLS}


def test_close_before_the_first_connection_ends_soon(town: Town) -> None:
    link, inbox = town.link("kiosk-1", addresses=at(free_port()), backoff_first_ms=60_000)
    inbox.next(LinkDown)
    began = time.monotonic()
    link.close()
    assert time.monotonic() - began < 2
    assert inbox.next(LinkDown).reason is DownReason.CLOSED
