"""`python -m tests.vectors.make` writes the vectors anew; while the protocol stays, so do they."""

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.model.event import Stream
from shared.protocol import topics
from shared.protocol.acknowledgement import (
    Acknowledgement,
    StreamAck,
    Welcome,
    encode_acknowledgement,
    encode_welcome,
)
from shared.protocol.attachment import (
    CHUNK_BYTES,
    SEALED_CHUNK_BYTES,
    body_path,
    seal_body,
    sign_request,
)
from shared.protocol.keys import derive
from shared.protocol.lines import GapReason
from shared.protocol.mac import seal_message
from shared.protocol.sealing import place_of
from shared.protocol.signing import signing_key_id
from tests.vectors.card_files import FOLDER as CARD_FOLDER
from tests.vectors.card_files import card_files
from tests.vectors.device_dialogues import device_dialogues
from tests.vectors.fleet_messages import fleet
from tests.vectors.hub_dialogues import CASES, SIX, hub_dialogues
from tests.vectors.receipt_texts import RECEIPTS_FOLDER, receipts
from tests.vectors.receiver_walks import RECEIVER_FOLDER, receiver
from tests.vectors.seeds import (
    CONTEXT,
    DEVICE,
    FLEET_FOLDER,
    FOLDER,
    TIME_MS,
    Epoch,
    Vector,
    birth,
    seal,
    sealed_context,
    sealing_key,
    secret,
    seeded,
    signer,
    token,
)

SESSION = token("session")
PLACE = place_of(DEVICE, "payments", "0000000a", 1, "01930d3e-8a00-7000-8000-000000000001", "tap.charged")


def make() -> dict[str, list[Vector]]:
    """Every vector, by file."""
    return {
        "keys": keys(),
        "mac": mac(),
        "chain": chains(),
        "lines": lines(),
        "frames": frames(),
        "sealing": sealing(),
        "signing": signing(),
        "attachments": attachments(),
        "births": births(),
        "answers": answers(),
        "hub_dialogues": hub_dialogues(),
        "device_dialogues": device_dialogues(),
    }


def keys() -> list[Vector]:
    found: list[Vector] = []
    for name, why, raw in (
        ("a device's secret", "HKDF-SHA256, empty salt, info `vt1 up` and `vt1 down` (K-1)", secret()),
        ("zeros", "the same, for whoever begins", bytes(32)),
    ):
        both = derive(raw)
        found.append(
            {
                "name": name,
                "why": why,
                "secret": raw.hex(),
                "up": both.up.key.hex(),
                "up_id": both.up.id,
                "down": both.down.key.hex(),
                "down_id": both.down.id,
            }
        )
    return found


def mac() -> list[Vector]:
    key, topic = derive(secret()).up, topics.up(DEVICE, Stream.PAYMENTS)
    body = SIX.frame(SESSION, 7, contexts={})
    good = seal_message(key, topic, body).decode()
    tag = good.rpartition(".")[2]
    cases = [
        ("holds", "HMAC-SHA256 over topic, zero byte and body, 16 bytes of it (T-3)", topic, good, True),
        ("another stream", "the topic is covered", topics.up(DEVICE, Stream.CASES), good, False),
        ("another device", "the topic is covered", topics.up("kiosk-8", Stream.PAYMENTS), good, False),
        ("a body changed", "every byte is covered", topic, good.replace('"boot":1', '"boot":2'), False),
        ("another key id", "a key that is not in use", topic, good.replace(key.id, "00000000"), False),
        ("padded", "base64url without padding (T-3)", topic, good + "==", False),
        ("cut", "the whole tag must be there", topic, good[:-1], False),
        ("no newline before it", "a body ends in a newline", topic, good.replace("\n~", "~"), False),
        ("no MAC line", "a message without one has no effect (T-4)", topic, body.decode(), False),
        ("another tag", "base64url of other bytes", topic, good.replace(tag, "A" * 22), False),
    ]
    return [
        {
            "name": name,
            "why": why,
            "key": key.key.hex(),
            "key_id": key.id,
            "topic": t,
            "message": m,
            "holds": holds,
        }
        for name, why, t, m, holds in cases
    ]


def chains() -> list[Vector]:
    with_gap = [SIX.lines[0], SIX.gap(2, 4, GapReason.EVICTED), SIX.lines[4], SIX.lines[5]]
    return [
        {
            "name": name,
            "why": why,
            "device": DEVICE,
            "stream": epoch.stream.value,
            "epoch": epoch.epoch,
            "lines": [line.decode() for line in told],
            "values": [value.hex() for value in values],
        }
        for name, why, epoch, told, values in (
            (
                "payments",
                "c(0), then one value after each line (L-3)",
                SIX,
                SIX.lines,
                [SIX.head(n) for n in range(7)],
            ),
            (
                "cases",
                "another stream begins elsewhere",
                CASES,
                CASES.lines,
                [CASES.head(n) for n in range(3)],
            ),
            (
                "a gap",
                "a gap is not hashed: its `head` is the value after it (L-3)",
                SIX,
                with_gap,
                [SIX.head(n) for n in (0, 1, 4, 5, 6)],
            ),
        )
    ]


def lines() -> list[Vector]:
    line = Epoch(stream=Stream.HEALTH).write("h1").lines[0].decode()
    gap = SIX.gap(2, 4, GapReason.EVICTED).decode()
    event_id = json.loads(line)["id"]
    cases = [
        ("an event", "seq first (L-1)", line, "event"),
        ("an unknown member", "kept, not refused (L-1)", line[:-1] + ',"colour":"red"}', "event"),
        ("a gap", "seq, gap_to, reason, head (L-4)", gap, "gap"),
        ("compacted", "a reason", gap.replace("evicted", "compacted"), "gap"),
        (
            "another number",
            "the line stands at its own number",
            line.replace('"seq":1', '"seq":2'),
            "refused",
        ),
        (
            "seq is not first",
            "seq is the first member",
            line.replace('{"seq":1,', "{")[:-1] + ',"seq":1}',
            "refused",
        ),
        ("a float for seq", "numbers are whole", line.replace('"seq":1', '"seq":1.0'), "refused"),
        ("a member twice", "no duplicate (L-1)", line.replace('"boot"', '"boot":1,"boot"'), "refused"),
        (
            "a member twice, with a space",
            "no duplicate",
            line.replace('"boot"', '"boot" :1,"boot"'),
            "refused",
        ),
        (
            "a member twice, escaped",
            "no duplicate",
            line.replace('"boot"', '"b\\u006fot":1,"boot"'),
            "refused",
        ),
        ("NaN", "is not JSON (L-1)", line.replace('"boot":1', '"boot":NaN'), "refused"),
        ("beyond every double", "1e999 (L-1)", line.replace('"boot":1', '"boot":1e999'), "refused"),
        ("half of a pair", "a surrogate alone (L-1)", line.replace('"ok"', '"\\ud800"'), "refused"),
        ("too deep", "33 levels (L-1)", line.replace('"ok"', "[" * 31 + "]" * 31), "refused"),
        ("deep enough", "32 levels (L-1)", line.replace('"ok"', "[" * 30 + "]" * 30), "event"),
        (
            "another version of id",
            "ids are UUIDv7",
            line.replace(event_id[14:16], "4" + event_id[15]),
            "refused",
        ),
        ("a gap backwards", "gap_to is at or above seq", gap.replace('"gap_to":4', '"gap_to":1'), "refused"),
        ("a gap of another reason", "four reasons (L-4)", gap.replace("evicted", "bored"), "refused"),
        ("a gap without its head", "8 bytes", gap.replace(SIX.head(4).hex(), "00"), "refused"),
    ]
    return [
        {"name": name, "why": why, "seq": 2 if '"gap_to"' in text else 1, "line": text, "is": kind}
        for name, why, text, kind in cases
    ]


def frames() -> list[Vector]:
    whole, empty = SIX.frame(SESSION).decode(), SIX.frame(SESSION, 7, contexts={}).decode()
    cases = [
        ("six payments", "header, lines, each ends in a newline (L-5)", whole, True),
        ("keep-alive", "no lines: first is highest+1, prev the head (L-10)", empty, True),
        ("no epoch", "a lane that has none yet", empty.replace("0000000a", ""), True),
        ("fewer counted", "count is the lines", whole.replace('"count":6', '"count":5'), False),
        ("true for a count", "numbers are whole", empty.replace('"count":0', '"count":false'), False),
        ("another version", "v is 1", whole.replace('"v":1', '"v":2'), False),
        ("no last newline", "every line ends in one", whole[:-1], False),
        ("epoch in upper case", "8 lower-case digits (L-2)", whole.replace("0000000a", "0000000A"), False),
        ("a member twice", "no duplicate", whole.replace('"boot":1', '"boot":1,"boot":1', 1), False),
    ]
    found: list[Vector] = []
    for name, why, body, valid in cases:
        vector: Vector = {"name": name, "why": why, "body": body, "valid": valid}
        if valid:
            header, *told = body.removesuffix("\n").split("\n")
            vector["header"], vector["lines"] = json.loads(header), told
        found.append(vector)
    return found


def sealing() -> list[Vector]:
    data = '{"counter":1,"amount_minor":130,"currency":"EUR","product":"sencillo"}'
    sealed, context = seal(PLACE, 1, data.encode()), sealed_context()
    common = {
        "hub_private": sealing_key().raw.hex(),
        "hub_public": sealing_key().public().raw.hex(),
        "device": DEVICE,
        "context": CONTEXT,
        "sealed_context": context,
        "context_key": seeded("context").hex(),
        "place": PLACE,
        "sealed": sealed,
        "data": data,
    }
    name, count, text = sealed.split(".")
    elsewhere = place_of(
        DEVICE, "payments", "0000000a", 2, "01930d3e-8a00-7000-8000-000000000001", "tap.charged"
    )
    cases: list[tuple[str, str, dict[str, str]]] = [
        ("another place", "bound to device, stream, epoch, number, id and type (K-2)", {"place": elsewhere}),
        ("another device", "a context opens for its device (K-3)", {"device": "kiosk-8"}),
        ("another name", "a context opens under its name (K-3)", {"context": "c8"}),
        ("another count", "the nonce is counted (K-2)", {"sealed": f"{name}.2.{text}"}),
        ("a leading zero", "one writing only (K-2)", {"sealed": f"{name}.0{count}.{text}"}),
        ("padded", "base64url without padding (K-2)", {"sealed": f"{sealed}=="}),
        ("another suite", "the suite is named (K-3)", {"sealed_context": "x" + context}),
    ]
    opens = {
        "name": "context opens",
        "why": "HPKE base mode, then AES-256-GCM-SIV (K-2, K-3)",
        **common,
        "opens": True,
    }
    return [opens, *({"name": n, "why": w, **common, **other, "opens": False} for n, w, other in cases)]


def attachments() -> list[Vector]:
    event_id = "01930d3e-8a00-7000-8000-000000000001"
    key = seeded("attachment")
    plain = bytes(n % 251 for n in range(CHUNK_BYTES + 5))
    body = b"".join(seal_body(key, DEVICE, event_id, BytesIO(plain).read))
    path = body_path(DEVICE, sha256(body).hexdigest())
    common = {
        "key": key.hex(),
        "device": DEVICE,
        "event_id": event_id,
        "plain": f"byte n is n modulo 251, {len(plain)} of them",
        "plain_sha256": sha256(plain).hexdigest(),
        "size": len(body),
        "sha256": sha256(body).hexdigest(),
        "last_chunk": body[SEALED_CHUNK_BYTES:].hex(),
        "secret": secret().hex(),
        "path": path,
        "offset": 7,
        "content": "a piece",
        "authorization": sign_request(derive(secret()).up, "PATCH", path, 7, b"a piece"),
    }
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("another event", "a body belongs to its event (M-2)", {"event_id": event_id[:-1] + "2"}),
        ("another device", "and to its device (M-2)", {"device": "kiosk-8"}),
    ]
    opens = {
        "name": "two chunks",
        "why": "64 KiB, then the last one; the MAC line of a piece (M-2, M-5)",
        **common,
        "opens": True,
    }
    return [opens, *({"name": n, "why": w, **common, **other, "opens": False} for n, w, other in cases)]


def signing() -> list[Vector]:
    key = Ed25519PrivateKey.from_private_bytes(seeded("signing")).public_key()
    line = b'{"seq":1,"type":"tap.charged","sealed":"c7.1.AAAA"}'
    signed = signer().sign("payments", "0000000a", line).decode()
    common = {
        "private": seeded("signing").hex(),
        "public": key.public_bytes_raw().hex(),
        "key_id": signing_key_id(key),
        "device": DEVICE,
        "stream": "payments",
        "epoch": "0000000a",
        "line": line.decode(),
        "signed": signed,
    }
    cases: list[tuple[str, str, dict[str, str]]] = [
        ("another epoch", "the place is signed (K-4)", {"epoch": "0000000b"}),
        ("another device", "the place is signed (K-4)", {"device": "kiosk-8"}),
        ("a byte changed", "the line is signed (K-4)", {"signed": signed.replace('"seq":1', '"seq":2')}),
        ("sig is not last", "sig is the last member (K-4)", {"signed": signed[:-1] + ',"more":1}'}),
        ("padded", "base64url without padding", {"signed": signed[:-2] + '=="}'}),
        ("none", "a line without a signature", {"signed": line.decode()}),
    ]
    holds = {
        "name": "holds",
        "why": "Ed25519 over place, zero byte, bar and line (K-4)",
        **common,
        "holds": True,
    }
    return [holds, *({"name": n, "why": w, **common, **other, "holds": False} for n, w, other in cases)]


def births() -> list[Vector]:
    first = birth(token("nonce"), None, SIX, CASES).decode()
    again = birth(token("nonce"), SESSION, replace(SIX, oldest=4), CASES).decode()
    cases = [
        ("the first of a connection", "no session (B-1)", first, True),
        ("with a session", "it takes up an offer (B-3)", again, True),
        ("an unknown member", "kept", first.replace('"boot":1', '"boot":1,"slot":"b"', 1), True),
        ("oldest beyond last+1", "cannot be", again.replace('"oldest":4', '"oldest":8'), False),
        (
            "an epoch twice",
            "each once",
            first.replace('"epochs":[', '"epochs":[' + _listed(first) + ","),
            False,
        ),
        ("no nonce", "it is needed", first.replace('"nonce"', '"once"'), False),
        ("another version", "v is 1", first.replace('"v":1', '"v":2'), False),
    ]
    return [_body(name, why, body, valid=valid) for name, why, body, valid in cases]


def _listed(body: str) -> str:
    epochs = json.loads(body)["streams"]["payments"]["epochs"]
    return json.dumps(epochs[0], separators=(",", ":"))


def answers() -> list[Vector]:
    welcome = encode_welcome(
        Welcome(nonce=token("nonce"), session=SESSION, incarnation=12, time_ms=TIME_MS, hold_s=3)
    ).decode()
    streams = {
        Stream.PAYMENTS: StreamAck(epoch="0000000a", acked=6, head=SIX.head(), credit=800),
        Stream.CASES: StreamAck(epoch="0000000d", acked=0, head=None, credit=0),
    }
    ack = encode_acknowledgement(
        Acknowledgement(incarnation=12, n=17, session=SESSION, streams=streams, time_ms=TIME_MS, fenced=True)
    ).decode()
    cases = [
        ("a welcome", "nonce and offer (B-2)", welcome, True),
        ("an acknowledgement", "one epoch a stream; head null while ids decide (A-3, A-5)", ack, True),
        ("a stream that is not known", "passed over", ack.replace('"cases"', '"photographs"'), True),
        ("no word of the fence", "it is needed (A-8)", ack.replace('"fenced"', '"penned"'), False),
        (
            "a number below nothing",
            "acked is whole and not below 0",
            ack.replace('"acked":6', '"acked":-6'),
            False,
        ),
        ("a short head", "8 bytes", ack.replace(SIX.head().hex(), "00"), False),
        ("another version", "v is 1", welcome.replace('"v":1', '"v":2'), False),
    ]
    return [_body(name, why, body, valid=valid) for name, why, body, valid in cases]


def _body(name: str, why: str, body: str, *, valid: bool) -> Vector:
    vector: Vector = {"name": name, "why": why, "body": body, "valid": valid}
    return {**vector, "members": json.loads(body)} if valid else vector


def written(vectors: Sequence[Vector]) -> str:
    """A file's text."""
    return "".join(json.dumps(v, ensure_ascii=False, separators=(",", ":")) + "\n" for v in vectors)


def main() -> None:
    """Write every file."""
    every = (
        (FOLDER, make()),
        (FLEET_FOLDER, fleet()),
        (RECEIPTS_FOLDER, receipts()),
        (CARD_FOLDER, card_files()),
        (RECEIVER_FOLDER, receiver()),
    )
    for folder, made in every:
        folder.mkdir(exist_ok=True)
        for name, vectors in made.items():
            (folder / f"{name}.jsonl").write_text(written(vectors))


if __name__ == "__main__":
    main()
