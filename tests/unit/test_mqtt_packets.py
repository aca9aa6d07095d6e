"""The packets that test brokers and the herd speak: whole in both directions, however they are cut."""

import asyncio
import socket

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import mqtt_packets as mqtt

TOPICS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@settings(deadline=None)  # a loop for each example: on a busy machine that takes its time
@example("a/b", bytes(20_000), 1, False)
@given(TOPICS, st.binary(max_size=300), st.integers(0, 65_535), st.booleans())
def test_message_that_is_packed_is_read_again(topic: str, payload: bytes, mid: int, retain: bool) -> None:
    said = mqtt.Publish(topic, payload, mid, retain)
    head, body = read_from_stream(said.packet())
    assert head >> 4 == mqtt.Kind.PUBLISH
    assert mqtt.Publish.parse(head, body) == said


@settings(deadline=None)
@given(st.lists(TOPICS, min_size=1, max_size=5), st.integers(1, 65_535))
def test_subscription_that_is_packed_is_read_again(filters: list[str], mid: int) -> None:
    head, body = read_from_socket(mqtt.subscribe(mid, filters))
    assert head >> 4 == mqtt.Kind.SUBSCRIBE
    assert mqtt.parse_subscribe(body) == (mid, filters)


def test_short_packets_are_those_of_the_standard() -> None:
    assert mqtt.connack() == b"\x20\x02\x00\x00"
    assert mqtt.puback(9) == b"\x40\x02\x00\x09"
    assert mqtt.suback(1, [1, 0x80]) == b"\x90\x04\x00\x01\x01\x80"
    assert mqtt.packet(mqtt.Kind.PINGRESP << 4) == b"\xd0\x00"
    assert mqtt.Publish("a/b", b"hi", 7).packet() == b"\x32\x09\x00\x03a/b\x00\x07hi"
    will = mqtt.Publish("w", b"gone")
    assert (
        mqtt.connect("c", 60, will) == b"\x10\x16\x00\x04MQTT\x04\x0e\x00\x3c\x00\x01c\x00\x01w\x00\x04gone"
    )


def read_from_stream(raw: bytes) -> tuple[int, bytes]:
    async def read() -> tuple[int, bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(raw)
        return await mqtt.read_packet(reader)

    return asyncio.run(read())


def read_from_socket(raw: bytes) -> tuple[int, bytes]:
    here, there = socket.socketpair()
    with here, there:
        here.sendall(raw)
        return mqtt.receive_packet(there)
