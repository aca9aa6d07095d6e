"""The line between a kiosk's two processes: what a screen out of its mind can do, which is little."""

import socket
import struct
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk_app.machine.framing import BODY_BYTES_MAX, MEMBERS_BYTES_MAX, LineEndedError, MessageLine
from kiosk_app.machine.machine import Whereabouts
from kiosk_app.machine.messages import line_members
from kiosk_app.owner.receipts import Receipts
from kiosk_app.owner.screen_line import Heard, Keeping, ScreenLine
from shared.adapters.attachment_store import AttachmentStore
from shared.edge.pseudonyms import Pseudonyms
from shared.edge.seam import Place, SealedLine, Taken
from shared.model.errors import CapacityError
from shared.model.event import Stream
from shared.protocol.lines import Stamp, compose
from shared.protocol.receipts import TownKeys, Verdict, endorse, judge
from tests.support.kiosk import HERE, TownGazetteer

TOWN = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
KEY = Ed25519PrivateKey.from_private_bytes(b"d" * 32)
EVENT_ID = "01930d3e-8a00-7000-8000-000000000001"
PLACE = Place(Stream.CASES, "0000000a", 7, 1, None, None)
STAMP = Stamp("2026-11-22T10:00:00Z", 1, 1)


@dataclass
class Disk:
    """Keeps lines in memory; full where a test says so."""

    lines: list[SealedLine] = field(default_factory=list[SealedLine])
    full: bool = False

    def can_take(self, stream: Stream) -> str | None:
        return None

    def place(self, stream: Stream) -> Future[Place]:
        future: Future[Place] = Future()
        future.set_result(PLACE)
        return future

    def append(self, line: SealedLine) -> Future[Taken]:
        future: Future[Taken] = Future()
        if self.full:
            future.set_exception(CapacityError("full; wait"))
        else:
            self.lines.append(line)
            future.set_result(Taken(line.event_id, Stream.CASES, "0000000a", 7))
        return future


@dataclass
class Rig:
    """A screen's end, and what the owner did."""

    screen: MessageLine
    raw: socket.socket
    disk: Disk
    store: AttachmentStore
    said: list[object] = field(default_factory=list[object])

    def ask(self, members: Mapping[str, Any], body: bytes = b"") -> Mapping[str, Any]:
        self.screen.send({**members, "n": 1}, body)
        return self.screen.receive()[0]

    def is_cut(self) -> bool:
        try:
            self.screen.receive()
        except LineEndedError:
            return True
        return False


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    disk, store = Disk(), AttachmentStore(tmp_path / "bodies", "kiosk-7")
    pseudonyms = Pseudonyms(b"f" * 32)
    word = endorse(TOWN, "kiosk-7", KEY.public_key().public_bytes_raw(), 2_000_000_000_000)
    keeping = Keeping(
        device="kiosk-7",
        owner=disk,
        store=store,
        pseudonyms=pseudonyms,
        receipts=Receipts("kiosk-7", KEY, lambda: word, pseudonyms),
        ask_hub=lambda what, about: {"what": what, "about": about},
        ask_card=lambda talk, body: {"talk": talk, **body},
    )
    rig = Rig(MessageLine(theirs), theirs, disk, store)
    heard = Heard(
        beat=lambda: rig.said.append("beat"),
        leave=lambda: rig.said.append("leave"),
        awaited=lambda aloud: rig.said.append(f"awaited, {aloud=}"),
        health=rig.said.append,
    )
    line = ScreenLine(MessageLine(ours), keeping, heard)
    line.start()
    yield rig
    line.close()
    theirs.close()


def sealed_line(
    *, event_id: str = EVENT_ID, payload: tuple[str, Any] = ("sealed", "c1.1.AAAA")
) -> SealedLine:
    raw = compose(7, EVENT_ID, "incident.reported", STAMP, None, payload)
    return SealedLine(PLACE, EVENT_ID, raw, ("c1", "suite.AAAA"))


def test_line_is_taken_and_its_receipt_signed_by_what_the_owner_saw(rig: Rig) -> None:
    line = sealed_line()
    answer = rig.ask({"ask": "append", **line_members(line)}, line.line)
    assert answer["taken"]["seq"] == 7
    assert rig.disk.lines == [line]
    proof = rig.ask({"ask": "receipt", "id": EVENT_ID})["text"]
    keys = TownKeys(town="x", keys=(TOWN.public_key().public_bytes_raw(),))
    judged = judge(proof, keys.by_id())
    assert judged.verdict is Verdict.GENUINE
    assert judged.receipt is not None
    assert judged.receipt.reference == rig.ask({"ask": "reference", "id": EVENT_ID})["text"]
    where = Whereabouts(here=HERE, gazetteer=TownGazetteer(), verify="https://avisos.villar.es")
    address = urlsplit(where.shown(proof))
    assert (address.netloc, address.path, parse_qs(address.query)) == (
        "avisos.villar.es",
        "/verify",
        {"r": [proof]},
    )
    assert judge(where.shown(proof), keys.by_id()) == judged
    assert Whereabouts(here=HERE, gazetteer=TownGazetteer()).shown(proof) == proof


def test_refusal_of_the_disk_reaches_the_screen_with_its_family(rig: Rig) -> None:
    rig.disk.full = True
    line = sealed_line()
    answer = rig.ask({"ask": "append", **line_members(line)}, line.line)
    assert (answer["failed"], answer["why"]) == ("capacity", "full; wait")


@pytest.mark.parametrize(
    "line",
    [
        sealed_line(payload=("data", {"description": "in the clear"})),
        SealedLine(PLACE, EVENT_ID, sealed_line().line, None),
        SealedLine(PLACE, "01930d3e-8a00-7000-8000-000000000002", sealed_line().line, ("c1", "s")),
        SealedLine(
            Place(Stream.PAYMENTS, "0000000a", 7, 1, None, None), EVENT_ID, sealed_line().line, ("c1", "s")
        ),
        SealedLine(PLACE, EVENT_ID, b"x" * 20_000, ("c1", "s")),
    ],
    ids=["in the clear", "without a context", "of another event", "of payments", "too long"],
)
def test_line_that_a_screen_may_not_hand_in_is_kept_nowhere_and_cuts_it_off(
    rig: Rig, line: SealedLine
) -> None:
    rig.screen.send({"ask": "append", "n": 1, **line_members(line)}, line.line)
    assert rig.is_cut()
    assert rig.disk.lines == []


def test_receipt_of_an_event_that_was_not_taken_is_not_signed(rig: Rig) -> None:
    rig.screen.send({"ask": "receipt", "n": 1, "id": EVENT_ID})
    assert rig.is_cut()


def test_photograph_is_kept_as_it_was_named_and_another_one_is_not(rig: Rig) -> None:
    body = b"sealed" * 1_000
    envelope = {"sha256": sha256(body).hexdigest(), "size": len(body), "media_type": "image/jpeg"}
    assert "failed" not in rig.ask({"ask": "keep", "id": EVENT_ID, "envelope": envelope}, body)
    assert rig.store.is_sound(envelope["sha256"])
    rig.ask({"ask": "discard", "id": EVENT_ID})
    assert rig.store.holding().bodies == 0
    rig.screen.send({"ask": "keep", "n": 1, "id": EVENT_ID, "envelope": envelope}, body[:-1] + b"x")
    assert rig.is_cut()
    assert rig.store.holding().bodies == 0


def test_words_of_the_screen_are_heard_and_questions_are_passed_on(rig: Rig) -> None:
    rig.screen.send({"say": "beat"})
    rig.screen.send({"say": "leave"})
    rig.screen.send({"say": "health", "parts": {"camera": "ok"}})
    answer = rig.ask({"ask": "hub", "what": "case", "about": "7KXM-2PRT-94V7"})
    assert answer["said"] == {"what": "case", "about": "7KXM-2PRT-94V7"}
    assert rig.said == ["beat", "leave", {"camera": "ok"}]


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack("!II", MEMBERS_BYTES_MAX + 1, 0),
        struct.pack("!II", 2, BODY_BYTES_MAX + 1) + b"{}",
        struct.pack("!II", 2, 0) + b"[]",
        struct.pack("!II", 9, 0) + b'{"n":NaN}',
        struct.pack("!II", 17, 0) + b'{"ask":"dance"}  ',
    ],
    ids=["long members", "long body", "no object", "no JSON", "an unknown question"],
)
def test_message_that_makes_no_sense_cuts_the_screen_off(rig: Rig, raw: bytes) -> None:
    rig.raw.sendall(raw)
    assert rig.is_cut()


@pytest.mark.parametrize("talk", ["../../v1", "ñ" * 32, "A" * 32, "0" * 31, 7, ["0"]])
def test_talk_that_is_none_cuts_the_screen_off(rig: Rig, talk: object) -> None:
    rig.screen.send({"ask": "card", "n": 1, "talk": talk, "body": {}})
    assert rig.is_cut()


@pytest.mark.parametrize("talk", ["", "0123456789abcdef" * 2])
def test_talk_of_a_card_is_handed_on(rig: Rig, talk: str) -> None:
    rig.screen.send({"ask": "card", "n": 1, "talk": talk, "body": {"n": 3}})
    assert rig.screen.receive()[0]["said"] == {"talk": talk, "n": 3}


def test_screen_that_dies_in_the_middle_of_a_message_costs_nothing(rig: Rig) -> None:
    line = sealed_line()
    rig.raw.sendall(struct.pack("!II", 400, len(line.line)) + b'{"ask":"append","n":1')
    rig.raw.shutdown(socket.SHUT_WR)
    assert rig.is_cut()
    assert rig.disk.lines == []
