"""Every vector against our own implementation, as a stranger would run it against another one."""

import copy
import json
import sqlite3
from base64 import urlsafe_b64decode
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.db import tables
from hub.ingest.apply import Incoming
from hub.ingest.opening import Opener
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol import chain
from shared.protocol.acknowledgement import (
    Acknowledgement,
    StreamAck,
    Welcome,
    decode_answer,
    encode_acknowledgement,
    encode_welcome,
)
from shared.protocol.attachment import check_request, seal_body, sign_request
from shared.protocol.birth import decode_birth, encode_birth
from shared.protocol.frame import decode_frame, encode_frame
from shared.protocol.keys import derive
from shared.protocol.lines import Gap, Line, read_gap, read_line
from shared.protocol.mac import MacError, open_message, seal_message
from shared.protocol.sealing import HubSealingKey, SealedContext, SealError
from shared.protocol.sender import Batch, Sender, Verdict
from shared.protocol.signing import LineSigner, SignatureError, verify_line
from tests.simulation.disk import Disk, DiskEpoch, Row
from tests.simulation.hub import Registry
from tests.support.hub_database import rows
from tests.support.street import Street
from tests.vectors.make import make, written
from tests.vectors.seeds import DEVICE, FOLDER, Vector, sealing_key, secret, stored


def vectors(name: str) -> list[Any]:
    """The vectors of a file, as parameters."""
    return [pytest.param(vector, id=vector["name"]) for vector in stored(name)]


def test_vectors_that_lie_there_are_the_ones_that_are_made() -> None:
    made = make()
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == set(made)
    for name, found in made.items():
        assert (FOLDER / f"{name}.jsonl").read_text() == written(found)


def test_vector_has_a_name_of_its_own_and_says_why() -> None:
    for name in make():
        found = stored(name)
        assert found
        assert len({vector["name"] for vector in found}) == len(found)
        assert all(vector["why"] for vector in found)


# ---- one thing at a time ----------------------------------------------------------------------------------


@pytest.mark.sentence("K-1")
@pytest.mark.parametrize("vector", vectors("keys"))
def test_keys_follow_from_the_secret(vector: Vector) -> None:
    keys = derive(bytes.fromhex(vector["secret"]))
    assert (keys.up.key.hex(), keys.up.id) == (vector["up"], vector["up_id"])
    assert (keys.down.key.hex(), keys.down.id) == (vector["down"], vector["down_id"])


@pytest.mark.sentence("T-3")
@pytest.mark.parametrize("vector", vectors("mac"))
def test_mac_holds_or_not(vector: Vector) -> None:
    key, topic, message = bytes.fromhex(vector["key"]), vector["topic"], vector["message"].encode()
    if vector["holds"]:
        body = open_message({vector["key_id"]: key}, topic, message)
        up = derive(secret()).up
        assert (up.key, seal_message(up, topic, body)) == (key, message)
    else:
        with pytest.raises(MacError):
            open_message({vector["key_id"]: key}, topic, message)


@pytest.mark.sentence("L-3")
@pytest.mark.parametrize("vector", vectors("chain"))
def test_chain_has_these_values(vector: Vector) -> None:
    value = chain.genesis(vector["device"], vector["stream"], vector["epoch"])
    values = [value]
    for line in vector["lines"]:
        gap = read_gap(line.encode())
        value = chain.link(value, line.encode()) if gap is None else gap.head
        values.append(value)
    assert [value.hex() for value in values] == vector["values"]


@pytest.mark.sentence("L-1")
@pytest.mark.sentence("L-4")
@pytest.mark.parametrize("vector", vectors("lines"))
def test_line_is_an_event_a_gap_or_refused(vector: Vector) -> None:
    raw = vector["line"].encode()
    match vector["is"]:
        case "event":
            assert read_gap(raw) is None
            assert read_line(raw, vector["seq"]).members == json.loads(raw)
        case "gap":
            gap = read_gap(raw)
            assert gap is not None
            assert gap.encode() == raw
        case _:
            with pytest.raises(InputError):
                read_either(raw, vector["seq"])


def read_either(raw: bytes, seq: int) -> Gap | Line:
    """Read a line as the hub does."""
    return read_gap(raw) or read_line(raw, seq)


@pytest.mark.sentence("L-5")
@pytest.mark.parametrize("vector", vectors("frames"))
def test_frame_is_read_and_written_or_refused(vector: Vector) -> None:
    body = vector["body"].encode()
    if not vector["valid"]:
        with pytest.raises(InputError):
            decode_frame(body)
        return
    frame, header = decode_frame(body), vector["header"]
    assert encode_frame(frame) == body
    assert [line.decode() for line in frame.lines] == vector["lines"]
    assert (frame.first, frame.prev.hex(), frame.oldest, frame.highest) == tuple(
        header[name] for name in ("first", "prev", "oldest", "highest")
    )


@pytest.mark.sentence("M-2")
@pytest.mark.sentence("M-5")
@pytest.mark.parametrize("vector", vectors("attachments"))
def test_body_opens_for_its_own_event_and_its_pieces_are_signed(vector: Vector) -> None:
    key, device, event_id = bytes.fromhex(vector["key"]), vector["device"], vector["event_id"]
    plain = bytes(n % 251 for n in range(vector["size"] - 32))
    assert sha256(plain).hexdigest() == vector["plain_sha256"]
    body = b"".join(seal_body(key, device, event_id, BytesIO(plain).read))
    assert (sha256(body).hexdigest() == vector["sha256"]) is vector["opens"]
    assert body.endswith(bytes.fromhex(vector["last_chunk"])) is vector["opens"]
    up = derive(bytes.fromhex(vector["secret"])).up
    content = vector["content"].encode()
    assert sign_request(up, "PATCH", vector["path"], vector["offset"], content) == vector["authorization"]
    check_request(
        {up.id: up.key}, vector["authorization"], "PATCH", vector["path"], vector["offset"], content
    )


@pytest.mark.sentence("K-2")
@pytest.mark.sentence("K-3")
@pytest.mark.parametrize("vector", vectors("sealing"))
def test_sealed_data_opens_or_not(vector: Vector) -> None:
    key = HubSealingKey(bytes.fromhex(vector["hub_private"]))
    assert key.public().raw.hex() == vector["hub_public"]
    context = SealedContext(vector["context"], vector["sealed_context"])
    if vector["opens"]:
        assert (
            key.open(vector["device"], context).open(vector["place"], vector["sealed"])
            == vector["data"].encode()
        )
        fresh = SealedContext("c9", key.public().seal(DEVICE, "c9", bytes.fromhex(vector["context_key"])))
        assert key.open(DEVICE, fresh).open(vector["place"], vector["sealed"]) == vector["data"].encode()
    else:
        with pytest.raises(SealError):
            key.open(vector["device"], context).open(vector["place"], vector["sealed"])


@pytest.mark.sentence("K-4")
@pytest.mark.parametrize("vector", vectors("signing"))
def test_signature_holds_or_not(vector: Vector) -> None:
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vector["public"]))
    place = (vector["stream"], vector["epoch"])
    if vector["holds"]:
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["private"]))
        signed = LineSigner(vector["device"], private).sign(*place, vector["line"].encode())
        assert signed.decode() == vector["signed"]
        verify_line(public, vector["device"], *place, signed)
    else:
        with pytest.raises(SignatureError):
            verify_line(public, vector["device"], *place, vector["signed"].encode())


@pytest.mark.sentence("B-1")
@pytest.mark.parametrize("vector", vectors("births"))
def test_birth_is_read_and_written_or_refused(vector: Vector) -> None:
    body = vector["body"].encode()
    if vector["valid"]:
        assert json.loads(encode_birth(decode_birth(body))) == vector["members"]
    else:
        with pytest.raises(InputError):
            decode_birth(body)


@pytest.mark.sentence("B-2")
@pytest.mark.sentence("A-3")
@pytest.mark.parametrize("vector", vectors("answers"))
def test_answer_is_read_and_written_or_refused(vector: Vector) -> None:
    body = vector["body"].encode()
    if not vector["valid"]:
        with pytest.raises(InputError):
            decode_answer(body)
        return
    answer = decode_answer(body)
    again = encode_welcome(answer) if isinstance(answer, Welcome) else encode_acknowledgement(answer)
    known, members = json.loads(again), dict(vector["members"])
    if "streams" in members:
        members["streams"] = {s: v for s, v in members["streams"].items() if s in set(Stream)}
    assert known == members


# ---- the hub's half ---------------------------------------------------------------------------------------


class Offers:
    """Random bytes of which the next session is known."""

    def __init__(self) -> None:
        self.next = ""

    def __call__(self, length: int) -> bytes:
        return urlsafe_b64decode(f"{self.next}==") if length == 16 else bytes(length)


class VectorKeys(Registry):
    """The device's keys follow from the vectors' secret."""

    def __init__(self) -> None:
        super().__init__([])
        keys = derive(secret())
        self._keys = {DEVICE: keys}
        self._up = {DEVICE: {keys.up.id: keys.up.key}}


class HubUnderTest(Street):
    """Our hub, with the keys of the vectors."""

    def __init__(self) -> None:
        self.offers = Offers()
        self.up = derive(secret()).up
        self._kept: dict[int, bytes] = {}
        super().__init__(registry=VectorKeys(), opener=Opener([sealing_key()]), chance=self.offers)

    def say(self, topic: str, body: str) -> Welcome | Acknowledgement | None:
        """Say something as the device, and open the answer."""
        said = self.hear(Incoming(topic, seal_message(self.up, topic, body.encode())))
        return said[0].answer if said else None

    def keep(self, step: int) -> None:
        """Back the database up."""
        self._kept[step] = self._raw().serialize()

    def restore(self, step: int) -> None:
        """Put a backup back; keys and fences stay as they are."""
        self._raw().deserialize(self._kept[step])
        self.restart()

    def _raw(self) -> sqlite3.Connection:
        self.connection.rollback()
        raw = self.connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        return raw


@pytest.mark.parametrize("vector", vectors("hub_dialogues"))
def test_hub_holds_the_dialogue(vector: Vector) -> None:
    hub = HubUnderTest()
    for number, step in enumerate(vector["steps"]):
        match step.get("happen"):
            case "restart":
                hub.restart()
            case "restore":
                hub.restore(step["after"])
            case _:
                hub.offers.next = step["must"].get("welcome", {}).get("session", "")
                check_answer(hub.say(step["topic"], step["body"]), step["must"])
                check_books(hub, step["must"])
        hub.keep(number)


def check_answer(answer: Welcome | Acknowledgement | None, must: Vector) -> None:
    """Hold an answer against what it must be."""
    if must.get("silent"):
        assert answer is None
    elif "welcome" in must:
        assert isinstance(answer, Welcome)
        assert {"nonce": answer.nonce, "session": answer.session} == must["welcome"]
    else:
        assert isinstance(answer, Acknowledgement)
        assert {stream.value for stream in answer.streams} == {place["stream"] for place in must["at"]}
        for place in must["at"]:
            stands = answer.streams[Stream(place["stream"])]
            assert (stands.epoch, stands.acked) == (place["epoch"], place["acked"])
            if "head" in place:
                assert (None if stands.head is None else stands.head.hex()) == place["head"]
        assert answer.fenced == must.get("fenced", answer.fenced)


def check_books(hub: HubUnderTest, must: Vector) -> None:
    """Hold what is committed against what it must be."""
    connection = hub.connection
    if "held" in must:
        assert len(rows(connection, tables.inbox)) == must["held"]
    if "losses" in must:
        columns = ("first_seq", "last_seq", "reason", "possibly_more")
        losses = [[row[column] for column in columns] for row in rows(connection, tables.loss_record)]
        assert losses == must["losses"]
    if "quarantined" in must:
        assert [row["seq"] for row in rows(connection, tables.quarantine)] == must["quarantined"]
    if "fenced" in must:
        assert hub.registry.is_fenced(DEVICE) is must["fenced"]


# ---- the device's half ------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", vectors("device_dialogues"))
def test_device_holds_the_dialogue(vector: Vector) -> None:
    stream, outbox = Stream(vector["stream"]), outbox_of(vector)
    sender, now_ms = Sender(outbox), 0
    for step in vector["steps"]:
        verdict = Verdict.GO_ON
        if "wait_ms" in step:
            now_ms += step["wait_ms"]
            verdict = sender.check_timeouts(now_ms)
        else:
            word = copy.copy(step["hear"])
            word["head"] = None if word["head"] is None else bytes.fromhex(word["head"])
            verdict = sender.take({stream: StreamAck(**word)}, now_ms)
        must = step["must"]
        assert (verdict is Verdict.BIRTH) is must["births"]
        if "acked" in must:
            assert [view.acked for view in outbox.epochs(stream)] == must["acked"]
        if verdict is Verdict.GO_ON:
            sends: list[Vector] = []
            while (batch := sender.next_batch(now_ms)) is not None:
                sends.append(header_of(batch))
            assert sends == must["sends"]


def outbox_of(vector: Vector) -> Disk:
    """An outbox that holds a vector's lines."""
    disk, stream = Disk(vector["device"]), Stream(vector["stream"])
    for told in vector["outbox"]:
        value = chain.genesis(vector["device"], stream, told["epoch"])
        epoch = DiskEpoch(name=told["epoch"], base=(0, value))
        for seq, line in enumerate(told["lines"], start=1):
            raw, before = line.encode(), value
            value = chain.link(before, raw)
            epoch.rows[seq] = Row(raw=raw, prev=before, chain=value, end=seq, event=seq, synced=True)
        epoch.reload()
        disk.epochs_of[stream].append(epoch)
    return disk


def header_of(batch: Batch) -> Vector:
    """What a frame's header would say."""
    return {
        "epoch": batch.epoch,
        "first": batch.run.first,
        "count": len(batch.run.lines),
        "prev": batch.run.prev.hex(),
        "oldest": batch.oldest,
        "highest": batch.highest,
    }
