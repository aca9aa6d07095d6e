"""The stand: keys, a broker and enrolment for one device, in a folder that is gone afterwards.

The broker and the enrolment are the hub's own; behind them sits the kit instead of a hub.
"""

import asyncio
import os
import queue
import signal
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from hub.api.app import build_enrolment_app
from hub.api.server import make_server
from hub.assembly.address import public_address
from hub.assembly.wire import free_port, listen, make_broker, make_link
from hub.broker.nats import NatsServer
from hub.config import HubConfig
from hub.keys.authority import paths_of_server
from hub.keys.enrolment import Enrolment, TokenWanted
from hub.keys.room import KeyRoom, set_up
from shared.adapters.mqtt_link import LinkEvent, LinkUp, MqttLink, Received
from shared.model.errors import DeviceError, TransientError

UP_S: Final = 30.0
STOP_S: Final = 10.0


class StandError(DeviceError):
    """The kit's broker did not start; look whether another one has its port, then repeat."""


class Stand:
    """What the device reaches.

    Attributes:
        room: the keys.
        token: the enrolment token of the device under test.
    """

    def __init__(self, room: KeyRoom, broker: NatsServer, token: str) -> None:
        """Take the parts; `open_stand` makes them."""
        self.room = room
        self.token = token
        self._broker = broker
        self._events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        self._link: MqttLink | None = None

    def attach(self, link: MqttLink) -> None:
        """Take the link, which dials, and wait until it is there."""
        self._link = link
        link.start()
        self._wait_until_up()

    def deliver(self, event: LinkEvent) -> None:
        """Take an event of the link, on its thread."""
        self._events.put(event)

    def next(self, timeout_s: float) -> tuple[str, bytes] | None:
        """Return the next message, topic and payload; None if none comes in time."""
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left_s)
            except queue.Empty:
                return None
            if isinstance(event, Received):
                if self._link is not None:
                    self._link.acknowledge(event)
                return event.topic, event.payload
        return None

    def publish(self, topic: str, payload: bytes) -> None:
        """Say something; what the link does not take is lost, as on any wire."""
        if self._link is not None:
            with suppress(TransientError):
                self._link.publish(topic, payload)

    def now_s(self) -> float:
        """Return monotonic time."""
        return time.monotonic()

    def cut(self) -> None:
        """Cut every connection, and wait until the kit itself is back."""
        if self._broker.pid is not None:
            os.kill(self._broker.pid, signal.SIGKILL)
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        deadline_s = time.monotonic() + UP_S
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                if isinstance(self._events.get(timeout=left_s), LinkUp):
                    return
            except queue.Empty:
                break
        raise StandError(StandError.__doc__)


@contextmanager
def open_stand(folder: Path, device: str, host: str) -> Generator[Stand]:
    """Open a stand, and close it at the end.

    Args:
        folder: empty; keys and the broker's store go there.
        device: the name of the device under test.
        host: where broker and enrolment listen, and how the device reaches them.
    """
    config = HubConfig(home=folder, public_host=host, api_host=host, broker_host=host)
    with ExitStack() as stack:
        set_up(config.keys_dir, None, names=(host,), now_ms=_now_ms())
        room = KeyRoom.open(config.keys_dir, None, clock=_now_ms)
        stack.callback(room.close)
        listener = stack.enter_context(listen(host, 0))
        port, broker_port = int(listener.getsockname()[1]), free_port(host)
        broker = make_broker(config, room, broker_port)
        if broker is None:
            raise StandError(StandError.__doc__)
        broker.start()
        stack.callback(broker.stop)
        address = public_address(config, port, broker_port)
        enrolment = Enrolment(room, address, clock=_now_ms, admit=broker.reload)
        app = build_enrolment_app(enrolment, room.keys, room.authority.pem)
        certificate, key, _ = paths_of_server(config.keys_dir)
        server = make_server(app, certificate, key)
        serving = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
        serving.start()

        def stop() -> None:
            server.should_exit = True
            serving.join(STOP_S)

        stack.callback(stop)
        token = enrolment.issue(TokenWanted(device=device, kind="kiosk", site=""))
        stand = Stand(room, broker, str(token))
        link = make_link(config, broker_port, stand.deliver, incarnation=lambda: 1, clock=_now_ms)
        stand.attach(link)
        stack.callback(link.close)
        yield stand


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
