"""Every device tries every other's topics, on NATS and on Mosquitto: nobody hears what is not his."""

import signal
import subprocess
from collections.abc import Callable, Generator
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

import pytest

from hub.broker.mosquitto import CONFIG_FILE, LIST_FILE, MosquittoSettings, access_list, configuration
from hub.keys.authority import paths_of_server
from shared.adapters.mqtt_link import LinkUp, Received
from shared.model.event import Stream
from shared.protocol import topics
from shared.protocol.topics import Verb
from tests.integration.broker.test_permissions import Intruder
from tests.support.polling import eventually
from tests.support.programs import find_program
from tests.support.town import Inbox, Town

DEVICES = ("kiosk-1", "kiosk-2", "bus-7")


@dataclass(frozen=True)
class Wire:
    """A town and its running broker.

    Attributes:
        revoke: ends a device's permissions.
    """

    town: Town
    revoke: Callable[[str], None]


@pytest.fixture(
    params=["nats", pytest.param("mosquitto", marks=pytest.mark.requires("mosquitto"))],
)
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Wire]:
    town = Town(tmp_path, devices=DEVICES)
    if request.param == "nats":
        town.broker.start()

        def revoke(device: str) -> None:
            town.room.registry.revoke(device, "stolen")
            town.broker.reload()

        yield Wire(town, revoke)
        town.close()
        return
    with Mosquitto(town, tmp_path / "mosquitto") as process:

        def revoke(device: str) -> None:
            (tmp_path / "mosquitto" / LIST_FILE).write_text(
                access_list(name for name in DEVICES if name != device)
            )
            process.send_signal(signal.SIGHUP)

        yield Wire(town, revoke)
        town.close()


class Mosquitto:
    """A Mosquitto with the settings that the hub's command writes."""

    def __init__(self, town: Town, folder: Path) -> None:
        folder.mkdir()
        certificate, key, authority = paths_of_server(town.keys)
        settings = MosquittoSettings(
            host="127.0.0.1",
            port=town.port,
            folder=folder,
            certificate=certificate,
            key=key,
            authority=authority,
            user=getuser(),
        )
        (folder / CONFIG_FILE).write_text(configuration(settings))
        (folder / LIST_FILE).write_text(access_list(DEVICES))
        self._folder, self._town = folder, town

    def __enter__(self) -> "subprocess.Popen[bytes]":
        program = find_program("mosquitto")
        assert program
        log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen([program, "-c", self._folder / CONFIG_FILE], stderr=log, stdout=log)
        log.close()
        _, inbox = self._town.link("hub")
        inbox.next(LinkUp)
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)


def words_of(device: str) -> dict[str, list[str]]:
    """Every topic that has a device's name in it, by who may speak on it."""
    up = [topics.up(device, kind) for kind in (*Stream, Verb.BIRTH, Verb.DEATH, Verb.REPORTED, Verb.RESULT)]
    down = [topics.ack(device), topics.desired(device), f"vt/1/{device}/down/bundle/fares"]
    return {"device": up, "hub": down}


@pytest.mark.sentence("T-2")
def test_every_device_tries_every_others_topics_and_reaches_nobody(wire: Wire) -> None:
    town = wire.town
    people = {name: Intruder.connect(town, name, client_id=f"as-{name}") for name in DEVICES}
    for name, client in people.items():
        client.client.subscribe(topics.down_filter(name), 1)
    for name, client in people.items():
        for other in (*DEVICES, "hub"):
            own = {topic for topic in words_of(name)["device"] if other == name}
            for topic in (topic for words in words_of(other).values() for topic in words):
                if topic not in own:
                    client.client.publish(topic, f"forged by {name}".encode(), qos=0, retain=True)
        client.client.publish(topics.HUB_STATE, b"forged", qos=0, retain=True)
    hub, inbox = town.link("hub", subscriptions=(topics.UP_FILTER, topics.HUB_STATE))
    inbox.next(LinkUp)
    heard = heard_by_the_hub(wire, inbox)
    assert [word for word in heard if b"forged" in word[1]] == []
    assert {topic for topic, _ in heard} == {topics.up(name, Verb.RESULT) for name in DEVICES}
    for name in DEVICES:
        hub.publish(topics.ack(name), f"for {name}\n".encode())
    for name, client in people.items():
        eventually(lambda client=client: client.heard, what=f"a word for {name}")
        assert client.heard == [(topics.ack(name), f"for {name}\n".encode())]
        client.close()


def heard_by_the_hub(wire: Wire, inbox: Inbox) -> list[tuple[str, bytes]]:
    """What the hub hears until every device has had a last honest word."""
    heard: list[tuple[str, bytes]] = []
    for name in DEVICES:
        device, at_device = wire.town.link(name, subscriptions=(topics.HUB_STATE,))
        at_device.next(LinkUp)
        device.publish(topics.up(name, Verb.RESULT), b"honest\n")
    while len([word for word in heard if word[1] == b"honest\n"]) < len(DEVICES):
        received = inbox.next(Received)
        heard.append((received.topic, received.payload))
    return heard


@pytest.mark.sentence("T-2")
@pytest.mark.parametrize(
    "topic_filter", ["#", "+/#", "vt/#", "vt/1/+/down/#", "vt/1/kiosk-2/#", "vt/1/kiosk-2/up/cases", "$SYS/#"]
)
def test_every_wide_filter_hears_nothing_of_others(wire: Wire, topic_filter: str) -> None:
    town = wire.town
    hub, at_hub = town.link("hub")
    at_hub.next(LinkUp)
    intruder = Intruder.connect(town, "kiosk-1")
    intruder.client.subscribe(topic_filter, 1)
    victim, at_victim = town.link("kiosk-2")
    at_victim.next(LinkUp)
    victim.publish(topics.up("kiosk-2", Stream.CASES), b"secret\n")
    hub.publish(topics.ack("kiosk-2"), b"secret\n")
    at_victim.next(Received)
    at_hub.next(Received)
    assert [word for word in intruder.heard if b"secret" in word[1]] == []
    assert not [topic for topic, _ in intruder.heard if topic.startswith("$SYS")]
    intruder.close()


def test_device_that_is_revoked_reaches_nobody_any_more(wire: Wire) -> None:
    town = wire.town
    _, at_hub = town.link("hub")
    at_hub.next(LinkUp)
    thief = Intruder.connect(town, "kiosk-1")
    thief.client.publish(topics.up("kiosk-1", Stream.CASES), b"before\n", qos=1)
    assert at_hub.next(Received).payload == b"before\n"
    wire.revoke("kiosk-1")

    def is_silent() -> bool:
        thief.client.publish(topics.up("kiosk-1", Stream.CASES), b"after\n", qos=0)
        device, at_device = town.link("kiosk-2")
        at_device.next(LinkUp)
        device.publish(topics.up("kiosk-2", Verb.RESULT), b"honest\n")
        word = at_hub.next(Received).payload
        while word != b"honest\n":
            if word == b"after\n":
                return False
            word = at_hub.next(Received).payload
        device.close()
        return True

    eventually(is_silent, timeout_s=60, what="the end of its permissions")
    thief.close()
