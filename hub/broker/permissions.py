"""The broker's configuration, as a pure function of who is enrolled.

Rules:
- Nobody connects without a certificate of the town's authority, and that alone is not enough: it must be
  listed. A user is one certificate, by the URI in it; the name that a client *says* counts for nothing.
- A device publishes below its own `up` and reads its own `down` and the hub's state. Nothing else.
- Nobody has any `$MQTT` permission: with it one device can publish as another.
- NATS's own protocol listens on loopback alone and wants the same certificates.

Source: docs.nats.io, "TLS Authentication" and "MQTT / Permissions"; docs/PROTOCOL.md, section Topics.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.protocol import limits, topics

PAYLOAD_BYTES_MAX: Final = limits.BIRTH_BYTES_MAX + 4 * 1024
"""The largest message, and what the broker puts around it."""
ACK_PENDING_MAX: Final = 10_000
"""Messages that the hub may have unacknowledged. `#` counts twice, and a connection has 65,535 in all."""
STORE_BYTES_MAX: Final = 1024 * 1024 * 1024
CONNECTIONS_MAX: Final = 10_000
CONSUMERS_MAX: Final = CONNECTIONS_MAX * (65_535 // ACK_PENDING_MAX)
"""What the broker keeps for subscriptions of QoS 1: as much as every connection together can ask for. NATS's
own limit is 1,000, after which nobody can subscribe, the hub neither."""

LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  what a listener on every address is reached by


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUser:
    """A certificate that may connect.

    Attributes:
        name: the URI in the certificate.
        device: whose topics it may use; None is the hub.
    """

    name: str
    device: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """Where the broker listens and lives.

    Attributes:
        folder: its configuration, store and log; nothing in it is worth a backup.
        certificate: PEM file of the server's certificate.
        key: PEM file of its key.
        authority: PEM file of the town's authority.
        own_certificate: PEM file of the hub's client certificate, for asking the broker whether it lives.
        own_key: PEM file of its key.
        binary: the NATS server; None takes the one that was installed with this program.
        probe_every_s: how often a running broker is asked whether it lives; three failures replace it.
        probe_timeout_s: how long it may take to answer.
    """

    host: str
    port: int
    folder: Path
    certificate: Path
    key: Path
    authority: Path
    own_certificate: Path
    own_key: Path
    binary: Path | None = None
    connections_max: int = CONNECTIONS_MAX
    probe_every_s: float = 5.0
    probe_timeout_s: float = 5.0


def configuration(settings: BrokerSettings, users: Iterable[BrokerUser]) -> str:
    """Return nats.conf for a list of users."""
    tls = (
        f"tls {{ cert_file: {_text(settings.certificate)}, key_file: {_text(settings.key)},"
        f" ca_file: {_text(settings.authority)}, verify_and_map: true, timeout: 5 }}"
    )
    entries = "\n".join(f"    {_user(user)}" for user in users)
    return f"""# Written by the hub at each change of the key registry; changes made here are lost.
server_name: "ventanilla"
listen: "127.0.0.1:-1"
{tls}
max_payload: {PAYLOAD_BYTES_MAX}
max_connections: {settings.connections_max}
ports_file_dir: {_text(settings.folder)}
logfile: {_text(settings.folder / "nats.log")}
logfile_size_limit: 16MB
logfile_max_num: 3
jetstream {{
  store_dir: {_text(settings.folder / "store")}
  max_file_store: {STORE_BYTES_MAX}
  limits {{ default_max_consumers: {CONSUMERS_MAX} }}
}}
mqtt {{
  listen: {_text(_listen(settings.host, settings.port))}
  max_ack_pending: {ACK_PENDING_MAX}
  ack_wait: "60s"
  {tls}
}}
authorization {{
  users: [
{entries}
  ]
}}
"""


def _user(user: BrokerUser) -> str:
    if user.device is None:
        publish = [_subject(topics.down_filter("+")), _subject(topics.HUB_STATE)]
        subscribe = [*_subscribable(topics.UP_FILTER), _subject(topics.HUB_STATE)]
    else:
        publish = [_subject(topics.UP_FILTER.replace("+", user.device))]
        subscribe = [*_subscribable(topics.down_filter(user.device)), _subject(topics.HUB_STATE)]
    return (
        f"{{ user: {_text(user.name)}, permissions:"
        f" {{ publish: {json.dumps(publish)}, subscribe: {json.dumps(subscribe)} }} }}"
    )


def _subject(topic_filter: str) -> str:
    """Return the NATS subject of an MQTT topic filter."""
    return topic_filter.replace("/", ".").replace("+", "*").replace("#", ">")


def _subscribable(topic_filter: str) -> tuple[str, str]:
    """Return what `a/#` needs: NATS subscribes to the level above as well, and refuses all if it may not."""
    subject = _subject(topic_filter)
    return subject.removesuffix(".>"), subject


def _listen(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _text(value: str | Path) -> str:
    """Quote for nats.conf, which reads JSON's strings."""
    return json.dumps(str(value))
