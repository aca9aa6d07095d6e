"""What every vector is made of: keys that follow from a public text, one sealed context, a device's pen.

Nothing here is a secret: whoever reads `SEED` has every key. Only the context's HPKE message is drawn at
random (RFC 9180 has no other way); it is kept from one making to the next.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from shared.model.event import Stream
from shared.model.ids import new_event_id
from shared.protocol import chain
from shared.protocol.birth import Birth, LaneState, ListedEpoch, encode_birth
from shared.protocol.delivery import PROMISED
from shared.protocol.frame import Frame, encode_frame
from shared.protocol.lines import Gap, GapReason, Stamp, compose
from shared.protocol.parsing import encode
from shared.protocol.sealing import HubSealingKey, SealedContext, SealError, place_of
from shared.protocol.signing import LineSigner

SEED: Final = "Ventanilla, test vectors of the delivery protocol"
FOLDER: Final = Path(__file__).parent / "delivery"
FLEET_FOLDER: Final = Path(__file__).parent / "fleet"
DEVICE: Final = "kiosk-7"
CONTEXT: Final = "c7"
TIME_MS: Final = 1_795_255_200_000
TIME: Final = "2026-11-21T10:00:00Z"

Vector = dict[str, Any]


def seeded(what: str, length: int = 32) -> bytes:
    """Bytes that follow from the seed and a word."""
    return hashlib.shake_256(f"{SEED}|{what}".encode()).digest(length)


def token(what: str) -> str:
    """A nonce or a session: 16 bytes, base64url."""
    return urlsafe_b64encode(seeded(what, 16)).rstrip(b"=").decode()


def secret() -> bytes:
    """The device's secret."""
    return seeded("secret")


def sealing_key() -> HubSealingKey:
    """The hub's sealing key."""
    return HubSealingKey(seeded("sealing", 96))


def signer(device: str = DEVICE) -> LineSigner:
    """The device's signing key, at work."""
    return LineSigner(device, Ed25519PrivateKey.from_private_bytes(seeded("signing")))


def stored(name: str, folder: Path = FOLDER) -> list[Vector]:
    """The vectors of a file, as they lie there."""
    path = folder / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@cache
def sealed_context() -> str:
    """The sealed form of the context: the one that lies there, while it opens, or a new one."""
    kept = next((v["sealed_context"] for v in stored("sealing") if v["name"] == "context opens"), "")
    try:
        sealing_key().open(DEVICE, SealedContext(CONTEXT, kept))
    except SealError:
        return sealing_key().public().seal(DEVICE, CONTEXT, seeded("context"))
    return kept


def seal(place: str, count: int, data: bytes) -> str:
    """What a device writes for data that is sealed under the context."""
    ciphertext = AESGCMSIV(seeded("context")).encrypt(count.to_bytes(12, "big"), data, place.encode())
    return f"{CONTEXT}.{count}.{urlsafe_b64encode(ciphertext).rstrip(b'=').decode()}"


@dataclass(slots=True)
class Epoch:
    """One epoch of a device: lines by what they say, each with its chain value."""

    stream: Stream = Stream.PAYMENTS
    epoch: str = "0000000a"
    oldest: int = 1
    lines: list[bytes] = field(default_factory=list[bytes])

    def write(self, *words: str) -> "Epoch":
        """Append an event for each word; its id follows from the word."""
        for word in words:
            seq = len(self.lines) + 1
            event_id = new_event_id(TIME_MS, seeded(word, 10))
            kind, subject, data = _event(self.stream, seq)
            payload: tuple[str, Any] = ("data", data)
            if self.stream in PROMISED:
                place = place_of(DEVICE, self.stream, self.epoch, seq, event_id, kind)
                count = int.from_bytes(seeded(f"{place}|count", 3), "big")
                payload = ("sealed", seal(place, count, encode(data)))
            line = compose(seq, event_id, kind, Stamp(TIME, 1, seq, 5), subject, payload)
            if self.stream is Stream.PAYMENTS:
                line = signer().sign(self.stream, self.epoch, line)
            self.lines.append(line)
        return self

    def until(self, last: int) -> "Epoch":
        """The same epoch as it was when it ended there."""
        return replace(self, lines=self.lines[:last])

    @property
    def last(self) -> int:
        return len(self.lines)

    def head(self, seq: int | None = None) -> bytes:
        value = chain.genesis(DEVICE, self.stream, self.epoch)
        for line in self.lines[:seq]:
            value = chain.link(value, line)
        return value

    def gap(self, first: int, last: int, reason: GapReason) -> bytes:
        return Gap(first, last, reason, self.head(last)).encode()

    def frame(self, session: str, first: int = 1, last: int | None = None, **other: Any) -> bytes:  # noqa: ANN401  members of a frame
        """A frame's body; members of the frame may be given as others."""
        frame = Frame(
            session=session,
            epoch=self.epoch,
            first=first,
            prev=self.head(first - 1),
            oldest=self.oldest,
            highest=self.last,
            boot=1,
            uptime_ms=1_000,
            contexts={CONTEXT: sealed_context()} if self.stream in PROMISED else {},
            lines=tuple(self.lines[first - 1 : last]),
        )
        return encode_frame(replace(frame, **other))


def birth(nonce: str, session: str | None, *epochs: Epoch, uptime_ms: int = 1_000, **other: Any) -> bytes:  # noqa: ANN401  members of a frame
    """A birth's body that lists some epochs."""
    lanes: dict[Stream, LaneState] = {}
    for stream in Stream:
        of_stream = [e for e in epochs if e.stream is stream]
        if of_stream:
            listed = [
                ListedEpoch(epoch=e.epoch, oldest=e.oldest, last=e.last, head=e.head()) for e in of_stream
            ]
            lanes[stream] = LaneState(epochs=listed)
    said = Birth(nonce=nonce, session=session, incarnation=1, boot=1, uptime_ms=uptime_ms, lanes=lanes)
    return encode_birth(replace(said, **other))


def _event(stream: Stream, seq: int) -> tuple[str, str | None, Mapping[str, Any]]:
    match stream:
        case Stream.PAYMENTS:
            tap = {"counter": seq, "amount_minor": 130, "currency": "EUR", "product": "sencillo"}
            return "tap.charged", "card-1", tap
        case Stream.CASES:
            return "notice.shown", None, {"notice": "obras", "version": seq}
        case Stream.HEALTH:
            return "device.state", None, {"key": "printer", "state": "ok"}
        case _:
            return "device.counters", None, {"frames": seq}
