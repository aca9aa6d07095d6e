"""Topics: who speaks and what about; nothing else is one of ours."""

import pytest

from shared.model.event import Stream
from shared.protocol import topics
from shared.protocol.topics import TopicError, UpTopic, Verb, is_device_id, parse_up


@pytest.mark.sentence("T-1")
def test_device_id_of_the_alphabet_is_one() -> None:
    assert all(is_device_id(name) for name in ("a", "kiosk-7", "0", "-", "x" * 32))


@pytest.mark.sentence("T-1")
@pytest.mark.parametrize(
    "name", ["", "x" * 33, "Kiosk", "kiosk 7", "kiosk/7", "a+", "#", "kiósk", "a\n", "hub"]
)
def test_device_id_of_anything_else_is_none(name: str) -> None:
    assert not is_device_id(name)


def test_topic_of_every_kind_is_read_back() -> None:
    for kind in (*Stream, *Verb):
        assert parse_up(topics.up("kiosk-7", kind)) == UpTopic("kiosk-7", kind)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "vt/1/kiosk-7/up",
        "vt/1/kiosk-7/up/",
        "vt/1/kiosk-7/up/payments/",
        "vt/1/kiosk-7/up/gossip",
        "vt/1/kiosk-7/down/ack",
        "vt/2/kiosk-7/up/payments",
        "vt/1/hub/up/payments",
        "vt/1/Kiosk/up/payments",
        "vt/1//up/payments",
        "/vt/1/kiosk-7/up/payments",
        "$MQTT/sub/1",
        topics.HUB_STATE,
    ],
)
def test_topic_that_no_device_may_speak_on_is_refused(topic: str) -> None:
    with pytest.raises(TopicError):
        parse_up(topic)


def test_topics_downward_lie_under_the_devices_filter() -> None:
    below = topics.down_filter("kiosk-7").removesuffix("#")
    for topic in (
        topics.ack("kiosk-7"),
        topics.desired("kiosk-7"),
        topics.command("kiosk-7"),
        topics.bundle("kiosk-7", "fares"),
    ):
        assert topic.startswith(below)
        assert topic.count("kiosk-7") == 1
