"""A broker that is against everybody: MQTT 3.1.1 as a process, and what it does with each message is drawn.

Run as `python -m tests.support.hostile_broker CERTIFICATE KEY PORT SEED`. It takes every connection, grants
every subscription, and confirms what it never passes on. It swallows, doubles, replays, reorders, spoils,
gives one device's words to another, floods, makes up states of the hub, and hangs up. A line `honest` on its
input ends all that; any line has it print its deeds as JSON.

Not here: what a real broker is for (sessions, quality 2, wills).
"""

import asyncio
import json
import re
import ssl
import sys
from asyncio import StreamReader, StreamWriter
from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from typing import Final

from shared.protocol import topics
from tests.support import mqtt_packets as mqtt

REMEMBERED: Final = 1_000
FLOOD: Final = 40
_NUMBER: Final = re.compile(rb'(?<=":)\d+')
"""A number of an acknowledgement, a birth or a frame."""
Message = tuple[str, bytes]


@dataclass(eq=False, slots=True)
class Client:
    """One connection."""

    writer: StreamWriter
    filters: list[str] = field(default_factory=list[str])
    mid: int = 0

    def send(self, topic: str, payload: bytes) -> None:
        """Pass a message on, once for every client that asked for the topic."""
        if any(matches(each, topic) for each in self.filters) and not self.writer.is_closing():
            self.mid = self.mid % 65_535 + 1
            self.writer.write(mqtt.Publish(topic, payload, self.mid).packet())


class HostileBroker:
    """The broker.

    Attributes:
        deeds: how often it did what.
    """

    def __init__(self, seed: int) -> None:
        self.deeds: Counter[str] = Counter()
        self.honest = False
        self._random = Random(seed)
        self._clients: set[Client] = set()
        self._retained: dict[str, bytes] = {}
        self._heard: deque[Message] = deque(maxlen=REMEMBERED)
        self._held: list[Message] = []

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one client until it goes or is cut off."""
        client = Client(writer)
        self._clients.add(client)
        try:
            while True:
                await self._packet(client, *await mqtt.read_packet(reader))
                await writer.drain()
        except (OSError, EOFError, ValueError):
            pass
        finally:
            self._clients.discard(client)
            writer.transport.abort()

    async def _packet(self, client: Client, head: int, body: bytes) -> None:
        match head >> 4:
            case mqtt.Kind.CONNECT:
                client.writer.write(mqtt.connack())
            case mqtt.Kind.PUBLISH:
                self._published(client, mqtt.Publish.parse(head, body))
            case mqtt.Kind.SUBSCRIBE:
                self._subscribed(client, body)
            case mqtt.Kind.PINGREQ:
                client.writer.write(mqtt.packet(mqtt.Kind.PINGRESP << 4))
            case mqtt.Kind.DISCONNECT:
                raise EOFError
            case _:
                pass

    def _subscribed(self, client: Client, body: bytes) -> None:
        mid, wanted = mqtt.parse_subscribe(body)
        client.filters += wanted
        client.writer.write(mqtt.suback(mid, [1] * len(wanted)))
        for topic, payload in self._retained.items():
            client.send(topic, payload)

    def _published(self, client: Client, said: mqtt.Publish) -> None:
        topic, payload = said.topic, said.payload
        if said.mid:
            client.writer.write(mqtt.puback(said.mid))
        if said.retain:
            self._retained[topic] = payload
        if self.honest:
            self._pass_on(topic, payload)
            return
        self._misbehave(topic, payload)
        self._heard.append((topic, payload))
        if self._random.random() < 0.004:
            self.deeds["hung up"] += 1
            self._random.choice(list(self._clients)).writer.transport.abort()

    def _misbehave(self, topic: str, payload: bytes) -> None:
        deed = self._random.choices(
            (
                "passed on",
                "swallowed",
                "doubled",
                "held",
                "spoilt",
                "mixed",
                "replayed",
                "flooded",
                "made up",
            ),
            (50, 12, 8, 8, 8, 8, 8, 1, 2),
        )[0]
        self.deeds[deed] += 1
        if deed == "held":
            self._held.append((topic, payload))
        for message in self._done_to(deed, (topic, payload)):
            self._pass_on(*message)
        if len(self._held) > 10 or self._random.random() < 0.1:
            self._let_go()

    def _done_to(self, deed: str, message: Message) -> list[Message]:
        """What is passed on in the place of a message."""
        match deed:
            case "swallowed" | "held":
                return []
            case "doubled":
                return [message, message]
            case "spoilt":
                return [(message[0], self._spoilt(message[1]))]
            case "mixed":
                return [(self._an_old_one(message)[0], message[1])]
            case "replayed":
                return [message, self._an_old_one(message)]
            case "flooded":
                return [self._an_old_one(message) for _ in range(FLOOD)]
            case "made up":
                lie = {"v": 1, "on": self._random.random() < 0.5, "incarnation": self._random.randrange(99)}
                return [message, (topics.HUB_STATE, json.dumps(lie).encode())]
            case _:
                return [message]

    def let_go_of_all(self) -> None:
        """Pass on what is still held."""
        while self._held:
            self._let_go()

    def _let_go(self) -> None:
        if self._held:
            self._pass_on(*self._held.pop(self._random.randrange(len(self._held))))

    def _an_old_one(self, message: Message) -> Message:
        return self._random.choice(self._heard) if self._heard else message

    def _spoilt(self, payload: bytes) -> bytes:
        if not payload:
            return b"{}"
        numbers = list(_NUMBER.finditer(payload))
        if numbers and self._random.random() < 0.5:  # as a forger would, who wants to be understood
            number = self._random.choice(numbers)
            other = int(number[0]) + self._random.randrange(1, 10)
            return b"%s%d%s" % (payload[: number.start()], other, payload[number.end() :])
        at = self._random.randrange(len(payload))
        match self._random.randrange(3):
            case 0:
                return (
                    payload[:at] + bytes([payload[at] ^ 1 << self._random.randrange(8)]) + payload[at + 1 :]
                )
            case 1:
                return payload[:at]
            case _:
                return payload[:at] + self._random.randbytes(200)

    def _pass_on(self, topic: str, payload: bytes) -> None:
        for client in list(self._clients):
            client.send(topic, payload)


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a subscription asks for a topic."""
    wanted, have = topic_filter.split("/"), topic.split("/")
    for n, part in enumerate(wanted):
        if part == "#":
            return True
        if n >= len(have) or part not in ("+", have[n]):
            return False
    return len(wanted) == len(have)


async def main() -> None:
    """Serve until the input ends."""
    certificate, key, port, seed = sys.argv[1:5]
    broker = HostileBroker(int(seed))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", int(port), ssl=context)
    print("listening", flush=True)  # noqa: T201 - a program that speaks
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line.strip() == "honest":
            broker.honest = True
            broker.let_go_of_all()
        print(json.dumps(broker.deeds), flush=True)  # noqa: T201 - the same
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
