"""The link on a real broker, through a real network where that is the point."""

from shared.adapters.mqtt_link import LinkUp, Published, Received
from shared.model.event import Stream
from shared.protocol import topics
from tests.support.town import Town


def test_publish_device_to_hub_arrives_and_is_confirmed(town: Town) -> None:
    hub, at_hub = town.link("hub")
    at_hub.next(LinkUp)
    device, at_device = town.link("kiosk-1")
    at_device.next(LinkUp)
    topic = topics.up("kiosk-1", Stream.PAYMENTS)
    handle = device.publish(topic, b"frame\n")
    assert at_device.next(Published).handle == handle
    received = at_hub.next(Received)
    assert (received.topic, received.payload) == (topic, b"frame\n")
    hub.acknowledge(received)
