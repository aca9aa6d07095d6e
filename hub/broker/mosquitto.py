"""Mosquitto as the broker of a city's own: its settings and lists, as pure functions of who is enrolled.

    mosquitto.conf   where it listens, TLS, limits
    acl              who may speak where; Mosquitto reads it again at SIGHUP

Rules:
- Nobody connects without a certificate of the town's authority; the common name in it is the user.
- A device that is not listed may connect and neither speak nor hear: so revocation is a list without it.
- Where NATS refuses a subscription, Mosquitto grants it and delivers nothing. Both let nobody hear.
- Unlike with NATS one certificate of a device cannot be told from another: an earlier one stays good until it
  ends. It opens nothing: every message carries a MAC, and keys end at once.

Source: mosquitto.conf(5); docs/PROTOCOL.md, section Topics.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.broker.permissions import ACK_PENDING_MAX, CONNECTIONS_MAX, PAYLOAD_BYTES_MAX
from shared.protocol import limits, topics

CONFIG_FILE: Final = "mosquitto.conf"
LIST_FILE: Final = "acl"


@dataclass(frozen=True, slots=True, kw_only=True)
class MosquittoSettings:
    """Where Mosquitto listens and what it reads.

    Attributes:
        folder: where its settings and its list lie.
        certificate: PEM file of the server's certificate.
        key: PEM file of its key.
        authority: PEM file of the town's authority.
        user: as whom it runs, where root starts it; that user must be able to read the key.
    """

    host: str
    port: int
    folder: Path
    certificate: Path
    key: Path
    authority: Path
    user: str


def configuration(settings: MosquittoSettings) -> str:
    """Return mosquitto.conf."""
    return f"""# Written by `ventanilla hub mosquitto`; repeat that after each enrolment and revocation.
user {settings.user}
allow_anonymous false
acl_file {settings.folder / LIST_FILE}
persistence false
set_tcp_nodelay true
message_size_limit {PAYLOAD_BYTES_MAX}
max_inflight_messages {ACK_PENDING_MAX}
max_queued_messages {limits.INBOX_MESSAGES_MAX}
max_queued_bytes {limits.INBOX_BYTES_MAX}
log_type error
log_type warning
log_type notice

listener {settings.port} {settings.host}
max_connections {CONNECTIONS_MAX}
cafile {settings.authority}
certfile {settings.certificate}
keyfile {settings.key}
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
"""


def access_list(devices: Iterable[str]) -> str:
    """Return the list of who may speak where.

    Args:
        devices: those that are in force; the hub is always listed.
    """
    hub = (
        "user hub",
        f"topic read {topics.UP_FILTER}",
        f"topic write {topics.down_filter('+')}",
        f"topic readwrite {topics.HUB_STATE}",
    )
    entries = ["\n".join(hub), *(_device(name) for name in devices)]
    return "\n\n".join(entries) + "\n"


def _device(name: str) -> str:
    up = topics.UP_FILTER.replace("+", name)
    lines = (f"topic write {up}", f"topic read {topics.down_filter(name)}", f"topic read {topics.HUB_STATE}")
    return "\n".join((f"user {name}", *lines))
