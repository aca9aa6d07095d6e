"""What an MQTT link is told, and what it tells its owner: small frozen values, no behaviour.

Units: `_ms` and `_s` are durations; a session number counts the connections of one link from 1.
"""

import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.protocol import limits

CONNECT_TIMEOUT_S: Final = 10.0
KEEPALIVE_S: Final = 30
MESSAGE_BYTES_MAX: Final = limits.BIRTH_BYTES_MAX + 1024
"""The largest message of the protocol is a birth that lists every epoch, with its MAC line."""
RECEIVED_MAX: Final = 1_000
RECEIVED_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker publishes when the connection ends without a farewell."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """Everything about a link that does not change while it lives.

    Attributes:
        name: device id or `hub`; a fresh random part follows it in every client id, so that nobody can
            take a connection over by guessing it.
        addresses: brokers, dialled in turn.
        tls: context with this machine's certificate; None speaks plainly, and only to loopback.
        subscriptions: topic filters; one that is refused ends the connection.
        subscription_qos: 1 where the owner's acknowledgement is to hold the broker back, as the hub's does;
            0 where what is missed is asked for again, as a device does: a broker keeps nothing for it.
        keepalive_s: silence after which the broker is asked whether it lives, and after as much again left.
        connect_timeout_s: for TCP, TLS, CONNACK and SUBACK, each way.
        puback_timeout_ms: age of the oldest unconfirmed publish at which the connection is given up.
        outstanding_max: publishes that may wait for their PUBACK.
        received_max: messages that the owner may hold unacknowledged; beyond it the link stops reading.
        received_bytes_max: the same in bytes of payload.
        backoff_first_ms: upper end of the first random wait.
        backoff_max_ms: upper end of every random wait.
    """

    name: str
    addresses: tuple[Address, ...]
    tls: ssl.SSLContext | None
    subscriptions: tuple[str, ...]
    subscription_qos: int
    keepalive_s: int = KEEPALIVE_S
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    puback_timeout_ms: int = limits.PUBACK_TIMEOUT_MS
    outstanding_max: int = limits.PUBLISHES_OUTSTANDING_MAX
    received_max: int = RECEIVED_MAX
    received_bytes_max: int = RECEIVED_BYTES_MAX
    backoff_first_ms: int = limits.BACKOFF_FIRST_MS
    backoff_max_ms: int = limits.BACKOFF_MAX_MS


class DownReason(StrEnum):
    """Why a connection is not, or no longer, there."""

    UNREACHABLE = "unreachable"  #: no TCP connection: cable, address, firewall, broker down
    TLS = "tls"  #: the two sides do not trust each other: enrol again, or mend the hub's certificate
    REFUSED = "refused"  #: the broker does not know this certificate: revoked, or not enrolled here
    SUBSCRIPTION_REFUSED = "subscription_refused"  #: the broker's permissions do not fit this version
    SILENT = "silent"  #: CONNACK, SUBACK, PUBACK or PINGRESP did not come in time
    LOST = "lost"  #: the other side closed, or the network did
    GARBAGE = "garbage"  #: what came was not MQTT
    REDIALLED = "redialled"  #: the owner asked for a new connection
    CLOSED = "closed"  #: the owner closed the link


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp:
    """Connected, and every subscription granted."""

    session: int
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    """A connection ended, or an attempt failed; every publish without its `Published` is of unknown outcome.

    Attributes:
        retry_ms: the wait before the next attempt; 0 after `close`.
    """

    session: int
    reason: DownReason
    detail: str
    retry_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message; the owner gives each to `MqttLink.acknowledge` once, in any order."""

    session: int
    topic: str
    payload: bytes
    retained: bool
    mid: int
    qos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The broker confirmed a publish. Nothing about delivery follows from it."""

    session: int
    handle: int


LinkEvent = LinkUp | LinkDown | Received | Published
