"""The broker between a peer and its receiver, and the receiver: what arrived, and how often."""

import json
import subprocess
import sysconfig
import threading
from collections import Counter
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.bench.peers.node_red_flow import TOPIC
from tests.support.polling import eventually
from tests.support.town import free_port


class Broker:
    """A NATS server with MQTT and JetStream on a disk, on loopback; it can be killed and started again.

    Attributes:
        mqtt_port: for MQTT clients.
        nats_port: for NATS clients.
    """

    def __init__(self, folder: Path) -> None:
        self.mqtt_port, self.nats_port = free_port(), free_port()
        self._config, self._log = folder / "nats.conf", folder / "nats.log"
        self._config.write_text(
            f'server_name: peers\nlisten: "127.0.0.1:{self.nats_port}"\n'
            f'jetstream {{ store_dir: "{folder}/js" }}\n'
            f'mqtt {{ listen: "127.0.0.1:{self.mqtt_port}", max_ack_pending: 20000 }}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it on what it has on its disk."""
        binary = Path(sysconfig.get_path("scripts"), "nats-server")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([binary, "-c", self._config], stdout=log, stderr=log)
        eventually(lambda: b"Server is ready" in self._log.read_bytes(), timeout_s=30, what="the broker")

    def kill(self) -> None:
        """End it with -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Arrivals:
    """Who receives what a peer passes on: a persistent session at quality 1.

    Attributes:
        seen: how often each event arrived, by its name.
    """

    def __init__(self, port: int) -> None:
        self.seen: Counter[str] = Counter()
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="arrivals", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self._take(bytes(message.payload))
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> Self:
        self._client.loop_start()
        assert self._subscribed.wait(20), "no subscription"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, *_: object) -> None:
        self._client.subscribe(TOPIC, qos=1)

    def _take(self, payload: bytes) -> None:
        self.seen[json.loads(payload)["id"]] += 1
