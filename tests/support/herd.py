"""A herd: many real MQTT connections in one process, each with a session and an outbox full of payments.

Every connection is its own, over TLS with its own certificate; the session is the production one. Only what
holds the lines is made for this: a list in memory, filled before anything is measured.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from secrets import token_bytes, token_hex

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub.keys.records import DeviceEnrolled
from hub.keys.room import KeyRoom
from shared.adapters.tls import client_context
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol import chain, limits, topics
from shared.protocol.birth import LaneState, ListedEpoch
from shared.protocol.keys import LinkKeys, derive
from shared.protocol.sealing import HubSealingPublicKey, SealingContext
from shared.protocol.sender import EpochView, Run
from shared.protocol.session import DeviceSession, Identity
from tests.bench.frames import NOW_MS, payment_line
from tests.support import mqtt_packets as mqtt

KEEPALIVE_S = 60
CLOSE_TIMEOUT_S = 5
STREAM = Stream.PAYMENTS
WALL_MS = 1_795_255_200_000


@dataclass(frozen=True, slots=True)
class Member:
    """One device of the herd, enrolled.

    Attributes:
        name: its name.
        keys: its link keys.
        certificate: PEM file; the private key lies in the same file.
    """

    name: str
    keys: LinkKeys
    certificate: Path


class MemoryLane:
    """One epoch of payments in memory; the session's `Log` and `Lanes`."""

    def __init__(self, device: str, key: HubSealingPublicKey, events: int, counters: "count[int]") -> None:
        self._epoch = token_hex(4)
        self._context = SealingContext(key, device, token_hex(2), token_bytes(32))
        self.lines = [
            payment_line(device, self._context, self._epoch, seq, counters) for seq in range(1, events + 1)
        ]
        self._chain = [chain.genesis(device, STREAM, self._epoch)]
        for line in self.lines:
            self._chain.append(chain.link(self._chain[-1], line))
        self.acked = 0

    @property
    def is_empty(self) -> bool:
        return self.acked == len(self.lines)

    def epochs(self, stream: Stream) -> Sequence[EpochView]:
        if stream is not STREAM:
            return ()
        last = len(self.lines)
        return (EpochView(epoch=self._epoch, oldest=1, last=last, head=self._chain[last], acked=self.acked),)

    def chain_at(self, stream: Stream, epoch: str, seq: int) -> bytes | None:
        return self._chain[seq]

    def read(self, stream: Stream, epoch: str, first: int, lines_max: int, bytes_max: int) -> Run:
        sealed = self._context.context
        chosen: list[bytes] = []
        size = len(sealed.sealed) + 100
        for line in self.lines[first - 1 : first - 1 + lines_max]:
            size += len(line) + 1
            if size > bytes_max:
                break
            chosen.append(line)
        return Run(
            first=first,
            prev=self._chain[first - 1],
            lines=tuple(chosen),
            contexts={sealed.id: sealed.sealed},
            next=first + len(chosen),
        )

    def acknowledge(self, stream: Stream, epoch: str, acked: int, now_ms: int) -> None:
        self.acked = acked

    def lanes(self, now_ms: int) -> Mapping[Stream, LaneState]:
        last = len(self.lines)
        listed = ListedEpoch(epoch=self._epoch, oldest=1, last=last, head=self._chain[last])
        return {STREAM: LaneState(epochs=[listed], acked={self._epoch: self.acked})}

    def listed(self, lanes: Mapping[Stream, LaneState]) -> None:
        """One epoch stays."""


def enrol_herd(
    home: Path,
    folder: Path,
    names: Sequence[str],
    secret_of: Callable[[str], bytes] = lambda _: token_bytes(32),
) -> tuple[list[Member], HubSealingPublicKey]:
    """Enrol devices into the key folder of a hub that is stopped; also return what they seal to."""
    room = KeyRoom.open(home / "keys", home.parent / "copy", clock=lambda: NOW_MS, count_start=False)
    members: list[Member] = []
    try:
        for name in names:
            key = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
            request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
            now_ms = time.time_ns() // 1_000_000
            issued = room.authority.issue_device(name, request.public_bytes(Encoding.PEM).decode(), now_ms)
            links = derive(secret_of(name))
            room.registry.record(
                DeviceEnrolled(
                    token_hash="",
                    request_hash="",
                    device=name,
                    kind="kiosk" if name.startswith("kiosk") else "terminal",
                    site="",
                    k_up=links.up.key.hex(),
                    k_down=links.down.key.hex(),
                    signing=Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex(),
                    serial=issued.serial,
                    expires_ms=now_ms + 86_400_000,
                    certificate="",
                )
            )
            path = folder / f"{name}.pem"
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            path.write_bytes(issued.pem.encode() + pem)
            members.append(Member(name, links, path))
        return members, room.keys.sealing[0].public()
    finally:
        room.close()


class HerdDevice:
    """One connection with its session.

    Attributes:
        lane: its outbox.
        done_s: monotonic time at which the hub had everything; 0 before.
    """

    def __init__(self, member: Member, lane: MemoryLane, tls: ssl.SSLContext) -> None:
        self.lane = lane
        self.done_s = 0.0
        self._name = member.name
        self._tls = tls
        keys = {member.keys.down.id: member.keys.down.key}
        identity = Identity(device=member.name, boot=1, up_key=member.keys.up, down_keys=keys)
        self._session = DeviceSession(identity, lane, lane, token_bytes)
        self._mids = count(1)
        self._outstanding = 0

    async def run(self, port: int) -> None:
        """Connect, and stay until the hub has everything; start over where the connection ends."""
        while not self.lane.is_empty:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._live(port)
            self._session.link_down()
            if not self.lane.is_empty:
                await asyncio.sleep(1)

    async def _live(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=self._tls)
        try:
            self._outstanding = 0
            will = self._session.will()
            last = mqtt.Publish(will.topic, will.payload)
            writer.write(mqtt.connect(f"{self._name}-{token_hex(4)}", KEEPALIVE_S, last))
            kind, body = await mqtt.read_packet(reader)
            if kind >> 4 != mqtt.Kind.CONNACK or body[1]:
                raise ConnectionRefusedError
            writer.write(mqtt.subscribe(1, [topics.down_filter(self._name), topics.HUB_STATE]))
            await mqtt.read_packet(reader)
            self._session.link_up(_now_ms())
            packets: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
            pump = asyncio.create_task(_pump(reader, packets))
            try:
                await self._speak(packets, writer)
            finally:
                pump.cancel()
        finally:
            await _hang_up(writer)

    async def _speak(
        self, packets: "asyncio.Queue[tuple[int, bytes] | None]", writer: asyncio.StreamWriter
    ) -> None:
        pinged_s = time.monotonic()
        while not self.lane.is_empty:
            room = limits.PUBLISHES_OUTSTANDING_MAX - self._outstanding
            for said in self._session.tick(_now_ms(), room):
                self._outstanding += 1
                mid = next(self._mids) % 65_535 + 1
                writer.write(mqtt.Publish(said.topic, said.payload, mid).packet())
            await writer.drain()
            due_ms = self._session.deadline_ms()
            wait_s = 5.0 if due_ms is None else min(5.0, max(0.01, (due_ms - _now_ms()) / 1000))
            with suppress(TimeoutError):
                packet = await asyncio.wait_for(packets.get(), wait_s)
                if packet is None:
                    raise ConnectionResetError
                self._take(*packet)
                while not packets.empty() and (packet := packets.get_nowait()) is not None:
                    self._take(*packet)
            if time.monotonic() - pinged_s > KEEPALIVE_S / 2:
                pinged_s = time.monotonic()
                writer.write(mqtt.packet(mqtt.Kind.PINGREQ << 4))
        self.done_s = time.monotonic()

    def _take(self, first: int, body: bytes) -> None:
        if first >> 4 == mqtt.Kind.PUBACK:
            self._outstanding -= 1
        elif first >> 4 == mqtt.Kind.PUBLISH:
            said = mqtt.Publish.parse(first, body)
            with suppress(InputError):
                self._session.receive(said.topic, said.payload, _now_ms(), WALL_MS)


async def run_herd(members: Sequence[HerdDevice], port: int, *, timeout_s: float) -> list[float]:
    """Let all of them come back at once; seconds until each was done, in no order.

    Raises:
        TimeoutError: not all of them were, in time.
    """
    began_s = time.monotonic()
    async with asyncio.timeout(timeout_s):
        await asyncio.gather(*(member.run(port) for member in members))
    return [member.done_s - began_s for member in members]


def make_herd(
    home: Path, members: Sequence[Member], key: HubSealingPublicKey, events: int
) -> list[HerdDevice]:
    """Fill every outbox; no connection yet."""
    ca_pem = (home / "keys" / "ca.crt").read_text()
    counters = count(1)
    return [
        HerdDevice(
            member,
            MemoryLane(member.name, key, events, counters),
            client_context(ca_pem=ca_pem, certificate=member.certificate, key=member.certificate),
        )
        for member in members
    ]


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection to its end, so that none outlives the loop it was made in."""
    writer.close()
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, packets: "asyncio.Queue[tuple[int, bytes] | None]") -> None:
    """Hand on every packet; None at the end. A wait that is given up must not cut a packet in two."""
    with suppress(OSError, asyncio.IncompleteReadError):
        while True:
            packets.put_nowait(await mqtt.read_packet(reader))
    packets.put_nowait(None)
