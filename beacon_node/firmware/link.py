"""The node's link: Wi-Fi, TLS, MQTT, and the session upon them; it comes back by itself whenever it breaks.

    link = start(node)
    asyncio.create_task(link.run())
    link.say("telemetry", "device.counters", {"starts": 12})

Rules:
- One TLS socket at a time, brokers in turn, networks in turn; between attempts a wait with full jitter.
- A message that does not hold has no effect; it is counted.
- Time comes from the hub's own word, under its MAC, and from nowhere else.

Not here: what the session says (`delivery`), what is kept (`ring`).

Source: docs/PROTOCOL.md, sections Topics and The device's sending.
"""

import asyncio
import json
import os
from binascii import hexlify

from beacon_node.firmware import config, slots
from beacon_node.firmware import constants as c
from beacon_node.firmware.answers import MessageError
from beacon_node.firmware.delivery import STREAMING, Session
from beacon_node.firmware.guidance import ORDERS, Guidance
from beacon_node.firmware.mac import hkdf
from beacon_node.firmware.mqtt import KEEPALIVE_S, Mqtt
from beacon_node.firmware.offers import updates_of
from beacon_node.firmware.ring import Ring, RingFullError
from beacon_node.firmware.stamps import Uptime, event_id, rfc3339
from beacon_node.firmware.wifi import wifi_of

CONNECT_S = 20
"""TCP, TLS and the broker's first word; a chip at 80 MHz takes three of them for TLS."""
TELL_MS = 900_000
"""Between two lines of what the node measures: a hundred a day."""
GUARD_MS = 240_000
"""The longest that the link does not turn: joining, TLS and a full wait, twice over."""
HEALTH_BYTES = 12 * 1024
TELEMETRY_BYTES = 48 * 1024
"""Some days of telemetry without a hub, of a file system of 1 MiB and more."""
WORDS_MAX = 32
"""Answers that wait to leave; the hub asks again for those beyond."""
VERSION = "0.1.0"
_TURN_MS = 5_000
"""The longest that the loop sleeps: a line that was said meanwhile waits no longer."""


class Me:
    """Who speaks, in this start."""

    def __init__(self, device: str, secret: bytes, boot: int, reset: str) -> None:
        self.device = device
        self.boot = boot
        self.reset = reset
        self.firmware = VERSION
        self.up_key = hkdf(secret, b"vt1 up")
        self.down_keys = (hkdf(secret, b"vt1 down"),)
        self.extra = {"slot": slots.running()}


async def run(node) -> None:
    """The link's task of a node: be connected, guided, and tell now and then how it does.

    It ends by a fault, or by the hub's command to start again.

    A node that nobody has enrolled stays a beacon, and looks again at its next start.
    """
    link = start(node)
    if link is None:
        while True:
            await asyncio.sleep(TELL_MS // 1000)
    node.guard.watch("link", GUARD_MS)
    tasks = (link.run(), link.guidance.run(), _tell_again(node, link))
    running = [asyncio.create_task(task) for task in tasks]
    while not any(task.done() for task in running):
        await asyncio.sleep(1)
    for task in running:
        if task.done():
            await task  # by a fault, which is told, or because the node is to start again


async def _tell_again(node, link) -> None:
    while True:
        tell(node, link)
        await asyncio.sleep(TELL_MS // 1000)


def start(node, root: str = ""):
    """Return a node's link, or None where nobody has enrolled it.

    Args:
        node: has `identity`, `telemetry`, `air`, `clock`, `settings`, `board`, `twin`, `put_in_force` and
            `guard`.
        root: what the paths of its files begin with.
    """
    enrolment = _json(root + "/enrolment")
    if node.identity.secret is None or not enrolment.get("brokers"):
        return None
    me = Me(node.identity.device, node.identity.secret, node.telemetry.starts, node.telemetry.cause())
    epoch = hexlify(os.urandom(4)).decode()
    ring = Ring(root + "/ring", me.device, epoch, HEALTH_BYTES, TELEMETRY_BYTES)
    parts = {
        "incarnation": _json(root + "/heard").get("incarnation", 0),
        "remember": lambda rose: _keep(root + "/heard", {"incarnation": rose}),
        "moved": lambda: node.guard.moved("link"),
        "guidance": Guidance(node, lambda: counters_of(node), root + ORDERS),
    }
    wifi = wifi_of(node)
    if wifi is not None:
        parts["wifi"] = wifi
    updates = updates_of(node, me, enrolment, lambda: _tls(root))
    if updates is not None:
        parts["updates"] = updates

    def brokers() -> list:
        return node.settings.get("link.brokers") or enrolment["brokers"]

    return Link(me, ring, node.clock, brokers, lambda: _tls(root), **parts)


def counters_of(node) -> dict:
    """Return the whole numbers that the node measures."""
    measured = node.telemetry.measured(node.air, node.clock)
    return {name: int(value) for name, value in measured.items() if type(value) in (int, float)}


def tell(node, link) -> None:
    """Say what the node measures; what the flash does not take is not said."""
    measured = node.telemetry.measured(node.air, node.clock)
    why = measured.get("stalled")
    state = {"key": "start", "state": "degraded" if why else "ok", "detail": why or measured["start_cause"]}
    try:
        link.say("telemetry", "device.counters", counters_of(node))
        link.say("health", "device.state", state)
    except RingFullError:
        pass


class LineError(Exception):
    """A line of a node has at most 1,024 bytes; say less in one."""


class Link:
    """A node's way to its hub.

    Attributes:
        session: its state, for whoever shows it.
        refused: messages that had no effect.
        connects: connections that a broker took.
        dialled: connections that were begun, joining the Wi-Fi included.
        guidance: what the hub wants of the node.
    """

    def __init__(self, me, ring, clock, brokers, context, **parts) -> None:
        """Begin without a connection.

        Args:
            me: as `delivery.Session` wants it.
            ring: what there is to say.
            clock: has `unix_ms()` and `trust(unix_ms)`.
            brokers: returns host:port of each, those to be tried first in front.
            context: returns a TLS context, or None for a stream in the clear (tests on one machine).
            parts: `wifi` has `join()`, a coroutine; `moved` is called as the loop turns; `guidance` hears
                every message that is not an acknowledgement, and when a session is confirmed; `remember` is
                given the hub's incarnation when it rose; `updates` asks for firmware while no broker is
                connected.
        """
        self.session = Session(me, ring, os.urandom, parts.get("incarnation", 0))
        self.refused = 0
        self.connects = 0
        self.dialled = 0
        self.guidance = parts["guidance"]
        self._me = me
        self._ring = ring
        self._clock = clock
        self._brokers = brokers
        self._context = context
        self._parts = parts
        self._uptime = Uptime()
        self._woken = asyncio.Event()
        self._failures = 0
        self._confirmed = 0
        self._broken = None
        self._anew = False
        self._out = []
        self.guidance.attach(self)

    def uptime_ms(self) -> int:
        """Return the milliseconds since the start."""
        return self._uptime.ms()

    # -- saying

    def say(self, stream: str, kind: str, data: dict) -> None:
        """Keep a line until the hub has it.

        Args:
            stream: `health` or `telemetry`.
            kind: the event's type.
            data: its data, nothing of a person.

        Raises:
            LineError: it is too long.
            RingFullError: the flash takes nothing.
        """
        now_ms, wall_ms = self._uptime.ms(), self._clock.unix_ms()
        age_s = self.session.clock_age_s(now_ms)
        rest = '"id":"%s","type":"%s","time":"%s",%s"boot":%d,"uptime_ms":%d,"data":%s}' % (
            event_id(wall_ms, os.urandom(10)),
            kind,
            rfc3339(wall_ms),
            "" if age_s is None else '"clock_age_s":%d,' % age_s,
            self._me.boot,
            now_ms,
            json.dumps(data),
        )  # fmt: skip
        rest = rest.encode()
        if len(rest) + 20 > c.MICRO_LINE_BYTES_MAX:
            raise LineError("A line of a node has at most 1,024 bytes; say less in one.")
        if self._ring.append(stream, lambda seq: b'{"seq":%d,' % seq + rest):
            self.session.epoch_opened(now_ms)
        self._woken.set()

    def publish(self, verb: str, members: dict) -> None:
        """Say something beside the streams, such as a result; lost where no session is, or too much waits."""
        if self.session.state == STREAMING and len(self._out) < WORDS_MAX:
            members["session"] = self.session.session
            self._out.append(self.session.signed(verb, json.dumps(members).encode(), b"\n"))
            self._woken.set()

    # -- the connection

    def dial_anew(self) -> None:
        """Leave the connection that there is, or is being made, and make one with what is in force now."""
        self._anew = True
        self._failures = 0
        self._woken.set()

    async def run(self) -> None:
        """Be connected, for ever."""
        turn = 0
        while True:
            self.dialled += 1
            self._anew = False
            brokers = self._brokers()
            try:
                if "wifi" in self._parts:
                    await self._parts["wifi"].join()
                await self._once(brokers[turn % len(brokers)])
                if self._is_update_due():
                    await self._parts["updates"].run(self.say, self._uptime.ms())
            except (OSError, asyncio.TimeoutError, ValueError):
                pass
            turn += 1
            self.session.link_down()
            self._out = []
            await self._wait(self._pause_ms())

    async def _once(self, broker: str) -> None:
        """One connection, until it breaks or the hub is to be asked for a firmware."""
        host, _, port = broker.rpartition(":")
        context = self._context()
        more = {} if context is None else {"ssl": context, "server_hostname": host}
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port), **more), CONNECT_S)
        mqtt = Mqtt(reader, writer)
        hearing = None
        try:
            await asyncio.wait_for(mqtt.connect(self._me.device, self.session.will()), CONNECT_S)
            names = (c.TOPIC_ACK, c.TOPIC_DESIRED, c.TOPIC_COMMAND)
            await asyncio.wait_for(mqtt.subscribe(*(name % self._me.device for name in names)), CONNECT_S)
            self.connects += 1
            self._broken = None
            hearing = asyncio.create_task(self._hear(mqtt))
            self.session.link_up(self._uptime.ms())
            await self._speak(mqtt)
        finally:
            if hearing is not None:
                hearing.cancel()
            await mqtt.close()

    async def _speak(self, mqtt: Mqtt) -> None:
        spoke_ms = self._uptime.ms()
        while True:
            self._moved()
            now_ms = self._uptime.ms()
            for topic, payload in self._out + self.session.tick(now_ms):
                await mqtt.publish(topic, payload, c.PUBACK_TIMEOUT_MS // 1000)
                self._moved()
                spoke_ms = self._uptime.ms()
            self._out = []
            if self.session.confirmed != self._confirmed:
                self._confirmed = self.session.confirmed
                self._failures = 0
                slots.confirm()
                config.confirm()
                self.guidance.began()
            if self._is_update_due():
                return
            if now_ms - spoke_ms >= KEEPALIVE_S * 500:
                await mqtt.ping()
                spoke_ms = now_ms
            deadline_ms = self.session.deadline_ms()
            wait_ms = _TURN_MS if deadline_ms is None else max(0, deadline_ms - self._uptime.ms())
            await self._wait(min(wait_ms, _TURN_MS))
            if self._broken is not None:
                raise self._broken
            if self._anew:
                return

    async def _hear(self, mqtt: Mqtt) -> None:
        acknowledgements = c.TOPIC_ACK % self._me.device
        try:
            while True:
                topic, payload = await mqtt.receive()
                try:
                    if topic == acknowledgements:
                        self._answer(topic, payload)
                    else:
                        self.guidance.hear(topic, payload)
                except MessageError:
                    self.refused += 1
                self._woken.set()
        except OSError as error:
            self._broken = error
            self._woken.set()

    def _answer(self, topic: str, payload: bytes) -> None:
        offset, incarnation = self.session.offset_ms, self.session.incarnation
        now_ms = self._uptime.ms()
        self.session.receive(topic, payload, now_ms, self._clock.unix_ms())
        if self.session.offset_ms != offset:
            self._clock.trust(now_ms + self.session.offset_ms)
        if self.session.incarnation != incarnation:
            self._call("remember", self.session.incarnation)

    def _is_update_due(self) -> bool:
        updates = self._parts.get("updates")
        return updates is not None and self.session.state == STREAMING and updates.due(self._uptime.ms())

    async def _wait(self, wait_ms: int) -> None:
        """Sleep, but not longer than until something happens."""
        try:
            await asyncio.wait_for(self._woken.wait(), wait_ms / 1000)
        except asyncio.TimeoutError:
            pass
        self._woken.clear()

    def _pause_ms(self) -> int:
        ceiling = min(c.BACKOFF_MAX_MS, c.BACKOFF_FIRST_MS << min(self._failures, 20))
        self._failures += 1
        drawn = int.from_bytes(os.urandom(3), "big") * ceiling >> 24
        return max(c.BACKOFF_FIRST_MS // 4, drawn)

    def _moved(self) -> None:
        self._call("moved")

    def _call(self, name: str, *said) -> None:
        if name in self._parts:
            self._parts[name](*said)


def _tls(root: str):
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=_read(root + "/ca.crt"))
    context.load_cert_chain(_read(root + "/tls.crt"), _read(root + "/tls.key"))
    return context


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _json(path: str) -> dict:
    try:
        found = json.loads(_read(path))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(path: str, members: dict) -> None:
    try:
        with open(path + ".new", "w") as file:
            json.dump(members, file)
        os.rename(path + ".new", path)
    except OSError:
        pass  # it is told again
